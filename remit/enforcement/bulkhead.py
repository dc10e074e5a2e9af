"""How many calls of one tool a worker makes at once, so that a sick tool takes no other's slots.

A tool may hold half of the slots that others leave: the first one that hangs holds half of the
worker, a second one a quarter, and so on; and a part is kept for Remit's own activities. While a
tool answers quickly its next calls wait here for a place, since one is free in a moment. Once a
call of it is slow they are handed back to the server, which hands them out again later: a call that
waits must hold no slot. Nothing was looked up or decided before, so waiting is no attempt.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from remit.enforcement import failure
from remit.enforcement.retrying import pause_s
from remit.enforcement.telemetry import CROWDED, TOOL_RUNNING

PATIENCE_S = 0.5
"""How long a call waits in its slot for a place, and from when on a call counts as slow."""
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 8.0
_KEPT = 20
"""One slot in so many is kept for what is no tool call."""


class Bulkhead:
    """The places of one worker."""

    def __init__(self, slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Share `slots` among tools; `clock` gives seconds."""
        self._slots = slots
        self._clock = clock
        self._begun: dict[str, dict[object, float]] = {}
        """When the calls began that hold a place, oldest first, by tool."""
        self._waiting: dict[str, dict[object, asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def place(self, tool: str, path: str, attempt: int) -> AsyncIterator[None]:
        """Hold a place for a call of `tool`; `attempt` is Temporal's, which only delays follow.

        Raises:
            ApplicationError: `TOOL-CROWDED`, to be tried again: there is none.
        """
        call = object()
        if self._has_room(tool):
            self._take(tool, call)
        else:
            await self._wait(tool, call, path, attempt)
        try:
            yield
        finally:
            self._give_back(tool, call)

    def bound(self, tool: str) -> int:
        """Return how many calls of `tool` may run now."""
        others = sum(len(calls) for name, calls in self._begun.items() if name != tool)
        return min(max((self._slots - others) // 2, 1), self._slots - self._slots // _KEPT - others)

    def running(self, tool: str) -> int:
        """Return how many calls of `tool` hold a place."""
        return len(self._begun.get(tool, ()))

    def _has_room(self, tool: str) -> bool:
        return self.running(tool) < self.bound(tool)

    def _is_slow(self, tool: str) -> bool:
        oldest = next(iter(self._begun.get(tool, {}).values()), None)
        return oldest is not None and self._clock() - oldest > PATIENCE_S

    async def _wait(self, tool: str, call: object, path: str, attempt: int) -> None:
        if self._is_slow(tool):
            raise self._crowded(tool, path, attempt)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(tool, {})
        waiting[call] = turn
        timer = asyncio.get_running_loop().call_later(PATIENCE_S, turn.cancel)
        try:
            await turn
        except asyncio.CancelledError:
            if waiting.pop(call, None) is None:
                # It was given its place, and cancelled before it could begin.
                self._give_back(tool, call)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise self._crowded(tool, path, attempt) from None
        finally:
            timer.cancel()

    def _take(self, tool: str, call: object) -> None:
        self._begun.setdefault(tool, {})[call] = self._clock()
        TOOL_RUNNING.labels(tool).set(self.running(tool))

    def _give_back(self, tool: str, call: object) -> None:
        calls = self._begun[tool]
        del calls[call]
        if not calls:
            del self._begun[tool]
        TOOL_RUNNING.labels(tool).set(self.running(tool))
        for name in [tool, *(other for other in self._waiting if other != tool)]:
            self._wake(name)

    def _wake(self, tool: str) -> None:
        """Give places to those who wait, first come first served, before anybody else comes."""
        waiting = self._waiting.get(tool, {})
        for call, turn in list(waiting.items()):
            if not self._has_room(tool):
                return
            if not turn.done():
                del waiting[call]
                self._take(tool, call)
                turn.set_result(None)

    def _crowded(self, tool: str, path: str, attempt: int) -> Exception:
        CROWDED.labels(tool).inc()
        message = (
            f"this worker makes {self.running(tool)} calls of {tool} and no more; "
            "nothing was called, it waits its turn"
        )
        delay_s = pause_s(_FIRST_DELAY_S, _LONGEST_DELAY_S, attempt)
        return failure.again("TOOL-CROWDED", message, delay_s, path)
