"""Holding an answer against the bounds of its contract (`remit.tool.quality`).

What misses is told by place and number, never by value. Nothing here reads a clock.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from remit.canonical import JSON, canonical
from remit.tool.pointer import split
from remit.tool.quality import Freshness, Quality, Rows, Values
from remit.tool.validation import validator

POOR = "DATA-QUALITY"
STALE = "DATA-STALE"
_AHEAD_S = 300
"""How far ahead of ours the clock of a source may be, in seconds."""


class _Missing(Enum):
    """What stands where nothing does."""

    MISSING = auto()


@dataclass(frozen=True, slots=True)
class Miss:
    """One bound that an answer misses."""

    code: str
    at: str
    """Place, as the contract writes it."""
    message: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What an answer is worth."""

    misses: tuple[Miss, ...] = ()
    age_s: float | None = None
    """How old it says that it is; `None` when it does not, or nobody asks."""

    @property
    def code(self) -> str:
        """Code of what is wrong first; empty when nothing is."""
        return self.misses[0].code if self.misses else ""


def look(quality: Quality, output: JSON, now_ms: int) -> Looked:
    """Return which bounds `output` misses at a moment, staleness first."""
    age_s, misses = None, list[Miss]()
    if quality.fresh is not None:
        age_s, stale = _fresh(quality.fresh, output, now_ms)
        misses += stale
    for rows in quality.rows:
        misses += _rows(rows, output)
    for values in quality.values:
        misses += _values(values, output)
    for place in quality.unique:
        misses += _unique(place, output)
    return Looked(tuple(misses), age_s)


def _rows(bound: Rows, output: JSON) -> Iterator[Miss]:
    for found in _at(output, split(bound.at)):
        if not isinstance(found, list):
            yield Miss(POOR, bound.at, "there is no list")
        elif len(found) < bound.least:
            yield Miss(POOR, bound.at, f"{len(found)} rows, at least {bound.least} are wanted")
        elif bound.most is not None and len(found) > bound.most:
            yield Miss(POOR, bound.at, f"{len(found)} rows, at most {bound.most} are wanted")


def _values(bound: Values, output: JSON) -> Iterator[Miss]:
    found = list(_at(output, split(bound.at)))
    is_good = validator(bound.good).is_valid
    good = sum(1 for value in found if value is not _Missing.MISSING and is_good(value))
    # Counted in whole values, so that a share of 0.95 of 20 is 19 whatever floats make of it.
    wanted = math.ceil(round(bound.share * len(found), 6))
    if good < wanted:
        yield Miss(POOR, bound.at, f"{good} of {len(found)} are good, {wanted} are wanted")


def _unique(place: str, output: JSON) -> Iterator[Miss]:
    values = _at(output, split(place))
    found = [canonical(value) for value in values if value is not _Missing.MISSING]
    twice = len(found) - len(set(found))
    if twice:
        yield Miss(POOR, place, f"{twice} of {len(found)} stand there already")


def _fresh(bound: Freshness, output: JSON, now_ms: int) -> tuple[float | None, list[Miss]]:
    moments = [_moment_s(value, bound.unit) for value in _at(output, split(bound.at))]
    told = [moment for moment in moments if moment is not None]
    if not told or len(told) < len(moments):
        return None, [Miss(STALE, bound.at, "it does not tell of when it is")]
    age_s = now_ms / 1000 - min(told)
    if age_s > bound.max_age_s:
        message = f"{int(age_s)} s old, at most {bound.max_age_s} s are wanted"
        return age_s, [Miss(STALE, bound.at, message)]
    if now_ms / 1000 - max(told) < -_AHEAD_S:
        return age_s, [Miss(STALE, bound.at, "it is of a moment that is still to come")]
    return age_s, []


def _moment_s(value: object, unit: str) -> float | None:
    if unit == "rfc3339":
        if not isinstance(value, str) or len(value) > 40:
            return None
        try:
            moment = datetime.fromisoformat(value)
            return moment.timestamp() if moment.tzinfo is not None else None
        except (ValueError, OverflowError):
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / 1000 if unit == "ms" else float(value)


def _at(value: JSON, way: tuple[str, ...]) -> Iterator[JSON | _Missing]:
    """Yield what stands at a place; `MISSING` once for each branch that ends before it."""
    if not way:
        yield value
        return
    name, below = way[0], way[1:]
    if name == "*" and isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _at(part, below)
    elif isinstance(value, dict) and name in value:
        yield from _at(value[name], below)
    elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        yield from _at(value[int(name)], below)
    else:
        yield _Missing.MISSING
