"""How far a lost attempt came reaches the one that takes over, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from remit.canonical import JSON
from remit.enforcement.beats import Beats
from remit.enforcement.frame import Frame
from remit.plan.wire import StepCall, StepResult
from remit.tool.call import Happened, Refused, ToolAnswer, ToolCall, Unknown
from remit.tool.catalogue import Catalogue
from tests.activities.origin import http_contract
from tests.enforcement.desk import RUN, Desk, a_desk

TOOL = "shop.thing@1"


async def test_a_call_that_lasts_beats_until_it_is_over() -> None:
    """Often enough for Temporal's patience, and each time with what was told last."""
    told: list[tuple[object, ...]] = []
    twice = asyncio.Event()

    def send(*details: object) -> None:
        told.append(details)
        if len(told) == 2:
            twice.set()

    beats = Beats(send, ("so far",), timedelta(milliseconds=60))
    with beats.kept_up():
        await twice.wait()

    assert told == [("so far",)] * 2


class Temporal:
    """Keeps what the last heartbeat carried."""

    def __init__(self) -> None:
        self.details: tuple[object, ...] = ()

    def frame(self, attempt: int) -> Frame:
        """Return the frame of an attempt."""
        return Frame(
            "w", RUN, "ExecutePlan", TOOL, attempt, 0, f"o{attempt}", "tools",
            beats=Beats(self._send, self.details),
        )  # fmt: skip

    def _send(self, *details: object) -> None:
        self.details = details


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A step whose tool may be asked again."""
    catalogue = Catalogue.of([http_contract(operation="read")])
    async with a_desk(tmp_path, catalogue, TOOL, {"n": 1}, lasts="PT1S") as made:
        yield made


async def _attempt(
    desk: Desk, temporal: Temporal, number: int, marks: list[JSON], answer: ToolAnswer
) -> tuple[JSON, StepResult | str]:
    """Make one attempt that tells `marks`; return what it could go on from, and how it ended."""
    resumed: list[JSON] = []

    async def send(call: ToolCall) -> ToolAnswer:
        resumed.append(call.resume)
        for mark in marks:
            call.checkpoint(mark)
        return answer

    asked = StepCall(root=RUN, compiled=desk.compiled, step="put")
    try:
        ended: StepResult | str = await desk.point.call(asked, temporal.frame(number), send)
    except ApplicationError as error:
        ended = str(error.type)
    return resumed[0], ended


async def test_who_takes_over_goes_on(desk: Desk) -> None:
    """From the last thing that was told, however often a heartbeat without news came behind it."""
    temporal = Temporal()
    lost = Unknown("TOOL-RAISED", "gone")

    first, _ = await _attempt(desk, temporal, 1, [3, 6], lost)
    temporal.frame(2).beats()
    desk.clock.advance(60_000)
    second, _ = await _attempt(desk, temporal, 3, [], lost)
    desk.clock.advance(60_000)
    third, ended = await _attempt(desk, temporal, 4, [9], Happened({}))

    assert (first, second, third) == (None, 6, 6)
    assert isinstance(ended, StepResult)
    assert ended.status == "happened"


async def test_after_a_refusal_a_call_begins_anew(desk: Desk) -> None:
    """The tool said that nothing happened; what it told before counts no more, not even later."""
    temporal = Temporal()

    await _attempt(desk, temporal, 1, [6], Refused("LATER", "later", again=True))
    second, _ = await _attempt(desk, temporal, 2, [], Unknown("TOOL-RAISED", "gone"))
    desk.clock.advance(60_000)
    third, _ = await _attempt(desk, temporal, 3, [], Happened({}))

    assert (second, third) == (None, None)


def test_it_is_of_one_call() -> None:
    """What was told of other arguments is nothing to go on from, nor is what was never ours."""
    beats = Beats(details=[{"of": "sha256:a", "value": 6}])

    assert (beats.last("sha256:a"), beats.last("sha256:b")) == (6, None)
    assert [Beats(details=d).last("a") for d in ([], ["a"], [{"of": 1}], [{"of": "a"}])] == [
        None
    ] * 4
