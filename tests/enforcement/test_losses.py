"""What a lost answer and a late sender come to: the pipeline by hand, on a real ledger."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from remit.canonical import JSON, JSONObject, digest
from remit.decision.decision import Decided, Decision, Reason
from remit.decision.facts import Facts
from remit.enforcement import faultpoints
from remit.enforcement.attempt import content
from remit.enforcement.frame import Frame, Place
from remit.enforcement.point import EnforcementPoint
from remit.ledger.entries import Admission, RunRow, Situation, State
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.wire import StepCall, StepResult
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.project import load_project
from remit.tool.call import Happened, Refused, ToolAnswer, ToolCall, Unknown
from tests.running import ROOT, plan
from tests.stores.ledger_values import HandClock

RUN = "root"
LATER = Refused("TOOL-UNREACHABLE", "nothing was sent", again=True)


@dataclass
class Person:
    """A judge who says what the test wants."""

    clock: HandClock
    effect: str = "allow"

    async def decide(self, facts: Facts) -> Decided:
        """Decide at once."""
        reason = Reason(code="test.said", policy="test", message="")
        decision = Decision.model_construct(
            effect=self.effect, risk="low", reasons=[reason], permits=[reason],
            obligations=[], approvals=[], reserve=[],
        )  # fmt: skip
        return Decided.model_construct(
            decision=decision, decision_id="decision", revision="revision",
            facts=b"{}", facts_digest=digest({}), decided_ms=self.clock(), took_us=1,
        )  # fmt: skip


@dataclass
class Desk:
    """One step of a plan, and a tool whose answers are written down beforehand."""

    point: EnforcementPoint
    clock: HandClock
    judge: Person
    compiled: str
    tool: str
    answers: list[ToolAnswer] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)

    async def call(self, attempt: int = 1) -> StepResult:
        """Make the call as Temporal's attempt `attempt`."""
        frame = Frame("w", RUN, "ExecutePlan", self.tool, attempt, 0, f"o{attempt}", "tools")
        asked = StepCall(root=RUN, compiled=self.compiled, step="put")
        return await self.point.call(asked, frame, self._send)

    async def situation(self) -> Situation:
        """Return what the ledger knows."""
        return await self.point.ledger.look(
            StepCall(root=RUN, compiled=self.compiled, step="put").key
        )

    async def _send(self, call: ToolCall) -> ToolAnswer:
        self.calls.append(call)
        return self.answers.pop(0)


@pytest.fixture
async def desk(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """A desk on a ledger of its own; the call, of `lab.put` or the parameter, may take a second."""
    tool = getattr(request, "param", "lab.put@1")
    clock = HandClock()
    project = load_project(ROOT / "tests" / "lab")
    step: JSONObject = {
        "id": "put",
        "tool": tool,
        "args": {"name": "thing"},
        "timeout": "PT1S",
    }
    compilation = compile_plan(plan("desk", [step]), project.catalogue, Library({}))
    assert compilation.compiled is not None
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock)
    await _admit(ledger, compilation.compiled.model_dump(mode="json"), compilation.digest)
    await ledger.put([content(c.model_dump(mode="json")) for c in compilation.contracts.values()])
    judge = Person(clock)
    point = EnforcementPoint(ledger, judge, Place(), clock, project.catalogue.digests)
    yield Desk(point, clock, judge, compilation.digest, tool)
    await ledger.close()


async def _admit(ledger: SqlLedger, compiled: JSON, digest: str) -> None:
    inputs = content({})
    row = RunRow(
        RUN, "w", "desk@1.0.0", digest, digest, "tester@1.0.0", "a", "lab", "team:lab", 0, 1 << 50
    )
    admission = Admission(RUN, "", digest, inputs.digest, "decision", "revision")
    await ledger.admit(row, admission, [inputs, content(compiled)], [])


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


async def test_already_counts_behind_a_loss_alone(desk: Desk) -> None:
    """Without a lost attempt it is a refusal like any other."""
    desk.answers = [Refused("TOOL-REFUSED", "answered 404", already=True)]
    with pytest.raises(ApplicationError, match="TOOL-REFUSED"):
        await desk.call()
