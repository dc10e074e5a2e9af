"""What people change of a call, at the point and on a real ledger, also when workers die."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from remit.canonical import JSON, JSONObject
from remit.decision.decision import ApprovalDemand, Redact
from remit.enforcement import faultpoints
from remit.ledger.entries import State, VoteRow
from remit.stores.project import load_project
from remit.tool.call import Happened
from tests.enforcement.desk import RUN, Desk, a_desk
from tests.running import ROOT

OUTPUT: JSONObject = {"status": "down", "name": "thing"}
DEMAND = ApprovalDemand(code="test.said", policy="test", role="boss", expires_in_ms=1 << 30)


class Lost(BaseException):
    """The worker is gone."""


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk at which a gate stands open for `lab.put`."""
    catalogue = load_project(ROOT / "tests" / "lab").catalogue
    async with a_desk(tmp_path, catalogue, "lab.put@1", {"name": "thing"}) as made:
        made.judge.effect, made.judge.approvals = "require_approval", [DEMAND]
        assert (await made.call()).status == "gate"
        yield made


async def said(desk: Desk, verdict: str, **body: JSON) -> str:
    """Record a vote at the newest gate; return the state that it stands in."""
    gate = (await desk.point.ledger.gates(RUN))[-1]
    event = f"{verdict}{gate.id}"
    vote = VoteRow(gate.id, event, "boss@lab.example", verdict, True, "", "", body)
    await desk.point.ledger.vote(RUN, [vote])
    return (await desk.point.ledger.gates(RUN))[-1].state


def _happened() -> Happened:
    return Happened(OUTPUT)


def allow(desk: Desk) -> None:
    """Let policy be content."""
    desk.judge.effect, desk.judge.approvals = "allow", []


async def test_the_edited_call_is_the_one_that_is_made(desk: Desk) -> None:
    """Its digest is another one, so it is asked about again; two edits follow one another."""
    assert await said(desk, "edit", args={"name": "other"}) == "edited"
    again = (await desk.call(2)).gate
    assert again is not None
    assert (again.edited_by, again.proposal) == ("boss@lab.example", {"name": "thing"})
    assert await said(desk, "edit", args={"name": "third"}) == "edited"
    allow(desk)
    desk.answers = [_happened()]

    assert (await desk.call(3)).status == "happened"

    assert [call.arguments for call in desk.calls] == [{"name": "third"}]


async def test_an_edit_is_about_its_own_action_alone(desk: Desk) -> None:
    """An edit of another proposal changes nothing."""
    gate = (await desk.point.ledger.gates(RUN))[-1]
    other = replace(gate, id="put#2", number=2, proposed_digest="sha256:other")
    await desk.point.ledger.open_gate(other, [])
    assert await said(desk, "edit", args={"name": "other"}) == "edited"
    allow(desk)
    desk.answers = [_happened()]

    await desk.call(2)

    assert [call.arguments for call in desk.calls] == [{"name": "thing"}]


@pytest.mark.parametrize("redacts", [False, True])
@pytest.mark.parametrize("point", [faultpoints.Point.INTENT, faultpoints.Point.JUDGED])
async def test_a_call_made_by_hand_is_never_made_by_the_tool(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, point: faultpoints.Point, redacts: bool
) -> None:
    """Not even when the worker dies behind the intent, and the call is taken up by another one."""
    assert await said(desk, "take_over", output=OUTPUT) == "taken_over"
    allow(desk)
    if redacts:
        desk.judge.obligations = [Redact(type="redact", critical=True, paths=["/name"])]
    lost = []

    def die(where: str, key: str) -> None:
        if where == point and not lost:
            lost.append(key)
            raise Lost

    monkeypatch.setattr(faultpoints, "_fire", die)
    with pytest.raises(Lost):
        await desk.call(2)
    desk.clock.now_ms += 60_000

    assert (await desk.call(3)).status == "happened"

    assert desk.calls == []
    action = (await desk.situation()).action
    assert action is not None
    assert (action.state, action.attempts) == (State.HAPPENED, 2)


async def test_a_step_that_was_sent_back_is_not_asked_about_again(desk: Desk) -> None:
    """Whoever lost the answer gets the same gate, which waits for an amendment."""
    assert await said(desk, "request_changes") == "changes_requested"

    again = (await desk.call(2)).gate

    assert again is not None
    assert (again.id, again.state) == ("put#1", "changes_requested")


async def test_an_edit_that_was_forgotten_calls_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contents may be deleted while a call waits: it is refused, not made as first proposed."""
    await said(desk, "edit", args={"name": "other"})
    (vote,) = await desk.point.ledger.votes("put#1", RUN)
    gone = replace(vote, body={"forgotten": "sha256:…"})

    async def votes(gate: str, root: str) -> list[VoteRow]:
        return [gone]

    monkeypatch.setattr(desk.point.ledger, "votes", votes)
    allow(desk)
    with pytest.raises(ApplicationError, match="EDIT-FORGOTTEN"):
        await desk.call(2)
    assert desk.calls == []
