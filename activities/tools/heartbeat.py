"""Telling Temporal that a long call is alive, at the cost of one timer."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_S = 2.5
"""Seconds between two heartbeats; calls that take less never send one."""


@contextmanager
def beating(heartbeat: Callable[[], None], every_s: float | None) -> Iterator[None]:
    """Call `heartbeat` every `every_s` seconds (at most 2.5) while the block lasts.

    Args:
        heartbeat: called from the event loop; must not block.
        every_s: the contract's heartbeat timeout; a third of it is the pause.
    """
    timer = _Timer(heartbeat, EVERY_S if every_s is None else min(EVERY_S, every_s / 3))
    try:
        yield
    finally:
        timer.handle.cancel()


class _Timer:
    def __init__(self, heartbeat: Callable[[], None], pause_s: float) -> None:
        self._heartbeat = heartbeat
        self._pause_s = pause_s
        self.handle = self._wind()

    def _wind(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._pause_s, self._beat)

    def _beat(self) -> None:
        self.handle = self._wind()
        self._heartbeat()
