"""The `python` kind: functions on the loop and in threads, and every way in which they end."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from activities.tools.python import PythonTool
from activities.tools.registry import Tools
from remit.tool.binding import BoundFunction, bind
from remit.tool.call import Broken, Happened, Refused, ToolAnswer, ToolCall, Unknown
from remit.tool.contract import ToolContract
from remit.tool.python import StepKeyText, ToolRefusedError, contract_of, tool


class Thing(BaseModel):
    """What the tools below return."""

    name: str
    key: str


def _tool(function: Callable[..., object]) -> tuple[ToolContract, BoundFunction]:
    made = tool(
        domain="shop", operation="write", idempotency="none", owner="team:shop", version="1.0.0"
    )(function)
    contract = contract_of(made)
    assert contract is not None
    return contract, BoundFunction(function, bind(function))


async def _call(
    function: Callable[..., object],
    *,
    within_s: float = 5.0,
    adapter: PythonTool | None = None,
    **arguments: str | int,
) -> ToolAnswer:
    contract, bound = _tool(function)
    name = contract.model_dump()["call"]["function"]
    adapter = PythonTool({name: bound}) if adapter is None else adapter
    deadline = asyncio.get_running_loop().time() + within_s
    return await adapter(ToolCall(contract, dict(arguments), "run-1:a:do", deadline))


async def test_async_and_sync_functions_answer() -> None:
    """Both kinds of function receive their arguments and the step key, and answer with JSON."""

    async def on_loop(name: str, step_key: StepKeyText) -> Thing:
        """Make."""
        return Thing(name=name, key=step_key)

    def in_thread(name: str, step_key: StepKeyText) -> Thing:
        """Make."""
        assert threading.current_thread() is not threading.main_thread()
        return Thing(name=name, key=step_key)

    for function in (on_loop, in_thread):
        assert await _call(function, name="x") == Happened({"name": "x", "key": "run-1:a:do"})


async def test_a_refusal_certainly_did_nothing() -> None:
    """`ToolRefusedError` carries its own code and words."""

    def refuse() -> None:
        """Refuse."""
        raise ToolRefusedError("SHOP-CLOSED", "come back later", again=True)

    assert await _call(refuse) == Refused(
        "SHOP-CLOSED", "shop.refuse@1: come back later", again=True
    )


async def test_a_refusal_may_say_that_it_is_done_already() -> None:
    """What `already` means stands in `remit.tool.call`; the function may say it too."""

    def refuse() -> None:
        """Refuse."""
        raise ToolRefusedError("SHOP-GONE", "no such order", already=True)

    given = await _call(refuse)

    assert given == Refused("SHOP-GONE", "shop.refuse@1: no such order", already=True)


async def test_other_exceptions_leave_it_open_and_hide_their_words() -> None:
    """What else a function raises is unknown; its message may hold secrets and is not shown."""

    def fail() -> None:
        """Fail."""
        raise ValueError("password=hunter2")

    async def leave() -> None:
        """Cancel itself."""
        raise asyncio.CancelledError

    failed = await _call(fail)

    assert isinstance(failed, Unknown)
    assert failed.code == "TOOL-RAISED"
    assert "ValueError (test_python_tool.py, line" in failed.message
    assert "hunter2" not in failed.message
    assert isinstance(await _call(leave), Unknown)


@pytest.mark.parametrize("kind", ["async", "stubborn", "thread"])
async def test_the_deadline_leaves_it_open(kind: Literal["async", "stubborn", "thread"]) -> None:
    """A function that does not end in time is unknown, even one that will not be cancelled."""
    over = threading.Event()

    async def waits() -> None:
        """Wait."""
        await asyncio.sleep(30)

    async def stubborn() -> None:
        """Ignore being cancelled."""
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(0.2)

    def blocks() -> None:
        """Block."""
        over.wait(30)

    function = {"async": waits, "stubborn": stubborn, "thread": blocks}[kind]

    given = await _call(function, within_s=0.5)
    over.set()

    assert isinstance(given, Unknown)
    assert given.code == "TOOL-TIMEOUT"


async def test_threads_are_bounded_and_come_back() -> None:
    """With every thread stuck a call is refused uncalled; a thread that ends frees its place."""
    over = threading.Event()
    called = 0

    def blocks() -> None:
        """Block."""
        nonlocal called
        called += 1
        over.wait(30)

    contract, bound = _tool(blocks)
    name = contract.model_dump()["call"]["function"]
    adapter = PythonTool({name: bound}, max_threads=1)

    first = await _call(blocks, within_s=0.5, adapter=adapter)
    second = await _call(blocks, within_s=0.5, adapter=adapter)
    over.set()
    third = await _call(blocks, adapter=adapter)

    assert isinstance(first, Unknown)
    assert isinstance(second, Refused)
    assert (second.code, second.again) == ("TOOL-BUSY", True)
    assert third == Happened(None)
    assert called == 2


async def test_nothing_is_called_after_the_deadline() -> None:
    """A deadline that is over when the call begins is a refusal."""
    called = False

    def note() -> None:
        """Note."""
        nonlocal called
        called = True

    given = await _call(note, within_s=-1)

    assert isinstance(given, Refused)
    assert not called


async def test_arguments_that_do_not_fit_are_not_tried() -> None:
    """Unknown, missing and malformed arguments refuse the call."""

    def take(count: int) -> int:
        """Take."""
        return count

    for arguments in ({}, {"count": "x"}, {"count": 1, "more": 2}):
        given = await _call(take, **arguments)
        assert isinstance(given, Refused)
        assert given.code == "TOOL-REQUEST"


async def test_an_answer_of_another_type_is_broken() -> None:
    """A function that returns what it did not promise has had its effect."""

    def lie() -> int:
        """Lie."""
        count: int = json.loads('"text"')
        return count

    def too_large() -> int:
        """Return an integer that JSON cannot carry."""
        return 2**60

    for function in (lie, too_large):
        given = await _call(function)
        assert isinstance(given, Broken)
        assert given.code == "TOOL-ANSWER"


async def test_a_contract_whose_function_is_gone(tmp_path: Path) -> None:
    """A pinned contract of a function that the project no longer has is refused."""

    def gone() -> None:
        """Be gone."""

    contract, _ = _tool(gone)
    tools = Tools({}, tmp_path)
    deadline = asyncio.get_running_loop().time() + 1

    given = await tools.adapter(contract)(ToolCall(contract, {}, "k", deadline))
    await tools.aclose()

    assert isinstance(given, Refused)
    assert given.code == "TOOL-FUNCTION"
