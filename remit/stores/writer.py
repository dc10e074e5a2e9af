"""Group commit on the event loop, for a database that answers at once: a file.

Writes run on the event loop, not in a thread. A driver call gives up the interpreter lock, and a
thread beside a busy loop, which is what a loaded worker has, waits 5 ms to get it back. Measured
with 8 tasks on such a loop: a writer thread 12 steps/s and missed deadlines; statements on the loop
and the commit in a thread 30-220; all on the loop 350-390. The calls take 10 us each and a commit
on a local disk 0.2 ms, far less than the lock would; where commits turn out slow they go to a
thread after all. A transaction on SQLite never stays open while the loop does something else, so
other processes wait for no more than one group.

Where a call may wait for the network and for others' locks, `remit.stores.lanes` writes instead.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from remit.ledger.errors import LedgerUnavailableError
from remit.stores.grouping import GroupWriter, Request
from remit.stores.session import POLL_S, BusyError, Session, SpoiltError

_log = logging.getLogger(__name__)

GROUP_S = 0.010
"""Longest that a group keeps the event loop, in seconds; the rest goes into the next group."""
INLINE_S = 0.003
"""Mean time of a commit above which it no longer runs on the event loop, in seconds."""
FOLD_EVERY = 500
"""Writes after which the write-ahead log is folded into the database, in a thread."""


class Writer(GroupWriter):
    """Writes on the event loop, over one connection."""

    def __init__(self, connect: Callable[[], Session], *, bound: int, deadline_s: float) -> None:
        """Make a writer; see `GroupWriter`."""
        super().__init__(connect, bound=bound, deadline_s=deadline_s)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-commit")
        self._session: Session | None = None
        self._pump: asyncio.Task[None] | None = None
        self._commit_s = 0.0
        self._folded = 0

    def _is_busy(self) -> bool:
        return self._pump is not None

    def _wake(self) -> None:
        if self._pump is None:
            self._pump = asyncio.create_task(self._run(), name="ledger-writer")

    async def close(self) -> None:
        """Execute what is queued, then let go of the connection."""
        self._closed = True
        if self._pump is not None:
            await asyncio.shield(self._pump)
        await asyncio.to_thread(self._thread.shutdown)
        self._drop_session()

    async def _run(self) -> None:
        try:
            while self._queue:
                await self._serve()
                await self._fold_log()
                await asyncio.sleep(0)
        finally:
            self._pump = None

    async def _serve(self) -> None:
        group: list[Request] = []
        try:
            session = await self._begin()
            if session is None:
                return
            try:
                self._execute(session, group)
                session.flush()
                await self._commit(session)
            except SpoiltError:
                session.abort()
                self._repeat(group)
                return
        except Exception as error:
            # Whatever it was, the writer goes on with a new connection; every caller hears of it.
            self._fail(group, error)
            return
        self._settle(group)

    async def _begin(self) -> Session | None:
        """Open a transaction as soon as no other process writes; `None` when nobody waits."""
        while self._queue:
            if self._queue[0].future.done():
                self._queue.popleft()
                continue
            try:
                self._session = self._session or self._connect()
                self._session.begin()
                return self._session
            except BusyError:
                self.stats.waits += 1
            await asyncio.sleep(POLL_S)
        return None

    def _execute(self, session: Session, group: list[Request]) -> None:
        until = time.monotonic() + GROUP_S
        while self._queue and time.monotonic() < until:
            request = self._queue.popleft()
            if not request.start():
                continue
            group.append(request)
            self._write(session, request)

    async def _commit(self, session: Session) -> None:
        if self._commit_s > INLINE_S:
            # Decays, so that a disk that was slow for a while is tried again.
            self._commit_s *= 0.98
            await self._in_thread(session.commit)
            return
        started = time.monotonic()
        session.commit()
        # One outlier alone does not drive the commits into the thread.
        took = min(time.monotonic() - started, 2 * INLINE_S)
        self._commit_s += (took - self._commit_s) / 8

    async def _fold_log(self) -> None:
        if self._session is None or self.stats.requests - self._folded < FOLD_EVERY:
            return
        self._folded = self.stats.requests
        try:
            await self._in_thread(self._session.fold_log)
        except LedgerUnavailableError as error:
            _log.warning("ledger_log_not_folded", exc_info=error)

    async def _in_thread(self, call: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _fail(self, group: list[Request], error: Exception) -> None:
        if not isinstance(error, LedgerUnavailableError):
            _log.error("ledger_write_failed", exc_info=error)
        self._drop_session()
        # Without a group not even a transaction could be opened: that is told to all who wait.
        failed = group or list(self._queue)
        for request in failed:
            request.settle(LedgerUnavailableError(f"the ledger failed: {error}"))

    def _drop_session(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            session.close()
