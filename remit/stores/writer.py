"""Group commit: whatever writes are waiting share one transaction, one sync and one wake-up.

Writes run on the event loop, not in a thread. A driver call gives up the interpreter lock, and a
thread beside a busy loop, which is what a loaded worker has, waits 5 ms to get it back. Measured
with 8 tasks on such a loop: a writer thread 12 steps/s and missed deadlines; statements on the loop
and the commit in a thread 30-220; all on the loop 350-390. The calls take 10 us each and a commit
on a local disk 0.2 ms, far less than the lock would; where commits turn out slow they go to a
thread after all. A transaction on SQLite never stays open while the loop does something else, so
other processes wait for no more than one group.

On PostgreSQL a call may wait for other transactions and for the network, so a whole group runs in
the writer's thread; groups of several processes run side by side and lock their runs in order.

A caller that meets its deadline, or is cancelled, before its write has begun takes it back: it is
never executed. Afterwards the caller finds out by looking again.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from remit.ledger.errors import LedgerUnavailableError
from remit.stores.database import Database
from remit.stores.foresight import Wanted
from remit.stores.session import POLL_S, BusyError, Session, SpoiltError
from remit.stores.transaction import Transaction

R = TypeVar("R")
_log = logging.getLogger(__name__)

GROUP_S = 0.010
"""Longest that a group keeps the event loop, in seconds; the rest goes into the next group."""
INLINE_S = 0.003
"""Mean time of a commit above which it no longer runs on the event loop, in seconds."""
GROUP_SIZE = 128
"""Most writes in a group where a transaction waits for others' locks, not for the event loop."""
FOLD_EVERY = 500
"""Writes after which the write-ahead log is folded into the database, in a thread."""


@dataclass(slots=True)
class WriterStats:
    """What a writer has done since it was opened; for metrics and tests."""

    groups: int = 0
    """Transactions committed."""
    requests: int = 0
    """Writes executed, refused ones included."""
    waits: int = 0
    """Times that another process held the lock."""


