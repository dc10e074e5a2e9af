"""Lets a candidate decide for the runs on its side of a canary, and takes them back when it fails.

Which side a run is on stands in the ledger, beside its admission; so it keeps it over restarts and
workers. What holds of a canary is folded from the ledger too, by every worker in the same way, once
a second; whoever is first to see that a limit is broken writes the end. Nothing here ever falls
back: a question of a run on the candidate's side that gets no usable answer is unanswered, and its
call waits, until the canary is over and the policies in force are asked.
"""

import asyncio
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

import structlog

from remit.decision.canary import (
    UNANSWERED,
    Canary,
    End,
    Sides,
    Standing,
    Tally,
    answered,
)
from remit.decision.decision import Decided
from remit.decision.facts import Facts
from remit.decision.shadow import falls_in
from remit.enforcement.answer import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.deciding import Judge
from remit.enforcement.telemetry import (
    CANARY_DECISIONS,
    CANARY_ON,
    CANARY_RETURNS,
    CANARY_SECONDS,
)
from remit.ledger.entries import Record
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.canaries import CanaryStore, catch_up, mark_of

EVERY_S = 1.0
STALE_S = 3.0
"""How long a worker goes by what it last read; less than a canary's lead, so that no worker takes a
run of the candidate's side for one of the others."""
_COUNT_EVERY_S = 5.0
_KEPT = 10_000
_JUDGED = ("call", "admission")
"""Kinds of question by which the sides are compared: the others are allowed nearly always."""
_log = structlog.get_logger("remit.enforcement")


Opening = Callable[[Canary], AbstractAsyncContextManager[Judge]]
"""Opens the way to the OPA that serves a candidate."""


@dataclass(slots=True)
class _Trial:
    """The canary that this worker asks."""

    canary: Canary
    judge: Judge


