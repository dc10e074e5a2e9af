"""A canary: a share of the new runs is decided by a candidate, until it comes back.

Pure: what a canary is, when it holds, and when it must come back. All of it is folded from the
records of one chain, so that every worker, and whoever audits, comes to the same. A canary rests on
the release that it stands beside: with any newer one it is over, whoever notices it when.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from remit.canonical import Digest, JSONObject
from remit.decision.decision import Model
from remit.decision.release import Release

CHAIN = "canary"
"""The chain of what is about canaries; no run is called so, for those are UUIDs."""
STARTED, COUNTED, ENDED = "canary", "canary_count", "canary_end"
"""Kinds of its records. In the chain of a run, `canary` says which one admitted it."""
LEAD_MS = 6000
"""From a canary's record to the first run on its side: every worker knows of it by then."""
_STEPS_MS = (0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Upper bounds in which times of answers are counted; behind the last one there is one more."""
_SLOWEST_MS = 2048.0
_P = 95

Why = Literal["stopped", "errors", "latency", "denials", "expired", "overtaken", "promoted"]
"""Why a canary is over. `overtaken`: another release came; `promoted`: its own."""
Count = Annotated[int, Field(ge=0)]


class Limits(Model):
    """What brings a canary back, held against the policies in force in the same window."""

    window_ms: Annotated[int, Field(ge=5_000, le=3_600_000)] = 300_000
    """How far back is looked."""
    least: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Fewest decisions on each side by which times and denials are judged."""
    errors: Annotated[int, Field(ge=1, le=1000)] = 3
    """Questions without a usable answer that are too many, if the other side has a lesser share."""
    slower: Annotated[int, Field(ge=1, le=100)] = 4
    """How many times as long the 95th percentile of its answers may be."""
    patience_ms: Annotated[int, Field(ge=1, le=1000)] = 64
    """What is not too slow in any case."""
    denials: Annotated[int, Field(ge=0, le=100)] = 10
    """By how many percentage points its share of denials may be higher."""


class Draft(Model):
    """What whoever starts one says; the ledger gives it its place."""

    revision: Digest
    key: str
    """Id of the key that signed the archive."""
    source: Annotated[str, Field(max_length=1000)]
    percent: Annotated[int, Field(ge=1, le=50)]
    """Share of the new runs; the others are what it is held against."""
    lasts_ms: Annotated[int, Field(ge=10_000, le=7 * 86_400_000)]
    base: int
    """Serial of the release in force, whose policies were asked."""
    author: str
    reason: str = ""
    approvals: tuple[str, ...] = ()
    report: str = ""
    """Digest of the what-if report that it was judged by; empty when nothing was asked."""
    limits: Limits = Limits()


class Canary(Draft):
    """One canary, as the ledger holds it."""

    number: int
    archive: Digest
    started_ms: int

    @property
    def from_ms(self) -> int:
        """When the first run may be on its side."""
        return self.started_ms + LEAD_MS

    @property
    def until_ms(self) -> int:
        """When it is over in any case."""
        return self.started_ms + self.lasts_ms


class Tally(Model):
    """What one side was asked for runs, and how that went. Adds up."""

    decided: Count = 0
    denied: Count = 0
    errors: Count = 0
    """Without an answer that could be used."""
    times: Annotated[list[Count], Field(max_length=len(_STEPS_MS) + 1)] = []
    """How many answers took how long, see `_STEPS_MS`."""

    def __add__(self, other: "Tally") -> "Tally":
        width = max(len(self.times), len(other.times))
        mine, theirs = _wide(self.times, width), _wide(other.times, width)
        return Tally(
            decided=self.decided + other.decided,
            denied=self.denied + other.denied,
            errors=self.errors + other.errors,
            times=[a + b for a, b in zip(mine, theirs, strict=True)],
        )

    @property
    def slow_ms(self) -> float:
        """The bound below which 95 of 100 answers came; 0 for none."""
        wanted, seen = sum(self.times) * _P, 0
        for at, number in enumerate(self.times):
            seen += number * 100
            if number and seen >= wanted:
                return _STEPS_MS[at] if at < len(_STEPS_MS) else _SLOWEST_MS
        return 0.0

    @property
    def denied_share(self) -> float:
        """Denials of a hundred decisions."""
        return 100 * self.denied / self.decided if self.decided else 0.0

    @property
    def error_share(self) -> float:
        """Questions of a hundred without an answer."""
        asked = self.decided + self.errors
        return 100 * self.errors / asked if asked else 0.0


class Sides(Model):
    """What a worker counted since it last said so."""

    canary: int
    worker: str
    candidate: Tally = Tally()
    active: Tally = Tally()


class End(Model):
    """How a canary came to be over."""

    canary: int
    why: Why
    message: str
    by: str = ""
    """Who stopped it; empty when it came back by itself."""
    candidate: Tally = Tally()
    active: Tally = Tally()


def _wide(times: Sequence[int], width: int) -> list[int]:
    return [*times, *[0] * (width - len(times))]


def answered(took_us: int, *, is_deny: bool) -> Tally:
    """Return one decision as a tally."""
    ms = took_us / 1000
    at = next((n for n, bound in enumerate(_STEPS_MS) if ms <= bound), len(_STEPS_MS))
    return Tally(decided=1, denied=int(is_deny), times=[*[0] * at, 1])


UNANSWERED = Tally(errors=1)
"""One question without a usable answer, as a tally."""


@dataclass(slots=True)
class Standing:
    """What the chain says so far: the newest canary, its end, and what was counted about it."""

    seq: int = 0
    """Last record taken."""
    canary: Canary | None = None
    end: End | None = None
    newest: Release | None = None
    """The newest release of the ledger."""
    _counts: list[tuple[int, Sides]] = field(default_factory=list)

    def take(self, records: Iterable[JSONObject]) -> None:
        """Go on with further records of the chain, in their order."""
        for record in records:
            self.seq = int(str(record["seq"]))
            kind, body = record["kind"], record["body"]
            if kind == STARTED:
                self.canary, self.end = Canary.model_validate(body), None
                self._counts = []
            elif kind == ENDED:
                self.end = End.model_validate(body)
            elif kind == COUNTED and self.canary is not None:
                found = Sides.model_validate(body)
                if found.canary == self.canary.number:
                    self._counts.append((int(str(record["at_ms"])), found))

    def in_force(self, now_ms: int) -> Canary | None:
        """Return the canary that may decide for runs that it admitted; `None` for none."""
        canary = self.canary
        if canary is None or self.end is not None or now_ms >= canary.until_ms:
            return None
        # Whoever released meanwhile may not have known of it, so nobody has to write that down.
        return canary if self.newest and self.newest.serial == canary.base else None

    def sides(self, now_ms: int) -> tuple[Tally, Tally]:
        """Return what the window holds: of the candidate, and of the policies in force."""
        if self.canary is None:
            return Tally(), Tally()
        since = now_ms - self.canary.limits.window_ms
        self._counts = [one for one in self._counts if one[0] >= since]
        mine, theirs = Tally(), Tally()
        for _, one in self._counts:
            mine, theirs = mine + one.candidate, theirs + one.active
        return mine, theirs

    def due(self, now_ms: int) -> End | None:
        """Return why the canary must be ended now; `None` while it may go on, or is over."""
        canary = self.canary
        if canary is None or self.end is not None:
            return None
        mine, theirs = self.sides(now_ms)
        found = _by_itself(canary, self.newest, now_ms) or broken(canary.limits, mine, theirs)
        if found is None:
            return None
        why, message = found
        return End(canary=canary.number, why=why, message=message, candidate=mine, active=theirs)


def _by_itself(canary: Canary, newest: Release | None, now_ms: int) -> tuple[Why, str] | None:
    if newest is None or newest.serial != canary.base:
        serial = newest.serial if newest else 0
        if newest is not None and newest.revision == canary.revision:
            return "promoted", f"release {serial} puts the candidate in force for all runs"
        return "overtaken", f"release {serial} came; it stood beside release {canary.base}"
    if now_ms >= canary.until_ms:
        return "expired", f"it was to last {canary.lasts_ms // 1000} s"
    return None


def broken(limits: Limits, mine: Tally, theirs: Tally) -> tuple[Why, str] | None:
    """Return the limit that a candidate broke against the policies in force, and how."""
    if mine.errors >= limits.errors and mine.error_share > theirs.error_share:
        asked = mine.decided + mine.errors
        return "errors", f"{mine.errors} of {asked} questions got no usable answer"
    if min(mine.decided, theirs.decided) < limits.least:
        return None
    most_ms = max(limits.patience_ms, limits.slower * theirs.slow_ms)
    if mine.slow_ms > most_ms:
        times = f"{mine.slow_ms:g} ms, beside {theirs.slow_ms:g} ms"
        return "latency", f"95 of 100 answers took up to {times}"
    if mine.denied_share > theirs.denied_share + limits.denials:
        shares = f"{mine.denied_share:.1f} %, beside {theirs.denied_share:.1f} %"
        return "denials", f"its share of denials is {shares}"
    return None
