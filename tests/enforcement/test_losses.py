"""What a lost answer and a late sender come to: the pipeline by hand, on a real ledger."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from remit.enforcement import faultpoints
from remit.ledger.entries import State
from remit.plan.wire import StepResult
from remit.stores.ledger import SqlLedger
from remit.stores.project import load_project
from remit.tool.call import Happened, Refused, ToolAnswer, Unknown, withheld
from tests.enforcement.desk import RUN, Desk, a_desk
from tests.running import ROOT

LATER = Refused("TOOL-UNREACHABLE", "nothing was sent", again=True)


@pytest.fixture
async def desk(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """A desk whose call is of `lab.put`, or of the parameter."""
    tool = getattr(request, "param", "lab.put@1")
    catalogue = load_project(ROOT / "tests" / "lab").catalogue
    async with a_desk(tmp_path, catalogue, tool, {"name": "thing"}) as made:
        yield made


async def test_nothing_is_sent_when_the_lease_has_run_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A holder that was stopped between intent and send does not send behind its lease."""

    def stopped(point: str, key: str) -> None:
        if point == faultpoints.Point.INTENT and not desk.calls:
            desk.clock.now_ms += 4_000

    monkeypatch.setattr(faultpoints, "_fire", stopped)
    with pytest.raises(ApplicationError, match="LEASE-RAN-OUT"):
        await desk.call()

    assert desk.calls == []
    action = (await desk.situation()).action
    assert action is not None
    assert action.state is State.REFUSED


async def test_a_late_sender_has_less_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However late it is sent, a call is given up before its lease ends."""

    def stopped(point: str, key: str) -> None:
        if point == faultpoints.Point.INTENT:
            desk.clock.now_ms += 1_500

    monkeypatch.setattr(faultpoints, "_fire", stopped)
    desk.answers = [Happened({"status": "down", "name": "thing"})]
    await desk.call()

    assert desk.calls[0].deadline - time.monotonic() < 0.55


async def test_a_refusal_says_nothing_about_an_earlier_lost_attempt(desk: Desk) -> None:
    """What could not be reached the second time may have happened the first time."""
    desk.answers = [Unknown("TOOL-CONNECTION", "lost"), LATER]
    for attempt in (1, 2):
        with pytest.raises(ApplicationError):
            await desk.call(attempt)
        desk.clock.now_ms += 60_000

    action = (await desk.situation()).action
    assert action is not None
    assert action.state is State.OPEN

    desk.judge.effect = "deny"
    assert (await desk.call(3)).status == "in_doubt"
    assert len(desk.calls) == 2


async def test_the_decision_to_ask_again_is_recorded(desk: Desk) -> None:
    """Each sending stands on a decision of its own, and both are in the chain, with their facts."""
    desk.answers = [Unknown("TOOL-CONNECTION", "lost"), Happened({"status": "down", "name": "x"})]
    with pytest.raises(ApplicationError):
        await desk.call(1)
    desk.clock.now_ms += 60_000
    await desk.call(2)

    records = await desk.point.ledger.records(RUN)
    repeats = [one["body"] for one in records if one["kind"] == "decision"]
    assert [body["purpose"] for body in repeats if isinstance(body, dict)] == ["repeat"]


@pytest.mark.parametrize("desk", ["lab.careless@1"], indirect=True)
async def test_whoever_dies_while_giving_up_costs_the_next_no_lease(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A taker whose first write was its last has asked; the next answers at once."""
    desk.answers = [Unknown("TOOL-CONNECTION", "lost")]
    with pytest.raises(ApplicationError):
        await desk.call(1)
    desk.clock.now_ms += 60_000
    _die_after_a_write(desk, monkeypatch)
    with pytest.raises(Killed):
        await desk.call(2)
    monkeypatch.undo()

    assert (await desk.call(3)).status == "in_doubt"
    assert len(desk.calls) == 1


class Killed(BaseException):
    """What a process that is gone comes to here."""


def _die_after_a_write(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = desk.point.ledger
    assert isinstance(ledger, SqlLedger)
    write = ledger._write

    async def once(*given: Any) -> Any:
        await write(*given)
        raise Killed

    monkeypatch.setattr(ledger, "_write", once)


LOST = Unknown("TOOL-CONNECTION", "lost")
GONE = Refused("TOOL-REFUSED", "answered 404")


async def _lose_then(desk: Desk, answer: ToolAnswer) -> StepResult:
    desk.answers = [LOST, answer]
    with pytest.raises(ApplicationError, match="TOOL-CONNECTION"):
        await desk.call(1)
    desk.clock.now_ms += 60_000
    return await desk.call(2)


@pytest.mark.parametrize("desk", ["lab.drop@1"], indirect=True)
async def test_done_already_behind_a_loss_is_done(desk: Desk) -> None:
    """A refusal that says `already` tells what became of the lost attempt."""
    with pytest.raises(ApplicationError, match="OUTPUT-SCHEMA"):
        # The lab's tool promises an output; that it happened is recorded all the same.
        await _lose_then(desk, Refused("TOOL-REFUSED", "answered 404", already=True))

    action = (await desk.situation()).action
    assert action is not None
    assert action.state is State.HAPPENED


@pytest.mark.parametrize("desk", ["lab.put@1", "lab.drop@1"], indirect=True)
async def test_a_refused_repeat_is_the_truth_about_both(desk: Desk) -> None:
    """What takes the key, or is repeatable, would not refuse for having been done."""
    with pytest.raises(ApplicationError, match="TOOL-REFUSED"):
        await _lose_then(desk, GONE)

    action = (await desk.situation()).action
    assert action is not None
    assert action.state is State.REFUSED


@pytest.mark.parametrize(
    "answer",
    [
        withheld("TOOL-SECRET", "SECRET-MISSING: the secret is not there"),
        withheld("TOOL-EGRESS", "the host is not among its destinations"),
        Refused("TOOL-REFUSED", "answered 401", is_unheard=True),
    ],
    ids=["no secret", "no way out", "not known there"],
)
async def test_whoever_was_not_heard_learns_nothing_of_a_lost_attempt(
    desk: Desk, answer: Refused
) -> None:
    """Credentials that are gone since then prove nothing about it; a person is asked."""
    with pytest.raises(ApplicationError, match=answer.code):
        await _lose_then(desk, answer)

    action = (await desk.situation()).action
    assert action is not None
    assert action.state is State.OPEN

    desk.answers = [answer]
    desk.clock.now_ms += 60_000
    assert (await desk.call(3)).status == "in_doubt"


async def test_already_counts_behind_a_loss_alone(desk: Desk) -> None:
    """Without a lost attempt it is a refusal like any other."""
    desk.answers = [Refused("TOOL-REFUSED", "answered 404", already=True)]
    with pytest.raises(ApplicationError, match="TOOL-REFUSED"):
        await desk.call()