class Canaries:
    """Follows the canary in the ledger, asks it for its runs, and counts both sides."""

    def __init__(
        self,
        store: CanaryStore,
        opening: Opening,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know of nothing yet.

        Args:
            store: Where canaries stand.
            opening: How a candidate is reached.
            clock: Milliseconds of Unix time.
            monotonic: Seconds, for how old that is which was read last.
        """
        self._store = store
        self._opening = opening
        self._clock = clock
        self._monotonic = monotonic
        self._standing = Standing()
        self._trial: _Trial | None = None
        self._opened = AsyncExitStack()
        self._looked: float | None = None
        self._looking = asyncio.Lock()
        self._marks: OrderedDict[str, int] = OrderedDict()
        self._worker = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._mine, self._theirs = Tally(), Tally()
        self._counted = monotonic()

    async def ask(self, facts: Facts, root: str, active: Judge) -> tuple[Decided, bool]:
        """Return the answer of whoever decides for a run, and whether that is the candidate.

        Args:
            facts: what is asked.
            root: whose run; empty for what belongs to none.
            active: the policies in force.

        Raises:
            PolicyUnavailableError: nobody judged; besides what OPA's client raises
                `host:canary_unknown` and `host:canary_foreign`.
            PolicyInvalidError: the answer cannot be trusted.
        """
        trial = await self._side(facts, root) if root else None
        if trial is not None:
            return await self._candidate(facts, trial), True
        if self._trial is None or not root or facts.kind not in _JUDGED:
            return await active.decide(facts), False
        try:
            decided = await active.decide(facts)
        except (PolicyUnavailableError, PolicyInvalidError):
            self._theirs += UNANSWERED
            CANARY_DECISIONS.labels("active", "error").inc()
            raise
        self._theirs += self._told("active", decided)
        return decided, False

    def marks(self, decided: Decided) -> list[Record]:
        """Return what an admission is recorded with, that keeps its run on its side."""
        canary = self._standing.canary
        newest = self._standing.newest
        if canary is None or decided.revision != canary.revision:
            return []
        # The same policies in force for all: then nobody is on a side.
        return [] if newest and newest.revision == decided.revision else [mark_of(canary)]

    async def look(self) -> None:
        """Read what is new, write what was counted, and end the canary when it is due."""
        async with self._looking:
            await self._look()

    async def run(self, pause: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                try:
                    await self.look()
                except (LedgerError, LedgerUnavailableError) as error:
                    _log.warning("canaries cannot be followed", reason=str(error))
                except Exception:
                    _log.exception("canaries cannot be followed")
                await pause(EVERY_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of the candidate."""
        self._trial = None
        CANARY_ON.set(0)
        await self._opened.aclose()

    async def _look(self) -> None:
        begun = self._monotonic()
        await catch_up(self._store, self._standing)
        self._looked = begun
        await self._follow()
        if self._standing.canary is None or self._standing.end is not None:
            self._mine, self._theirs = Tally(), Tally()
            return
        await self._flush()
        due = self._standing.due(self._clock())
        if due is not None and await self._store.end(due):
            CANARY_RETURNS.labels(due.why).inc()
            _told_of(due)
        if due is not None:
            await catch_up(self._store, self._standing)
            await self._follow()

    async def _follow(self) -> None:
        """Open the way to the candidate that holds now, and close any other."""
        wanted = self._standing.in_force(self._clock())
        current = self._trial.canary if self._trial else None
        if wanted == current:
            return
        self._trial = None
        CANARY_ON.set(0)
        await self._opened.aclose()
        self._mine, self._theirs = Tally(), Tally()
        if wanted is None:
            return
        judge = await self._opened.enter_async_context(self._opening(wanted))
        self._trial = _Trial(wanted, judge)
        CANARY_ON.set(wanted.percent)
        _log.info("a canary", number=wanted.number, revision=wanted.revision)

    async def _flush(self) -> None:
        canary, sides = self._standing.canary, (self._mine, self._theirs)
        if canary is None or sides == (Tally(), Tally()):
            return
        now = self._monotonic()
        # Errors are told at once: runs wait meanwhile.
        if now - self._counted < _COUNT_EVERY_S and not self._mine.errors:
            return
        self._counted = now
        self._mine, self._theirs = Tally(), Tally()
        found = Sides(
            canary=canary.number, worker=self._worker, candidate=sides[0], active=sides[1]
        )
        try:
            await self._store.count(found)
        except (LedgerError, LedgerUnavailableError):
            self._mine, self._theirs = sides[0] + self._mine, sides[1] + self._theirs
            raise
        await catch_up(self._store, self._standing)

    async def _side(self, facts: Facts, root: str) -> _Trial | None:
        """Return the candidate if it decides for a run."""
        await self._know()
        trial = self._trial
        if trial is None or self._standing.in_force(self._clock()) is None:
            return None
        canary = trial.canary
        # Whoever is on its side is in its share; so the ledger is asked about few others.
        if not falls_in(root, canary.percent) or self._clock() < canary.from_ms:
            return None
        mark = await self._mark(root)
        if mark is None:
            return trial if facts.kind == "admission" else None
        return trial if mark == canary.number else None

    async def _know(self) -> None:
        """Look, unless that was just done; without that nobody knows whose a run is."""
        if self._looked is not None and self._monotonic() - self._looked <= STALE_S:
            return
        async with self._looking:
            if self._looked is not None and self._monotonic() - self._looked <= STALE_S:
                return
            try:
                await self._look()
            except (LedgerError, LedgerUnavailableError) as error:
                told = "the ledger does not say whether a canary decides"
                raise PolicyUnavailableError("host:canary_unknown", told) from error

    async def _mark(self, root: str) -> int | None:
        known = self._marks.get(root)
        if known is not None:
            return known
        try:
            found = await self._store.mark(root)
        except (LedgerError, LedgerUnavailableError) as error:
            told = "the ledger does not say whether a canary decides for this run"
            raise PolicyUnavailableError("host:canary_unknown", told) from error
        if found is not None:
            self._marks[root] = found
            if len(self._marks) > _KEPT:
                self._marks.popitem(last=False)
        return found

    async def _candidate(self, facts: Facts, trial: _Trial) -> Decided:
        try:
            decided = await trial.judge.decide(facts)
            if decided.revision != trial.canary.revision:
                told = f"the candidate's OPA decides with {decided.revision}"
                raise PolicyUnavailableError("host:canary_foreign", told)
        except (PolicyUnavailableError, PolicyInvalidError):
            self._mine += UNANSWERED
            CANARY_DECISIONS.labels("candidate", "error").inc()
            raise
        if facts.kind in _JUDGED:
            self._mine += self._told("candidate", decided)
        return decided

    def _told(self, side: str, decided: Decided) -> Tally:
        effect = decided.decision.effect
        CANARY_DECISIONS.labels(side, effect).inc()
        CANARY_SECONDS.labels(side).observe(decided.took_us / 1e6)
        return answered(decided.took_us, is_deny=effect == "deny")


def _told_of(end: End) -> None:
    _log.warning("the canary is over", number=end.canary, why=end.why, message=end.message)
