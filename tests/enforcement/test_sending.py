"""Only a tool that says so is given up when its call is cancelled."""

import asyncio
import time

import pytest

from remit.canonical import JSONObject
from remit.enforcement.sending import Cancellable
from remit.tool.call import Happened, ToolAnswer, ToolCall, Unknown
from remit.tool.contract import ToolContract

CONTRACT = ToolContract.model_validate(
    {
        "name": "lab.slow",
        "version": "1.0.0",
        "owner": "team:lab",
        "description": "Slow.",
        "domain": "lab",
        "operation": "write",
        "input_schema": {"type": "object"},
        "output_schema": {},
        "idempotency": "natural",
        "call": {"kind": "python", "function": "lab:slow"},
    }
)


@pytest.mark.parametrize(("is_cancellable", "expected"), [(True, Unknown), (False, Happened)])
async def test_cancel_gives_up_only_what_may_be_given_up(
    is_cancellable: bool, expected: type
) -> None:
    """A call that may not be cancelled is waited for; one that may becomes unknown."""
    begun, let_go = asyncio.Event(), asyncio.Event()
    arguments: JSONObject = {}

    async def slow(call: ToolCall) -> ToolAnswer:
        begun.set()
        await let_go.wait()
        return Happened(None)

    sending = Cancellable(slow, is_cancellable)
    call = ToolCall(CONTRACT, arguments, "r:a:do", time.monotonic() + 5)
    waiting = asyncio.create_task(sending.send(call))
    await begun.wait()

    sending.cancel()
    let_go.set()

    assert isinstance(await waiting, expected)
