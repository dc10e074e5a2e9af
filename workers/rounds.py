"""Work of the keeper that is done again and again, until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from structlog.typing import FilteringBoundLogger


async def repeat(
    work: Callable[[], Awaitable[object]],
    stop: asyncio.Event,
    every_s: float,
    faults: tuple[type[Exception], ...],
    log: FilteringBoundLogger,
) -> None:
    """Work until `stop`; one of these faults of a round is logged and the next one tries again."""
    while not stop.is_set():
        try:
            await work()
        except faults as error:
            log.warning("round failed", error=str(error))
        await pause(stop, every_s)


async def pause(stop: asyncio.Event, most_s: float) -> None:
    """Wait until the next round is due, or `stop` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), most_s)
