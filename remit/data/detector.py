"""The default detector: what of people and secrets is in a JSON value, by shape and check digit.

Small on purpose: no names of people, no addresses of houses, no language. It reads texts, names of
members, and whole numbers that could be a card's. What it finds it tells by place and class, never
by value. The same value gives the same answer on every machine, in a time that goes with its size.
A further reader may have read the texts before (`Read`): what it found is joined, nothing is left
out for it, and a text that it should have read and has not is told as not looked through.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from remit.canonical import JSON
from remit.data.checksums import is_card
from remit.data.findings import MOST_LISTED, SURE, Detection, Finding, Match, Read
from remit.data.patterns import MOST_CANDIDATES, Effort, TooManyError, matches
from remit.diagnostic import escaped
from remit.tool.secret import SCHEMES

MASK = "[redacted]"
"""What stands in the place of what was taken away."""
_NAMED_SECRET = re.compile(
    r"(?:password|passwd|secret|client_?secret|api_?key|access_?token|refresh_?token|private_?key)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(rf"(?:{'|'.join(SCHEMES)}):|\$\{{|{re.escape(MASK)}")
_SHORTEST_SECRET = 8


class MaskError(ValueError):
    """What is to be masked cannot be, as the value stands."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A text or a number in a value."""

    at: str
    value: str | int
    name: str
    """Name of the member; empty for items."""
    is_name: bool = False
    """Whether the value is a member's name itself, which no further reader reads."""


class _UnreadError(Exception):
    """A text was not read by the further reader that there is."""


def texts(value: JSON) -> list[str]:
    """Return the texts of a value that a further reader is to read, each once; names are not."""
    with suppress(TooManyError):
        places = _places(value, Effort())
        found = (one.value for one in places if not one.is_name)
        return list(dict.fromkeys(one for one in found if isinstance(one, str) and one != MASK))
    return []


def detect(value: JSON, most: int = MOST_CANDIDATES, read: Read | None = None) -> Detection:
    """Return what is found in a value, with at most so many closer looks.

    Args:
        value: that is looked through.
        most: closer looks.
        read: what a further reader found; `None`: there is none.
    """
    found: dict[tuple[str, str], int] = {}
    is_whole = True
    effort = Effort(most)
    try:
        for place in _places(value, effort):
            try:
                for one in _looked(place, effort, read):
                    key = (place.at, one.data_class)
                    found[key] = max(found.get(key, 0), one.confidence)
            except _UnreadError:
                is_whole = False
    except TooManyError:
        is_whole = False
    findings = [Finding(at, name, sure) for (at, name), sure in found.items()]
    return Detection(tuple(sorted(findings)), is_whole, read)


def listed(detection: Detection) -> list[Finding]:
    """Return the findings that are told one by one: the surest, in the order of their places."""
    surest = sorted(detection.findings, key=lambda one: -one.confidence)[:MOST_LISTED]
    return sorted(surest)


def masked(
    value: JSON, classes: Collection[str], read: Read | None = None
) -> tuple[JSON, list[str]]:
    """Return a value without what is found of some classes, and the places where it was.

    Within a text only what was found goes. A member whose name holds it takes its object along.
    `read` is what a further reader found; `None`: there is none.

    Raises:
        MaskError: the value could not be looked through, or would go as a whole.
    """
    masking = _Masking(frozenset(classes), read)
    try:
        left = masking.of(value, "", "")
    except TooManyError:
        raise MaskError("too much in it has to be looked at closely") from None
    except _UnreadError:
        raise MaskError("the detector that was asked for did not read all of it") from None
    except _InNameError:
        raise MaskError("the name of a member at its top holds it") from None
    return left, sorted(set(masking.places))


class _InNameError(Exception):
    """The name of a member holds what is to go."""


class _Masking:
    """Takes classes out of one value."""

    def __init__(self, classes: frozenset[str], read: Read | None) -> None:
        self._classes = classes
        self._read = read
        self._effort = Effort()
        self.places: list[str] = []

    def of(self, value: JSON, at: str, name: str, *, is_shut: bool = False) -> JSON:
        if isinstance(value, dict):
            found = [one for member in value for one in matches(member, self._effort)]
            if self._of_these(found):
                raise _InNameError
            shut = is_shut or bool(found)
            return {
                member: self._below(part, at if shut else f"{at}/{escaped(member)}", member, shut)
                for member, part in value.items()
            }
        if isinstance(value, list):
            return [
                self._below(part, at if is_shut else f"{at}/{number}", name, is_shut)
                for number, part in enumerate(value)
            ]
        if isinstance(value, bool) or not isinstance(value, str | int):
            return value
        spans = self._of_these(_looked(_Place(at, value, name), self._effort, self._read))
        if not spans:
            return value
        self.places.append(at)
        return _without(value, spans) if isinstance(value, str) else MASK

    def _below(self, value: JSON, at: str, name: str, is_shut: bool) -> JSON:
        told = len(self.places)
        try:
            return self.of(value, at, name, is_shut=is_shut)
        except _InNameError:
            del self.places[told:]
            self.places.append(at)
            return MASK

    def _of_these(self, found: Iterable[Match]) -> list[Match]:
        return [one for one in found if one.data_class in self._classes and one.confidence >= SURE]


def _without(text: str, found: list[Match]) -> str:
    parts: list[str] = []
    done = 0
    for one in sorted(found, key=lambda match: (match.begin, -match.end)):
        if one.end <= done:
            continue
        if one.begin > done or not parts:
            parts += [text[done : one.begin], MASK]
        done = one.end
    return "".join([*parts, text[done:]])


def _looked(place: _Place, effort: Effort, read: Read | None) -> Iterator[Match]:
    value, name = place.value, place.name
    if isinstance(value, int):
        written = str(value) if 10**12 <= value < 10**19 else ""
        if written and is_card(written):
            yield Match(0, len(written), "payment_card", 80)
        return
    is_named = name and len(value) >= _SHORTEST_SECRET and _NAMED_SECRET.fullmatch(name)
    if is_named and not _REFERENCE.match(value):
        yield Match(0, len(value), "secret", 70)
    yield from matches(value, effort)
    if read is None or place.is_name or value == MASK:
        return
    if value not in read:
        raise _UnreadError
    yield from read[value]


def _places(value: JSON, effort: Effort) -> Iterator[_Place]:
    """Yield texts and whole numbers, depth first, without a bound on the depth.

    A name that holds something is told at the object that has the member, and so is all that is
    below it: a pointer into it would repeat the name.
    """
    waiting: list[tuple[JSON, str, str, bool]] = [(value, "", "", False)]
    while waiting:
        here, at, name, is_shut = waiting.pop()
        if isinstance(here, dict):
            shut = is_shut or any(True for member in here for _ in matches(member, effort))
            for member, part in here.items():
                if shut:
                    yield _Place(at, member, "", is_name=True)
                way = at if shut else f"{at}/{escaped(member)}"
                waiting.append((part, way, member, shut))
        elif isinstance(here, list):
            for number, part in enumerate(here):
                waiting.append((part, at if is_shut else f"{at}/{number}", name, is_shut))
        elif isinstance(here, str | int) and not isinstance(here, bool):
            yield _Place(at, here, name)
