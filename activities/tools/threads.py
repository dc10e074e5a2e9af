"""Blocking work in threads that nothing waits for at the end of the process.

The standard pool would join its threads, so that one which hangs kept a worker from leaving.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress


class Returned:
    """What a function returned."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


Ended = Returned | BaseException


class InThread:
    """One function in one thread; `ended` is set on the loop that made it."""

    def __init__(
        self,
        function: Callable[..., object],
        keywords: dict[str, object],
        release: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._release = release
        self.ended: asyncio.Future[Ended] = self._loop.create_future()
        context = contextvars.copy_context()
        work = threading.Thread(
            target=lambda: self._tell(_outcome(context, function, keywords)),
            name=f"tool:{function.__name__}",
            daemon=True,
        )
        work.start()

    def _tell(self, ended: Ended) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._take, ended)

    def _take(self, ended: Ended) -> None:
        self._release()
        if not self.ended.done():
            self.ended.set_result(ended)


def _outcome(
    context: contextvars.Context, function: Callable[..., object], keywords: dict[str, object]
) -> Ended:
    try:
        return Returned(context.run(lambda: function(**keywords)))
    except BaseException as error:
        return error
