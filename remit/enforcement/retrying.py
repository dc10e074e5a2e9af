"""How often a call is attempted, and how long to wait in between."""

import random

from remit.enforcement.subject import Subject
from remit.ledger.entries import REPAIR_RETRY, Action
from remit.tool.contract import Idempotency

_JITTER = random.SystemRandom()
_DOUBLINGS = 60
"""More would leave what a float holds; whoever waits its turn may ask thousands of times."""


def pause_s(first_s: float, longest_s: float, attempts: int) -> float:
    """Return how long to wait behind so many attempts: exponential, bounded, with jitter."""
    grown_s = first_s * 2.0 ** min(max(attempts - 1, 0), _DOUBLINGS)
    return min(grown_s, longest_s) * _JITTER.uniform(0.5, 1.0)


def backoff_s(subject: Subject, attempts: int) -> float:
    """Return the pause before the next attempt."""
    retry = subject.step.retry
    return pause_s(retry.initial_s, retry.max_s, attempts)


def most_attempts(subject: Subject, action: Action | None) -> int:
    """Attempts are counted in the ledger; a person's repair order allows one more."""
    if action is not None and action.code == REPAIR_RETRY:
        return action.attempts + 1
    return subject.step.retry.max_attempts


def probe_grace(subject: Subject) -> int:
    """A tool that can be probed is asked once more after its last attempt."""
    return 1 if subject.contract.idempotency is Idempotency.PROBE else 0
