"""Blocking work in threads that nothing waits for at the end of the process.

The standard pool would join its threads, so that one which hangs kept a worker from leaving.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Returned(Generic[T]):
    """What some work returned."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


Ended = Returned[T] | BaseException


class InThread(Generic[T]):
    """Some work in a thread of its own; `ended` is set on the loop that made it."""

    def __init__(self, name: str, work: Callable[[], T], release: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._release = release
        self.ended: asyncio.Future[Ended[T]] = self._loop.create_future()
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=lambda: self._tell(_outcome(context, work)), name=f"tool:{name}", daemon=True
        )
        thread.start()

    def _tell(self, ended: Ended[T]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._take, ended)

    def _take(self, ended: Ended[T]) -> None:
        self._release()
        if not self.ended.done():
            self.ended.set_result(ended)


def _outcome(context: contextvars.Context, work: Callable[[], T]) -> Ended[T]:
    try:
        return Returned(context.run(work))
    except BaseException as error:
        return error
