"""A bounded queue of requests, and the threads that serve them in groups.

A group is one transaction: whatever is queued when a thread is free. So while one commit waits for
the disk, the next group gathers, and many waiting coroutines share one sync and one wake-up.

It never executes a request whose caller has gone: a caller that meets its deadline, or is
cancelled, takes its request back unless a thread took it first. A request that fails leaves the
others of its group alone. When the answer of a begun request is lost, its caller finds out by
reading again.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar

from remit.ledger.protocol import LedgerUnavailableError

T = TypeVar("T")
R = TypeVar("R")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class LaneStats:
    """What a lane has done since it was opened; for metrics and tests."""

    groups: int = 0
    """Transactions committed."""
    requests: int = 0
    """Requests executed, refused ones included."""
    waiting: int = 0
    """Requests queued or being executed."""


class Request(Generic[T]):
    """A unit of work on its way through a lane, and the coroutine that waits for it."""

    __slots__ = ("_token", "error", "future", "loop", "root", "work")

    def __init__(self, root: str, work: Callable[[T], None]) -> None:
        self.root = root
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self.loop.create_future()
        self.error: BaseException | None = None
        self._token = threading.Lock()

    def claim(self) -> bool:
        """Take the request, once: to execute it, or to take it back."""
        return self._token.acquire(blocking=False)

    def expire(self) -> None:
        """Give up waiting; called on the loop at the deadline."""
        if self.future.done():
            return
        why = "nothing was written" if self.claim() else "whether it was written shows a new look"
        self.future.set_exception(
            LedgerUnavailableError(f"the ledger did not answer in time; {why}")
        )

    def settle(self) -> None:
        """Wake the waiting coroutine; called on the loop."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(self.error)


class Session(Protocol[T]):
    """Transactions on one connection, made and used in one thread."""

    def begin(self) -> None:
        """Open a transaction; `LedgerUnavailableError` if that cannot be done."""

    def execute(self, request: Request[T]) -> None:
        """Execute a request inside the transaction, its refusal or failure noted in it."""

    def commit(self) -> None:
        """Make the transaction durable; `LedgerUnavailableError` if that cannot be done."""

    def close(self) -> None:
        """Let go of the connection."""


class Lane(Generic[T]):
    """Serves requests of one kind (writes, or reads) with its own threads and connections."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], Session[T]],
        *,
        threads: int,
        bound: int,
        group: int,
        deadline_s: float,
    ) -> None:
        """Start the threads.

        Args:
            name: For thread names and messages.
            connect: Makes a session; called in the thread that uses it.
            threads: How many groups may be served at once.
            bound: Most requests waiting; one more is refused.
            group: Most requests in one transaction.
            deadline_s: Longest that a caller waits, in seconds.
        """
        self.stats = LaneStats()
        self._name = name
        self._connect = connect
        self._bound = bound
        self._group = group
        self._deadline_s = deadline_s
        self._queue: SimpleQueue[Request[T] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"ledger-{name}-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def call(self, root: str, work: Callable[[T], R]) -> R:
        """Execute `work` in a transaction and return its result.

        Raises:
            LedgerUnavailableError: when the lane is full or closed, the deadline passed, or the
                database failed.
        """
        answer: list[R] = []
        request: Request[T] = Request(root, lambda given: answer.append(work(given)))
        self._enqueue(request)
        timer = request.loop.call_later(self._deadline_s, request.expire)
        try:
            await request.future
            return answer[0]
        except asyncio.CancelledError:
            request.claim()
            raise
        finally:
            timer.cancel()

    def _enqueue(self, request: Request[T]) -> None:
        with self._lock:
            if self._closed:
                raise LedgerUnavailableError("the ledger is closed")
            if self.stats.waiting >= self._bound:
                raise LedgerUnavailableError(
                    f"{self._bound} {self._name} requests wait for the ledger; nothing was written"
                )
            self.stats.waiting += 1
            self._queue.put(request)

    async def close(self) -> None:
        """Execute what is queued, then end the threads."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for _ in self._threads:
                    self._queue.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _serve(self) -> None:
        session: Session[T] | None = None
        open_ = True
        while open_:
            group, open_ = self._take()
            if not group:
                continue
            try:
                session = session or self._connect()
                done = self._execute(session, group)
            except Exception as error:
                # Whatever it was, the thread goes on: with a new connection, and callers told.
                done = _fail(group, error)
                _discard(session)
                session = None
            self._settle(group, done)
        _discard(session)

    def _take(self) -> tuple[list[Request[T]], bool]:
        """Return what is queued, at least one request, and whether the lane stays open."""
        first = self._queue.get()
        if first is None:
            return [], False
        group = [first]
        while len(group) < self._group:
            try:
                request = self._queue.get_nowait()
            except Empty:
                break
            if request is None:
                return group, False
            group.append(request)
        return group, True

    def _execute(self, session: Session[T], group: Sequence[Request[T]]) -> list[Request[T]]:
        session.begin()
        # By run, so that every process locks the heads of chains in the same order.
        done = [request for request in sorted(group, key=_root) if request.claim()]
        for request in done:
            session.execute(request)
        session.commit()
        with self._lock:
            self.stats.groups += 1
            self.stats.requests += len(done)
        return done

    def _settle(self, group: Sequence[Request[T]], done: Sequence[Request[T]]) -> None:
        with self._lock:
            self.stats.waiting -= len(group)
        by_loop: dict[asyncio.AbstractEventLoop, list[Request[T]]] = {}
        for request in done:
            by_loop.setdefault(request.loop, []).append(request)
        for loop, requests in by_loop.items():
            try:
                loop.call_soon_threadsafe(_settle_all, requests)
            except RuntimeError:
                _log.warning("ledger_answer_lost", extra={"requests": len(requests)})


def _root(request: Request[T]) -> str:
    return request.root


def _settle_all(requests: Sequence[Request[T]]) -> None:
    for request in requests:
        request.settle()


def _fail(group: Sequence[Request[T]], error: Exception) -> list[Request[T]]:
    """Give the error to every request of the group, begun or not."""
    if not isinstance(error, LedgerUnavailableError):
        _log.error("ledger_failed", exc_info=error)
    for request in group:
        request.claim()
        request.error = LedgerUnavailableError(f"the ledger failed: {error}")
    return list(group)


def _discard(session: Session[T] | None) -> None:
    if session is not None:
        try:
            session.close()
        except Exception as error:
            _log.warning("ledger_close_failed", exc_info=error)
