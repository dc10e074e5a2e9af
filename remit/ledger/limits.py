"""Bounds that hold over the whole fleet because they stand in the ledger: slots and breakers.

A slot is held from a call's intent to its outcome, or to its lease's end when its worker died: a
dead worker loses nobody's slot. A breaker counts how calls of one service fail; while it is open
they wait, then one goes first to try. Pure: states in, states out; a store loads and writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from remit.ledger.errors import LedgerError

Health = Literal["well", "sick", ""]
"""What an answer says about the service behind a tool; empty: nothing."""
BreakerState = Literal["closed", "open", "trial"]
STATES: Mapping[str, BreakerState] = {"closed": "closed", "open": "open", "trial": "trial"}
SLOT = "slot/"
BREAKER = "breaker/"
"""What names begin with under which the ledger locks a slot or a breaker, among its counters."""


@dataclass(frozen=True, slots=True)
class Slots:
    """At most so many calls at once under one name, over all workers."""

    name: str
    most: int


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """A slot that a call holds."""

    name: str
    workflow_id: str
    """Of the run that the call is of."""
    path: str
    is_undo: bool
    until_ms: int
    """End of the call's lease: then it is free, whatever became of the call."""


@dataclass(frozen=True, slots=True)
class Breaking:
    """When a service's breaker opens and for how long."""

    name: str
    failures: int
    """So many in a window open it."""
    window_ms: int
    cool_down_ms: int


@dataclass(frozen=True, slots=True)
class Breaker:
    """How a breaker stands."""

    name: str
    state: BreakerState = "closed"
    failures: int = 0
    """Within the window that is under way."""
    since_ms: int = 0
    """When that window began."""
    until_ms: int = 0
    """Open: nothing is called before. Trial: whoever tries has so long."""
    trial: str = ""
    """Step key of the call that tries."""


def pass_breaker(
    breaker: Breaker, key: str, lease_until_ms: int, now_ms: int, *, is_urgent: bool
) -> Breaker:
    """Return the breaker as a call leaves it that begins now.

    What is urgent, an undo or a question about a lost call, waits for the end of the cool-down,
    since it would surely fail before, and then never for somebody else's trial.

    Raises:
        LedgerError: `BREAKER-OPEN`: the call must wait, until when `retry_at` says.
    """
    if breaker.state == "closed" or (breaker.state == "trial" and breaker.trial == key):
        return breaker
    if breaker.state == "trial" and is_urgent:
        return breaker
    if now_ms < breaker.until_ms:
        raise LedgerError("BREAKER-OPEN", f"{breaker.name} is {_told(breaker)}")
    return replace(breaker, state="trial", until_ms=lease_until_ms, trial=key)


def count_answer(
    breaker: Breaker, bounds: Breaking, health: Health, key: str, now_ms: int
) -> Breaker:
    """Return the breaker after an answer; the very same when the answer changes nothing."""
    if breaker.state == "closed":
        return breaker if health != "sick" else _one_more(breaker, bounds, now_ms)
    tried = breaker.state == "trial" and breaker.trial == key
    if not tried and (breaker.state == "trial" or now_ms < breaker.until_ms):
        # It was sent before the breaker opened, or beside the trial: that one decides.
        return breaker
    if health == "well":
        return Breaker(breaker.name)
    if health == "sick":
        return _opened(breaker, bounds, now_ms)
    return replace(breaker, state="open", until_ms=now_ms, trial="") if tried else breaker


def _one_more(breaker: Breaker, bounds: Breaking, now_ms: int) -> Breaker:
    is_new = now_ms - breaker.since_ms > bounds.window_ms
    counted = replace(
        breaker,
        failures=1 if is_new else breaker.failures + 1,
        since_ms=now_ms if is_new else breaker.since_ms,
    )
    return counted if counted.failures < bounds.failures else _opened(counted, bounds, now_ms)


def _opened(breaker: Breaker, bounds: Breaking, now_ms: int) -> Breaker:
    return replace(breaker, state="open", until_ms=now_ms + bounds.cool_down_ms, trial="")


def _told(breaker: Breaker) -> str:
    if breaker.state == "trial":
        return "being tried by one call"
    return f"open after {breaker.failures} failures"
