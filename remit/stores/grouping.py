"""Writes that wait for the ledger, and how a group of them ends; `writer` and `lanes` serve them.

Whatever writes are waiting share one transaction, one sync and one wake-up. A caller that meets its
deadline, or is cancelled, before its write has begun takes it back: it is never executed.
Afterwards the caller finds out by looking again.
"""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from remit.ledger.errors import LedgerUnavailableError
from remit.stores.foresight import Wanted
from remit.stores.session import Session, SpoiltError
from remit.stores.transaction import Transaction

R = TypeVar("R")

_TAKING_BACK = threading.Lock()
"""Held for the moment in which a write begins, or its caller gives up: one of both comes first."""


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

    def start(self) -> bool:
        """Begin, unless the caller has taken it back; from here on it cannot."""
        with _TAKING_BACK:
            self.error = None
            self.begun = not self.future.done()
            return self.begun

    def expire(self) -> None:
        """Stop waiting; called at the deadline."""
        with _TAKING_BACK:
            self._expire()

    def _expire(self) -> None:
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


class GroupWriter(ABC):
    """Executes the writes of one process in groups. Belongs to one event loop."""

    def __init__(self, connect: Callable[[], Session], *, bound: int, deadline_s: float) -> None:
        """Make a writer; it connects with the first write.

        Args:
            connect: Opens a session.
            bound: Most writes waiting; one more is refused.
            deadline_s: Longest that a caller waits, in seconds.
        """
        self.stats = WriterStats()
        self._connect = connect
        self._bound = bound
        self._deadline_s = deadline_s
        self._queue: deque[Request] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

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
        if self._is_busy() and self._loop is not request.future.get_loop():
            raise RuntimeError("a ledger is used by one event loop at a time; open another one")
        self._loop = request.future.get_loop()
        self._queue.append(request)
        self._wake()

    @abstractmethod
    def _is_busy(self) -> bool:
        """Whether somebody serves the queue."""

    @abstractmethod
    def _wake(self) -> None:
        """See to it that somebody serves the queue."""

    @abstractmethod
    async def close(self) -> None:
        """Execute what is queued, then let go of the connections."""

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
        self._queue.extendleft(reversed(group))

    def _write(self, session: Session, request: Request) -> None:
        try:
            (session.write_alone if request.alone else session.write)(request.work)
        except (LedgerUnavailableError, SpoiltError):
            raise
        except Exception as error:
            # Refused or faulty: it wrote nothing, and the others of its group go on.
            request.error = error