class Request:
    """One write, and the coroutine that waits for it."""

    __slots__ = ("alone", "begun", "error", "future", "wanted", "work")

    def __init__(self, wanted: Wanted, work: Callable[[Transaction], None]) -> None:
        self.wanted = wanted
        self.work = work
        self.alone = False
        """Its group was spoilt; it is done by itself."""
        self.begun = False
        self.error: Exception | None = None
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def expire(self) -> None:
        """Stop waiting; called at the deadline."""
        why = "a new look shows whether it was written" if self.begun else "nothing was written"
        self.settle(LedgerUnavailableError(f"the ledger did not answer in time; {why}"))

    def settle(self, error: Exception | None) -> None:
        """Wake the waiting coroutine, unless it has gone."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)


class Writer:
    """Executes the writes of one process in groups. Belongs to one event loop."""

    def __init__(
        self,
        connect: Callable[[], Session],
        database: Database,
        *,
        bound: int,
        deadline_s: float,
    ) -> None:
        """Make a writer; it connects with the first write.

        Args:
            connect: Opens a session.
            database: What the sessions write to.
            bound: Most writes waiting; one more is refused.
            deadline_s: Longest that a caller waits, in seconds.
        """
        self.stats = WriterStats()
        self._connect = connect
        self._database = database
        self._bound = bound
        self._deadline_s = deadline_s
        self._queue: deque[Request] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-commit")
        self._session: Session | None = None
        self._pump: asyncio.Task[None] | None = None
        self._closed = False
        self._commit_s = 0.0
        self._folded = 0

    async def call(self, wanted: Wanted, work: Callable[[Transaction], R]) -> R:
        """Execute `work` in a transaction; return its result once that is durable.

        Raises:
            LedgerUnavailableError: when too many wait, the deadline passed, the database failed,
                or the writer is closed.
        """
        answer: list[R] = []
        request = Request(wanted, lambda transaction: answer.append(work(transaction)))
        self._enqueue(request)
        timer = asyncio.get_running_loop().call_later(self._deadline_s, request.expire)
        try:
            await request.future
        finally:
            timer.cancel()
        # A group that was given up is executed again; the last answer is the one that stands.
        return answer[-1]

    def _enqueue(self, request: Request) -> None:
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")
        if len(self._queue) >= self._bound:
            raise LedgerUnavailableError(
                f"{self._bound} writes wait for the ledger; nothing was written"
            )
        if self._pump is not None and self._pump.get_loop() is not request.future.get_loop():
            raise RuntimeError("a ledger is used by one event loop at a time; open another one")
        self._queue.append(request)
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
                await (self._serve_in_thread() if self._database.in_threads else self._serve())
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

    def _settle(self, group: Sequence[Request]) -> None:
        self.stats.groups += 1
        self.stats.requests += len(group)
        for request in group:
            request.settle(request.error)

    def _repeat(self, group: Sequence[Request]) -> None:
        """Have a group that was given up done again, each write by itself."""
        for request in group:
            request.alone = True
        self._put_back(group)

    def _put_back(self, group: Sequence[Request]) -> None:
        for request in group:
            request.begun = False
            request.error = None
        self._queue.extendleft(reversed(group))

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
            if request.future.done():
                continue
            request.begun = True
            group.append(request)
            self._write(session, request)

    async def _serve_in_thread(self) -> None:
        group = self._take()
        if not group:
            return
        try:
            late = await self._bounded(partial(self._transact, group))
        except (BusyError, SpoiltError) as error:
            self.stats.waits += isinstance(error, BusyError)
            (self._repeat if isinstance(error, SpoiltError) else self._put_back)(group)
            await asyncio.sleep(_some_time())
            return
        except Exception as error:
            self._fail(group, error)
            return
        self._settle([request for request in group if request not in late])
        if late:
            # Behind all others: their runs are held by somebody else for the moment.
            self.stats.waits += 1
            for request in late:
                request.begun = False
            self._queue.extend(late)
            if len(self._queue) == len(late):
                await asyncio.sleep(_some_time())

    def _take(self) -> list[Request]:
        """Return the next group; from here on its callers cannot take their writes back."""
        group: list[Request] = []
        while self._queue and len(group) < GROUP_SIZE:
            request = self._queue.popleft()
            if not request.future.done():
                request.begun = True
                request.error = None
                group.append(request)
        return group

    def _transact(self, group: Sequence[Request]) -> Sequence[Request]:
        """Execute a group; return those whose runs another transaction holds."""
        session, held = self._ready_session([request.wanted for request in group])
        try:
            late = [request for request in group if request.wanted.root in held]
            for request in group:
                if request not in late:
                    self._write(session, request)
            session.flush()
            session.commit()
        except (BusyError, SpoiltError):
            session.abort()
            raise
        return late

    def _ready_session(self, wanted: Sequence[Wanted]) -> tuple[Session, Collection[str]]:
        """Return a session with a transaction open; one that has died meanwhile is replaced."""
        if self._session is not None:
            try:
                return self._session, self._session.begin(wanted)
            except BusyError:
                self._session.abort()
                raise
            except LedgerUnavailableError:
                self._drop_session()
        self._session = self._connect()
        return self._session, self._session.begin(wanted)

    def _write(self, session: Session, request: Request) -> None:
        try:
            (session.write_alone if request.alone else session.write)(request.work)
        except (LedgerUnavailableError, SpoiltError):
            raise
        except Exception as error:
            # Refused or faulty: it wrote nothing, and the others of its group go on.
            request.error = error

    async def _bounded(self, call: Callable[[], R]) -> R:
        """Run a call in the thread; past twice the deadline its connection is cut."""
        running = asyncio.get_running_loop().run_in_executor(self._thread, call)
        done, _ = await asyncio.wait({running}, timeout=2 * self._deadline_s)
        if not done and self._session is not None:
            self._session.sever()
        return await running

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
        if not self._database.fold_log or self._session is None:
            return
        if self.stats.requests - self._folded < FOLD_EVERY:
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


def _some_time() -> float:
    """Return a pause, not the same in two processes that met."""
    return POLL_S * (1 + time.monotonic_ns() % 10)
