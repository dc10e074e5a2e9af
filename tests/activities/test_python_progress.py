"""Long functions: what they tell on the way, where they go on, how they learn that it is over."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from activities.tools.python import PythonTool
from remit.canonical import JSON
from remit.tool.binding import BoundFunction, bind
from remit.tool.call import Happened, ToolAnswer, ToolCall, Unknown
from remit.tool.python import CallEndedError, Progress, contract_of, tool

Function = Callable[..., object]


async def in_loop(count: int, progress: Progress) -> list[int]:
    """Work through numbers."""
    return _work(count, progress)


def in_thread(count: int, progress: Progress) -> list[int]:
    """Work through numbers."""
    return _work(count, progress)


def _work(count: int, progress: Progress) -> list[int]:
    done = []
    start = progress.resume
    for number in range(start if isinstance(start, int) else 0, count):
        done.append(number)
        progress.checkpoint(number + 1)
    return done


async def _call(
    function: Function, told: list[JSON], resume: JSON = None, within_s: float = 20
) -> ToolAnswer:
    made = tool(
        domain="shop", operation="write", idempotency="natural", owner="team:x", version="1.0.0"
    )(function)
    contract = contract_of(made)
    assert contract is not None
    assert "progress" not in contract.input_schema["properties"]
    adapter = PythonTool(
        {contract.model_dump()["call"]["function"]: BoundFunction(made, bind(made))}
    )
    deadline = asyncio.get_running_loop().time() + within_s
    call = ToolCall(
        contract, {"count": 3}, "r:a:do", deadline, checkpoint=told.append, resume=resume
    )
    return await adapter(call)


@pytest.mark.parametrize("function", [in_loop, in_thread])
async def test_tells_and_goes_on(function: Function) -> None:
    """Each checkpoint is told in order; a call with one begins there."""
    told: list[JSON] = []

    assert await _call(function, told) == Happened([0, 1, 2])
    assert await _call(function, told, resume=2) == Happened([2])
    await asyncio.sleep(0)
    assert told == [1, 2, 3, 3]


async def test_tells_no_more_than_a_position() -> None:
    """What is larger, or is no JSON, is the function's fault; nothing of it is told."""
    told: list[JSON] = []

    async def large(count: int, progress: Progress) -> None:
        """Tell too much."""
        progress.checkpoint("x" * 3000)

    given = await _call(large, told)

    assert isinstance(given, Unknown)
    assert (given.code, told) == ("TOOL-RAISED", [])


@pytest.mark.parametrize("how", ["deadline", "cancelled"])
async def test_a_thread_learns_that_it_is_over(how: str) -> None:
    """At its next checkpoint, and nothing is told any more."""
    told: list[JSON] = []
    began, go, left = threading.Event(), threading.Event(), threading.Event()

    def slow(count: int, progress: Progress) -> None:
        """Work on."""
        began.set()
        go.wait(10)
        try:
            progress.checkpoint(1)
        except CallEndedError:
            left.set()

    work = asyncio.ensure_future(_call(slow, told, within_s=1 if how == "deadline" else 60))
    await asyncio.to_thread(began.wait, 10)
    if how == "cancelled":
        work.cancel()
    ended = (await asyncio.gather(work, return_exceptions=True))[0]
    go.set()

    assert await asyncio.to_thread(left.wait, 10)
    assert told == []
    expected = asyncio.CancelledError if how == "cancelled" else Unknown
    assert isinstance(ended, expected)
