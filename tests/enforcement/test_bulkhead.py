"""The places of a worker: one sick tool holds its share, and what waits holds none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from temporalio.exceptions import ApplicationError

from remit.enforcement.bulkhead import Bulkhead


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        """Return the moment."""
        return self.now


@pytest.fixture
async def hung() -> AsyncIterator[AsyncExitStack]:
    """What hangs until the test ends."""
    async with AsyncExitStack() as stack:
        yield stack


async def _hang(hung: AsyncExitStack, bulkhead: Bulkhead, tool: str, most: int) -> int:
    """Begin calls that never end, up to `most`; return how many began."""
    for number in range(most):
        try:
            await hung.enter_async_context(bulkhead.place(tool, "a", 1))
        except ApplicationError:
            return number
    return most


async def test_tools_that_hang_leave_slots_for_others(hung: AsyncExitStack) -> None:
    """Each one holds half of what the others leave; part is kept for what is no tool call."""
    clock = Clock()
    bulkhead = Bulkhead(100, clock)
    held = []
    for number in range(7):
        name = f"lab.sick{number}@1"
        first = await _hang(hung, bulkhead, name, 1)
        clock.now += 1  # its first call is slow: nobody waits for a place
        held.append(first + await _hang(hung, bulkhead, name, 200))

    assert held[:4] == [50, 25, 12, 6]
    assert sum(held) == 95


async def test_a_slow_tools_calls_are_handed_back_later_and_later(hung: AsyncExitStack) -> None:
    """They wait outside of the worker, longer each time but never long."""
    clock = Clock()
    bulkhead = Bulkhead(2, clock)
    await _hang(hung, bulkhead, "lab.sick@1", 1)
    clock.now = 1
    delays = []
    for attempt in (1, 3, 50):
        with pytest.raises(ApplicationError) as crowded:
            async with bulkhead.place("lab.sick@1", "a", attempt):
                pass
        assert crowded.value.next_retry_delay is not None
        delays.append(crowded.value.next_retry_delay.total_seconds())

    assert 0.25 <= delays[0] <= 0.5
    assert 1 <= delays[1] <= 2
    assert 4 <= delays[2] <= 8


async def test_a_quick_tools_calls_wait_for_a_place_in_turn() -> None:
    """Nothing is handed back while places become free; no more run than may."""
    bulkhead = Bulkhead(4)
    order: list[int] = []
    peak = 0

    async def call(number: int) -> None:
        nonlocal peak
        async with bulkhead.place("lab.quick@1", "a", 1):
            peak = max(peak, bulkhead.running("lab.quick@1"))
            await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*(call(number) for number in range(40)))

    assert order == list(range(40))
    assert peak == 2
    assert bulkhead.running("lab.quick@1") == 0


async def test_who_gives_up_waiting_takes_no_place(hung: AsyncExitStack) -> None:
    """A cancelled wait, and one cancelled just as its turn came, leave nothing behind."""
    bulkhead = Bulkhead(2)
    begun = asyncio.Event()

    async def call() -> None:
        async with bulkhead.place("lab.put@1", "a", 1):
            begun.set()

    async with bulkhead.place("lab.put@1", "a", 1):
        early, late = asyncio.create_task(call()), asyncio.create_task(call())
        await asyncio.sleep(0)
        early.cancel()
        await asyncio.gather(early, return_exceptions=True)
    late.cancel()
    ended = await asyncio.gather(early, late, return_exceptions=True)

    assert [type(one) for one in ended] == [asyncio.CancelledError] * 2
    assert not begun.is_set()
    assert bulkhead.running("lab.put@1") == 0
    assert await _hang(hung, bulkhead, "lab.put@1", 1) == 1
