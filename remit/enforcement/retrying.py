"""How often a call is attempted, and how long to wait in between."""

import random

from remit.enforcement.subject import Subject
from remit.ledger.entries import REPAIR_RETRY, Action
from remit.tool.contract import Idempotency

_JITTER = random.SystemRandom()


def backoff_s(subject: Subject, attempts: int) -> float:
    """Return the pause before the next attempt: exponential, bounded, with jitter."""
    retry = subject.step.retry
    ceiling = min(retry.max_s, retry.initial_s * 2.0 ** max(attempts - 1, 0))
    return ceiling * _JITTER.uniform(0.5, 1.0)


def most_attempts(subject: Subject, action: Action | None) -> int:
    """Attempts are counted in the ledger; a person's repair order allows one more."""
    if action is not None and action.code == REPAIR_RETRY:
        return action.attempts + 1
    return subject.step.retry.max_attempts


def probe_grace(subject: Subject) -> int:
    """A tool that can be probed is asked once more after its last attempt."""
    return 1 if subject.contract.idempotency is Idempotency.PROBE else 0
