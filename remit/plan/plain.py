"""What any document must satisfy before anything else looks at it: size, depth, numbers, text.

Everything after this may canonicalise, hash and recurse without fear of the input.
"""

import math
from collections.abc import Iterable

from remit.canonical import JSON, NotCanonicalError, canonical
from remit.plan.codes import Code
from remit.plan.contract import MAX_PLAN_BYTES
from remit.plan.findings import Findings, Place

MAX_DEPTH = 64
"""Deepest nesting that is read."""
_NESTED = (dict, list)
_SAFE = 2**53 - 1
_BIG_HINT = "send numbers beyond 2^53 as text: other readers would round them"


def check_plain(document: JSON, findings: Findings) -> bytes:
    """Return the canonical bytes of `document`; report why it has none, or too many, or too deep.

    The bytes are empty when something was reported.
    """
    if is_shallow(document):
        try:
            text = canonical(document)
        except (NotCanonicalError, UnicodeError):
            text = b""
        if 0 < len(text) <= MAX_PLAN_BYTES:
            return text
        if text:
            message = f"the plan has {len(text)} bytes of canonical JSON; at most {MAX_PLAN_BYTES}"
            hint = "move parts into sub-plans, and data into a store that a tool reads"
            findings.error(Code.TOO_LARGE, (), message, hint)
            return b""
    _explain(document, findings)
    return b""


def is_shallow(document: JSON, most: int = MAX_DEPTH) -> bool:
    """Say whether nothing is nested deeper than `most`."""
    level: list[JSON] = [document]
    for _ in range(most):
        level = [part for value in level for part in _parts(value) if isinstance(part, _NESTED)]
        if not level:
            return True
    return False


def _parts(value: JSON) -> Iterable[JSON]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _explain(document: JSON, findings: Findings) -> None:
    """Report each value that has no canonical form, and each that is nested too deeply."""
    waiting: list[tuple[Place, JSON]] = [((), document)]
    while waiting and not findings.is_full:
        place, value = waiting.pop()
        if isinstance(value, _NESTED) and len(place) >= MAX_DEPTH:
            hint = f"at most {MAX_DEPTH} levels are read"
            findings.error(Code.TOO_DEEP, place, "nested too deeply", hint)
        elif isinstance(value, dict):
            for key in value:
                _check_text(place, key, findings)
            waiting.extend(((*place, key), part) for key, part in value.items())
        elif isinstance(value, list):
            waiting.extend(((*place, at), part) for at, part in enumerate(value))
        else:
            _check_scalar(place, value, findings)
    if findings.is_empty:
        findings.error(Code.NOT_JSON, (), "the document is not JSON", "send JSON values only")


def _check_scalar(place: Place, value: JSON, findings: Findings) -> None:
    if isinstance(value, str):
        _check_text(place, value, findings)
    elif isinstance(value, bool):
        return
    elif isinstance(value, int) and not -_SAFE <= value <= _SAFE:
        findings.error(Code.NUMBER, place, "the integer is beyond 2^53", _BIG_HINT)
    elif isinstance(value, float) and not math.isfinite(value):
        findings.error(Code.NUMBER, place, f"{value} is not a JSON number", _BIG_HINT)


def _check_text(place: Place, text: str, findings: Findings) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        message = "a text holds half of a surrogate pair, which no UTF-8 can write"
        findings.error(Code.TEXT, place, message, "write the whole character")
