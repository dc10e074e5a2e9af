"""Group commit in threads, for a database that is waited for: a server.

Two groups are under way at once, each on a connection and in a thread of its own: while the server
works on one, the other is thought about. A thread beside a busy event loop waits up to 5 ms for the
interpreter lock each time it has waited for the network. That would be too long for every
statement; a group waits twice, once for what it asks and once for its commit.

No lock is waited for but those of counters. A run that somebody else is writing about is left for
the next group, and so is one that the other lane is at: until a write has begun its caller can
still take it back.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from remit.ledger.errors import LedgerUnavailableError
from remit.stores.foresight import Wanted
from remit.stores.grouping import GroupWriter, Request
from remit.stores.session import POLL_S, BusyError, Session, SpoiltError

R = TypeVar("R")
_log = logging.getLogger(__name__)

LANES = 2
"""Groups under way at once."""
GROUP_SIZE = 128
"""Most writes in a group: what a group costs besides its writes counts half as much as with 64, and
with 256 no less."""


class LaneWriter(GroupWriter):
    """Writes in threads, over several connections."""

    def __init__(self, connect: Callable[[], Session], *, bound: int, deadline_s: float) -> None:
        """Make a writer; see `GroupWriter`."""
        super().__init__(connect, bound=bound, deadline_s=deadline_s)
        self._lanes = [_Lane(connect, 2 * deadline_s) for _ in range(LANES)]
        self._busy: set[str] = set()
        """Runs that a lane is writing about."""

    def _is_busy(self) -> bool:
        return any(lane.pump is not None for lane in self._lanes)

    def _wake(self) -> None:
        for lane in self._lanes:
            if lane.pump is None:
                lane.pump = asyncio.create_task(self._run(lane), name="ledger-lane")
                return

    async def close(self) -> None:
        """Execute what is queued, then let go of the connections."""
        self._closed = True
        while pumps := [lane.pump for lane in self._lanes if lane.pump is not None]:
            await asyncio.wait(pumps)
        for lane in self._lanes:
            await lane.close()

    async def _run(self, lane: "_Lane") -> None:
        try:
            while group := self._take():
                runs = {request.wanted.root for request in group} - {""}
                self._busy |= runs
                try:
                    pause_s = await self._serve(lane, group)
                finally:
                    self._busy -= runs
                if self._queue:
                    # What the other lane passed over because this one was at it.
                    self._wake()
                await asyncio.sleep(pause_s)
        finally:
            lane.pump = None

    def _take(self) -> list[Request]:
        """Return the next group."""
        group: list[Request] = []
        passed: list[Request] = []
        while self._queue and len(group) < GROUP_SIZE:
            request = self._queue.popleft()
            if request.future.done():
                continue
            if request.wanted.root in self._busy:
                passed.append(request)
                continue
            group.append(request)
        self._queue.extendleft(reversed(passed))
        return group

    async def _serve(self, lane: "_Lane", group: Sequence[Request]) -> float:
        """Execute a group; return for how long to leave it before the next."""
        try:
            late = await lane.bounded(partial(self._transact, lane, group))
        except SpoiltError:
            self._repeat(group)
            return 0
        except BusyError:
            self.stats.waits += 1
            self._put_back(group)
            return _some_time()
        except Exception as error:
            self._fail(lane, group, error)
            return 0
        self._settle([request for request in group if request not in late])
        if not late:
            return 0
        self.stats.waits += 1
        # Behind all others: their runs are held by another process for the moment.
        self._queue.extend(late)
        return _some_time() if len(late) == len(group) else 0

    def _transact(self, lane: "_Lane", group: Sequence[Request]) -> Sequence[Request]:
        """Execute a group; return those whose runs another process holds."""
        session, held = lane.begin([request.wanted for request in group])
        late = [request for request in group if request.wanted.root in held]
        try:
            for request in group:
                if request.wanted.root not in held and request.start():
                    self._write(session, request)
            session.commit()
        except (BusyError, SpoiltError):
            session.abort()
            raise
        return late

    def _fail(self, lane: "_Lane", group: Sequence[Request], error: Exception) -> None:
        if not isinstance(error, LedgerUnavailableError):
            _log.error("ledger_write_failed", exc_info=error)
        lane.drop()
        for request in group:
            request.settle(LedgerUnavailableError(f"the ledger failed: {error}"))


class _Lane:
    """One thread and its connection."""

    def __init__(self, connect: Callable[[], Session], limit_s: float) -> None:
        self.pump: asyncio.Task[None] | None = None
        self._connect = connect
        self._limit_s = limit_s
        self._session: Session | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-lane")

    def begin(self, wanted: Sequence[Wanted]) -> tuple[Session, Collection[str]]:
        """Open a transaction; a connection that has died meanwhile is replaced."""
        if self._session is not None:
            try:
                return self._session, self._session.begin(wanted)
            except BusyError:
                self._session.abort()
                raise
            except LedgerUnavailableError:
                self.drop()
        self._session = self._connect()
        return self._session, self._session.begin(wanted)

    async def bounded(self, call: Callable[[], R]) -> R:
        """Run a call in the thread; when it takes too long its connection is cut."""
        running = asyncio.get_running_loop().run_in_executor(self._thread, call)
        done, _ = await asyncio.wait({running}, timeout=self._limit_s)
        if not done and self._session is not None:
            self._session.sever()
        return await running

    def drop(self) -> None:
        """Let go of the connection."""
        if self._session is not None:
            session, self._session = self._session, None
            session.close()

    async def close(self) -> None:
        """Let go of thread and connection."""
        await asyncio.to_thread(self._thread.shutdown)
        self.drop()


def _some_time() -> float:
    """Return a pause, not the same in two processes that met."""
    return POLL_S * (1 + time.monotonic_ns() % 10)
