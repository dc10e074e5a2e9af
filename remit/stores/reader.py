"""Reads of one process: on the event loop where none meets a lock, else in a few threads.

Every read sees one snapshot. A read that meets its deadline has its connection cut.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from remit.ledger.errors import LedgerUnavailableError
from remit.stores.database import Database
from remit.stores.session import POLL_S, BusyError, Session
from remit.stores.transaction import Transaction

R = TypeVar("R")

THREADS = 4
"""Most connections that read at once."""


class Reader:
    """Answers questions; each call has a deadline."""

    def __init__(
        self, connect: Callable[[], Session], database: Database, *, bound: int, deadline_s: float
    ) -> None:
        """Make a reader; it connects with the first read.

        Args:
            connect: Opens a session.
            database: What the sessions read.
            bound: Most reads waiting; one more is refused.
            deadline_s: Longest that a caller waits, in seconds.
        """
        self._connect = connect
        self._in_threads = database.in_threads
        self._bound = bound
        self._deadline_s = deadline_s
        self._idle: list[Session] = []
        self._waiting = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ledger-read")
        self._closed = False

    async def call(self, work: Callable[[Transaction], R]) -> R:
        """Run `work` on one snapshot and return its result.

        Raises:
            LedgerUnavailableError: when too many wait, the deadline passed, the database failed,
                or the reader is closed.
        """
        if self._in_threads:
            return await self._called_in_thread(work)
        until = time.monotonic() + self._deadline_s
        while True:
            self._check_open()
            try:
                return self._answer(work, [])
            except BusyError:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(POLL_S)

    def _check_open(self) -> None:
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")

    async def _called_in_thread(self, work: Callable[[Transaction], R]) -> R:
        self._check_open()
        if self._waiting >= self._bound:
            raise LedgerUnavailableError(f"{self._bound} reads wait for the ledger")
        using: list[Session] = []
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, self._answer, work, using)
        self._waiting += 1
        running.add_done_callback(self._finished)
        done, _ = await asyncio.wait({running}, timeout=self._deadline_s)
        if done:
            return running.result()
        running.cancel()
        for session in using:
            session.sever()
        raise LedgerUnavailableError("the ledger did not answer in time")

    def _finished(self, running: asyncio.Future[R]) -> None:
        self._waiting -= 1
        if not running.cancelled():
            # Asked for, so that a failure nobody waits for any more is not reported as forgotten.
            running.exception()

    def _answer(self, work: Callable[[Transaction], R], using: list[Session]) -> R:
        while self._idle:
            session = self._idle.pop()
            try:
                return self._read(session, work, using)
            except BusyError:
                raise
            except LedgerUnavailableError:
                # It may have died while it lay idle; a fresh one tells.
                using.clear()
                if not self._in_threads:
                    raise
        return self._read(self._connect(), work, using)

    def _read(self, session: Session, work: Callable[[Transaction], R], using: list[Session]) -> R:
        using.append(session)
        try:
            result = session.read(work)
        except LedgerUnavailableError as error:
            if isinstance(error, BusyError):
                self._idle.append(session)
            else:
                session.close()
            raise
        except Exception:
            # The question failed, not the connection: say, an absent content.
            self._idle.append(session)
            raise
        self._idle.append(session)
        return result

    async def close(self) -> None:
        """Let go of the database."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        while self._idle:
            self._idle.pop().close()
