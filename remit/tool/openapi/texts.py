"""Names and texts of other people, made safe to stand in a contract.

What a description says is data: markup and control characters are taken out, length is bounded,
and nothing of it is ever a path, a reference or an instruction.
"""

import re
import unicodedata
from hashlib import sha256

from remit.canonical import JSON

_TAG = re.compile(r"<[^<>]{0,500}>")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOOL_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_MOST = 60


def plain(text: JSON, most: int) -> str:
    """Return `text` on one line, without markup and control characters; empty if it is no text."""
    if not isinstance(text, str):
        return ""
    bare = _TAG.sub(" ", text[: most * 20])
    shown = "".join(
        " " if unicodedata.category(letter).startswith(("C", "Z")) else letter for letter in bare
    )
    line = " ".join(shown.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def segment(text: str) -> str:
    """Return `text` as a part of a tool's name; with a digest where something of it was lost."""
    words = [word.lower() for word in _WORDS.findall(text)]
    name = "_".join(words)
    is_lossy = not text.isascii() or len(name) > _MOST or not name
    name = name[:_MOST].strip("_")
    if not name or not name[0].isalpha():
        name = f"op_{name}".rstrip("_")
    return f"{name}_{_digest(text)}" if is_lossy else name


def is_tool_name(text: str) -> bool:
    """Say whether `text` is a tool's name already."""
    return len(text) <= 120 and _TOOL_NAME.fullmatch(text) is not None


def argument(text: str) -> str:
    """Return a parameter's name as an argument's: itself when plans can refer to it."""
    if _IDENTIFIER.fullmatch(text) and len(text) <= _MOST:
        return text
    name = re.sub(r"[^A-Za-z0-9]+", "_", text)[:_MOST].strip("_") or "argument"
    name = name if not name[0].isdigit() else f"_{name}"
    return name if text.isascii() and len(text) <= _MOST else f"{name}_{_digest(text)}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
