"""A tool's rate limit, as a counter that is raised with the intent of each call.

Time is cut into windows of the limit's length, one counter each. So the bound holds over all
workers and outlives them; a burst may use the end of one window and the beginning of the next.
Whoever finds a window full waits for a later one; waiting is no attempt.
"""

import random
from dataclasses import dataclass

from remit.ledger.entries import RATE, Reserve
from remit.tool.contract import ToolContract

_JITTER = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Pace:
    """One tool's bound at one moment."""

    reserve: Reserve
    left_s: float
    """Seconds until the next window begins."""
    window_s: float

    def delay_s(self) -> float:
        """Return how long to wait: to a moment of the next window, so that not all come at once."""
        return self.left_s + self.window_s * _JITTER.uniform(0.0, 0.5)


def pace_of(contract: ToolContract, now_ms: int) -> Pace | None:
    """Return the bound on calls of `contract` at `now_ms`; `None` when it has none."""
    limit = contract.rate_limit
    if limit is None:
        return None
    window_ms = limit.per_seconds * 1000
    window, into_ms = divmod(now_ms, window_ms)
    reserve = Reserve(f"{RATE}{contract.ref}/{limit.per_seconds}s/{window}", 1, limit.calls)
    return Pace(reserve, (window_ms - into_ms) / 1000, float(limit.per_seconds))
