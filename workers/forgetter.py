"""Expiry: what was kept long enough is forgotten, behind the fact and in small bites.

Looks through new records, so that it is known which run holds what, and lets runs go of contents
whose period is over. Periods are the project's data and are read anew each time; data that cannot
be read, or is not right, means that nothing is forgotten.
"""

import asyncio
from pathlib import Path

import structlog

from remit.cli.stack.errors import PolicyError
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.ledger.retention import Periods
from remit.stores.forgetting import ForgettingStore
from workers.retention import load_retention
from workers.rounds import repeat

_log = structlog.get_logger("workers.forgetter")


class Forgetter:
    """Forgets what is over in one ledger."""

    def __init__(self, store: ForgettingStore, project: Path) -> None:
        """Forget in `store`, by the data of `project`."""
        self._store = store
        self._project = project

    async def run(self, stop: asyncio.Event, every_s: float) -> None:
        """Forget until `stop`; a fault of one round is logged and the next one tries again."""
        await repeat(self.round, stop, every_s, (LedgerError, LedgerUnavailableError), _log)

    async def round(self) -> int:
        """Look through what is new, and forget what is over; return how many contents."""
        await self._store.look_through()
        await self._store.sweep()
        try:
            retention = await asyncio.to_thread(load_retention, self._project)
        except PolicyError as error:
            _log.error("nothing is forgotten", reason=str(error))
            return 0
        if not retention.periods:
            return 0
        count = 0
        for root in await self._store.due(retention.periods, retention.window_ms):
            count += await self._expire(root, retention.periods, retention.window_ms)
        return count

    async def _expire(self, root: str, periods: Periods, window_ms: int) -> int:
        try:
            done = await self._store.expire(root, periods, window_ms)
        except LedgerError as error:
            # Of another run something may be forgotten all the same.
            _log.info("not forgotten", run=root, code=error.code, reason=str(error))
            return 0
        if done.contents:
            _log.info("forgotten", run=root, contents=done.contents, held=done.held)
        return done.contents
