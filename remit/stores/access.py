"""How the ledger's database is reached: a writer, a reader, a cache, and what lives beside runs.

Writes are committed in groups, reads are answered at once from a snapshot; on SQLite both on the
event loop that opened the ledger, because threads beside a busy loop starve (see
`remit.stores.writer`), on PostgreSQL in threads. Every call has a deadline. Immutable contents are
kept in memory; nothing else is. What is written and read is for `remit.stores.ledger` and the
stores given out here to say; none of them opens a connection of its own.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine

from remit.canonical import Digest
from remit.stores.archiving import LogStore
from remit.stores.canaries import CanaryStore
from remit.stores.contents import ContentCache
from remit.stores.database import Database
from remit.stores.foresight import Wanted
from remit.stores.forgetting import ForgettingStore
from remit.stores.grouping import GroupWriter, WriterStats
from remit.stores.lanes import LaneWriter
from remit.stores.reader import Reader
from remit.stores.releases import ReleaseStore
from remit.stores.sent import NoticeStore
from remit.stores.session import Clock, Session
from remit.stores.statements import Statements
from remit.stores.transaction import Transaction
from remit.stores.vault import OPEN, Vault
from remit.stores.writer import Writer

R = TypeVar("R")
_log = logging.getLogger(__name__)
_TRIES = 50
_AGAIN_S = 0.1
"""How often, and after how long, to try to empty the database's log while others use it."""


class Access:
    """An open database with a ledger's tables."""

    def __init__(
        self,
        engine: Engine,
        database: Database,
        *,
        deadline_s: float,
        clock: Clock,
        bound: int,
        cache_bytes: int,
        vault: Vault = OPEN,
    ) -> None:
        """Start the threads; `open_ledger` is the way to make one."""
        self._engine = engine
        self._cache = ContentCache(cache_bytes)
        self._database = database
        connect = partial(Session, engine, database, Statements(engine.dialect, vault), clock)
        made = LaneWriter if database.in_threads else Writer
        self._writer: GroupWriter = made(connect, bound=bound, deadline_s=deadline_s)
        self._reader = Reader(connect, database, bound=bound, deadline_s=deadline_s)

    @property
    def writes(self) -> WriterStats:
        """What the writer has done."""
        return self._writer.stats

    @property
    def log(self) -> LogStore:
        """The log of all runs, and what evidence is made of."""
        return LogStore(partial(self._write, Wanted()), self._read)

    @property
    def releases(self) -> ReleaseStore:
        """Which policies were released, in their order."""
        return ReleaseStore(partial(self._write, Wanted()), self._read)

    @property
    def canaries(self) -> CanaryStore:
        """Which candidates decide, or decided, for a share of the runs."""
        return CanaryStore(partial(self._write, Wanted()), self._read)

    @property
    def forgetting(self) -> ForgettingStore:
        """What contents are, how they are forgotten, and what they are encrypted with."""
        return ForgettingStore(partial(self._write, Wanted()), self._read, self._forget)

    @property
    def notices(self) -> NoticeStore:
        """What people are to be told of, and what they were told."""
        return NoticeStore(partial(self._write, Wanted()), self._read)

    async def _forget(self, digests: Sequence[Digest]) -> None:
        """Let go of values in memory, and of what the database's log still has of them."""
        self._cache.drop(digests)
        for _ in range(_TRIES):
            if await asyncio.to_thread(self._database.empty_log, self._engine):
                return
            await asyncio.sleep(_AGAIN_S)
        _log.warning("ledger_log_not_emptied")

    async def compact(self) -> bool:
        """Write the whole database anew, so that no old copy of anything is in its file.

        Nobody else can use the ledger meanwhile; returns whether that could be had.
        """
        return await asyncio.to_thread(self._database.compact, self._engine)

    async def _write(self, wanted: Wanted, work: Callable[[Transaction], R]) -> R:
        return await self._writer.call(wanted, work)

    async def ask(self, work: Callable[[Transaction], R]) -> R:
        """Answer a question of another part of `remit.stores` from one snapshot."""
        return await self._read(work)

    async def _read(self, work: Callable[[Transaction], R]) -> R:
        return await self._reader.call(work)

    async def close(self) -> None:
        """Finish what is queued and let go of the database."""
        await self._writer.close()
        await self._reader.close()
        self._engine.dispose()
