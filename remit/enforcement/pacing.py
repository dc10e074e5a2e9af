"""Limits of rates, of tools, agents and tenants, as counters raised with the intent of each call.

Time is cut into windows of the limit's length, one counter each. So the bound holds over all
workers and outlives them; a burst may use the end of one window and the beginning of the next.
Whoever finds a window full waits for a later one; waiting is no attempt.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from remit.enforcement.bounds import Limits, others
from remit.enforcement.subject import Subject
from remit.ledger.entries import RATE, Reserve
from remit.tool.contract import RateLimit

_JITTER = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Pace:
    """One bound at one moment."""

    name: str
    """Whose it is: `name@major` of a tool, `agent:NAME`, `tenant:NAME`."""
    reserve: Reserve
    left_s: float
    """Seconds until the next window begins."""
    window_s: float

    def delay_s(self) -> float:
        """Return how long to wait: to a moment of the next window, so that not all come at once."""
        return self.left_s + self.window_s * _JITTER.uniform(0.0, 0.5)


def paces_of(subject: Subject, limits: Limits, now_ms: int) -> Sequence[Pace]:
    """Return the bounds on calls in a time that hold for a call at `now_ms`."""
    contract = subject.contract
    own = [(contract.ref, contract.rate_limit)] if contract.rate_limit else []
    rest = [(one.name, one.limit.rate) for one in others(subject, limits) if one.limit.rate]
    return [_pace(name, limit, now_ms) for name, limit in (*own, *rest)]


def _pace(name: str, limit: RateLimit, now_ms: int) -> Pace:
    window_ms = limit.per_seconds * 1000
    window, into_ms = divmod(now_ms, window_ms)
    reserve = Reserve(f"{RATE}{name}/{limit.per_seconds}s/{window}", 1, limit.calls)
    return Pace(name, reserve, (window_ms - into_ms) / 1000, float(limit.per_seconds))
