"""Holds calls to the fleet's bounds: who has to wait, for how long, and what is told of it.

Waiting is no attempt: nothing was decided, recorded or called. A call looks whether it has room
before it asks policy, and takes it together with its intent.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from temporalio.exceptions import ApplicationError

from remit.enforcement import failure
from remit.enforcement.bounds import Limits, bounds_of
from remit.enforcement.retrying import pause_s
from remit.enforcement.subject import Subject
from remit.enforcement.telemetry import BREAKER_STATE, BREAKERS_OPENED, LIMITED
from remit.ledger.entries import Bounds
from remit.ledger.errors import LedgerError
from remit.ledger.limits import Breaker, Breaking, Health
from remit.ledger.protocol import Ledger

WAITS = frozenset({"SLOTS-TAKEN", "BREAKER-OPEN"})
"""Refusals of the ledger that `Limiting.held` makes something of."""
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 4.0
_STATES = {"closed": 0, "trial": 1, "open": 2}
_JITTER = random.SystemRandom()
_log = structlog.get_logger("remit.enforcement")


class Limiting:
    """The fleet's bounds, as one worker keeps to them."""

    def __init__(self, ledger: Ledger, limits: Limits, clock: Callable[[], int]) -> None:
        """Keep to `limits` of the project, and to those of each contract."""
        self._ledger = ledger
        self._clock = clock
        self.limits = limits
        self._seen: dict[str, str] = {}

    def bounds(self, subject: Subject) -> Bounds:
        """Return what bounds a call."""
        return bounds_of(subject, self.limits)

    async def look(self, subject: Subject) -> None:
        """Have a call wait that has no room now."""
        bounds = self.bounds(subject)
        if not bounds:
            return
        try:
            await self._ledger.room(subject.key, bounds)
        except LedgerError as error:
            if error.code not in WAITS:
                raise
            raise await self.held(error, subject) from error

    async def held(self, error: LedgerError, subject: Subject) -> ApplicationError:
        """Return how a call waits that the ledger found no room for, or fails where that is asked
        for."""
        LIMITED.labels(subject.contract.ref, error.code).inc()
        breaking = self.bounds(subject).breaking
        if error.code == "BREAKER-OPEN" and breaking is not None:
            return await self._broken(breaking, subject)
        message = f"{error}; nothing was called, it waits its turn"
        delay_s = pause_s(_FIRST_DELAY_S, _LONGEST_DELAY_S, subject.frame.attempt)
        return failure.again("SLOTS-TAKEN", message, delay_s, subject.key.path)

    async def answered(self, subject: Subject, health: Health) -> None:
        """Tell of the breaker that an answer may have opened or closed."""
        breaking = self.bounds(subject).breaking
        if breaking is None or not health:
            return
        if health == "well" and self._seen.get(breaking.name, "closed") == "closed":
            return
        self._tell(await self._ledger.breaker(breaking.name))

    async def _broken(self, breaking: Breaking, subject: Subject) -> ApplicationError:
        breaker = await self._ledger.breaker(breaking.name)
        self._tell(breaker)
        left_s = max(breaker.until_ms - self._clock(), 0) / 1000
        until = datetime.fromtimestamp(breaker.until_ms / 1000, UTC).isoformat(timespec="seconds")
        bounds = subject.contract.breaker
        why = f"{breaking.name} failed {breaker.failures} times; its breaker is {breaker.state}"
        if bounds is not None and bounds.while_open == "fail" and not subject.is_undo:
            message = f"{why} until {until}, and {subject.contract.ref} does not wait for it"
            return failure.refused("host:breaker_open", message, subject.key.path)
        message = f"{why}; {subject.contract.ref} was not called, it waits until {until}"
        # A trial ends early as a rule, so whoever waits for one looks again soon.
        longest_s = left_s + 1 if breaker.state == "open" else min(left_s + 1, _LONGEST_DELAY_S)
        delay_s = longest_s - _JITTER.uniform(0.0, 1.0)
        return failure.unavailable("host:breaker_open", message, delay_s, subject.key.path)

    def _tell(self, breaker: Breaker) -> None:
        """Note a breaker's state; a change is logged by whoever sees it."""
        BREAKER_STATE.labels(breaker.name).set(_STATES[breaker.state])
        before, self._seen[breaker.name] = self._seen.get(breaker.name, "closed"), breaker.state
        if before == breaker.state:
            return
        if breaker.state == "open":
            BREAKERS_OPENED.labels(breaker.name).inc()
        _log.warning(
            "breaker",
            breaker=breaker.name,
            state=breaker.state,
            failures=breaker.failures,
            until_ms=breaker.until_ms,
        )
