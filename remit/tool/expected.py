"""What a read-back must find, beside what it found.

An expected object is contained in the found one: each of its members is there and is as expected,
whatever else the found one has. A list has the same items in the same order. Everything else is
equal as JSON is: 5 and 5.0 are one number, and neither is `true`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from remit.canonical import JSON
from remit.diagnostic import pointer

_MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Difference:
    """One place at which something else was found; holds the values themselves."""

    path: str
    """JSON pointer into what was read."""
    expected: JSON
    found: JSON
    is_absent: bool = False
    """Whether nothing stands at `path`; `found` is null then."""


def differences(expected: JSON, found: JSON) -> Iterator[Difference]:
    """Yield every place at which `found` is not as expected."""
    yield from _compare(expected, found, ())


def _compare(expected: JSON, found: JSON, way: tuple[str | int, ...]) -> Iterator[Difference]:
    if len(way) > _MAX_DEPTH:
        yield Difference(pointer(*way), expected, found)
    elif isinstance(expected, dict) and isinstance(found, dict):
        for name, part in expected.items():
            if name in found:
                yield from _compare(part, found[name], (*way, name))
            else:
                yield Difference(pointer(*way, name), part, None, is_absent=True)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for at, (part, other) in enumerate(zip(expected, found, strict=True)):
            yield from _compare(part, other, (*way, at))
    elif isinstance(expected, dict | list) or not _same(expected, found):
        yield Difference(pointer(*way), expected, found)


def _same(one: JSON, other: JSON) -> bool:
    """Say whether two scalars are one JSON value; to Python `true` is a kind of 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
