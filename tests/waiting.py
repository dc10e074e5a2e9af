"""Waiting for what a test is about: for a condition, never for a time.

The bounds end a test whose condition never comes true. They say nothing of how soon it should: a
busy machine may take long.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    condition: Callable[[], Awaitable[bool]], within_s: float = 60, every_s: float = 0.1
) -> None:
    """Wait until `condition` holds; fail when it does not in time."""
    until_s = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < until_s, "it did not happen in time"
        await asyncio.sleep(every_s)


def until(condition: Callable[[], T | None], within_s: float = 60, every_s: float = 0.02) -> T:
    """Wait until `condition` gives something true, and return it; fail when it does not in time."""
    until_s = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < until_s, "it did not happen in time"
        time.sleep(every_s)
    return found
