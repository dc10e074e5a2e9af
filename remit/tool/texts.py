"""Names and texts of other people, made safe to be shown, or to stand in a contract.

What they say is data: markup and control characters are taken out, length is bounded, and nothing
of it is ever a path, a reference or an instruction.
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


def one_line(text: str, most: int) -> str:
    """Return `text` on one line, without control characters, at most `most` of it."""
    shown = "".join(
        " " if unicodedata.category(letter).startswith(("C", "Z")) else letter
        for letter in text[: most * 20]
    )
    line = " ".join(shown.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def plain(text: JSON, most: int) -> str:
    """Return `text` as `one_line` does, without markup; empty if it is no text."""
    return one_line(_TAG.sub(" ", text[: most * 20]), most) if isinstance(text, str) else ""


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
