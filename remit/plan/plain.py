"""What any document must satisfy before anything else looks at it: size, depth, numbers, text.

Everything after this may canonicalise, hash and recurse without fear of the input.
"""

import math

from remit.canonical import JSON
from remit.diagnostic import pointer
from remit.plan.codes import Code
from remit.plan.findings import Findings

MAX_DEPTH = 64
"""Deepest nesting that is read."""
_SAFE = 2**53 - 1
_BIG_HINT = "send numbers beyond 2^53 as text: other readers would round them"

_Path = tuple[str | int, ...]


def check_plain(document: JSON, findings: Findings) -> None:
    """Report values that have no canonical JSON form, and nesting beyond `MAX_DEPTH`."""
    waiting: list[tuple[_Path, JSON]] = [((), document)]
    while waiting and not findings.is_full:
        path, value = waiting.pop()
        if isinstance(value, dict | list) and len(path) >= MAX_DEPTH:
            hint = f"at most {MAX_DEPTH} levels are read"
            findings.error(Code.TOO_DEEP, pointer(*path), "nested too deeply", hint)
        elif isinstance(value, dict):
            for key in value:
                _check_text(path, key, findings)
            waiting.extend(((*path, key), part) for key, part in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, at), part) for at, part in enumerate(value))
        else:
            _check_scalar(path, value, findings)


def _check_scalar(path: _Path, value: JSON, findings: Findings) -> None:
    if isinstance(value, str):
        _check_text(path, value, findings)
    elif isinstance(value, bool):
        return
    elif isinstance(value, int) and not -_SAFE <= value <= _SAFE:
        findings.error(Code.NUMBER, pointer(*path), "the integer is beyond 2^53", _BIG_HINT)
    elif isinstance(value, float) and not math.isfinite(value):
        findings.error(Code.NUMBER, pointer(*path), f"{value} is not a JSON number", _BIG_HINT)


def _check_text(path: _Path, text: str, findings: Findings) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        place = pointer(*path).encode("ascii", "backslashreplace").decode()
        message = "a text holds half of a surrogate pair, which no UTF-8 can write"
        findings.error(Code.TEXT, place, message, "write the whole character")
