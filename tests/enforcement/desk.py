"""One step of a plan behind the enforcement point: a judge and a tool that the test speaks for."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from remit.canonical import JSON, Digest, JSONObject, digest
from remit.decision.decision import (
    ApprovalDemand,
    Decided,
    Decision,
    Obligation,
    Reason,
    Reservation,
)
from remit.decision.facts import Facts
from remit.enforcement.detecting import Detecting
from remit.enforcement.frame import Frame, Place
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.sending import Send
from remit.ledger.entries import Admission, Content, RunRow, Situation
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.wire import StepCall, StepResult
from remit.stores.ledger import SqlLedger, open_ledger
from remit.tool.call import ToolAnswer, ToolCall
from remit.tool.catalogue import Catalogue
from remit.tool.risk import Risk
from tests.running import plan
from tests.stores.ledger_values import HandClock

RUN = "root"


@dataclass
class Person:
    """A judge who says what the test wants."""

    clock: HandClock
    effect: str = "allow"
    obligations: list[Obligation] = field(default_factory=list)
    reserve: list[Reservation] = field(default_factory=list)
    approvals: list[ApprovalDemand] = field(default_factory=list)
    risk: Risk = "low"

    async def decide(self, facts: Facts) -> Decided:
        """Decide at once."""
        reason = Reason(code="test.said", policy="test", message="")
        decision = Decision.model_construct(
            effect=self.effect, risk=self.risk, reasons=[reason], permits=[reason],
            obligations=self.obligations, approvals=self.approvals, reserve=self.reserve,
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
    send: Send | None = None
    """What makes the call; without one `answers` are given."""
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
        if self.send is not None:
            return await self.send(call)
        return self.answers.pop(0)


@asynccontextmanager
async def a_desk(
    folder: Path,
    catalogue: Catalogue,
    tool: str,
    args: JSONObject,
    lasts: str = "PT1S",
    detecting: Detecting | None = None,
) -> AsyncIterator[Desk]:
    """Open a desk on a ledger of its own; the call of `tool` may take `lasts`."""
    clock = HandClock()
    step: JSON = {"id": "put", "tool": tool, "args": args, "timeout": lasts}
    compilation = compile_plan(plan("desk", [step]), catalogue, Library({}))
    assert compilation.compiled is not None, compilation.diagnostics
    ledger = await open_ledger(f"sqlite:///{folder / 'ledger.db'}", clock=clock)
    await _admit(ledger, compilation.compiled.model_dump(mode="json"), compilation.digest)
    await ledger.put(
        [Content.of(c.model_dump(mode="json")) for c in compilation.contracts.values()]
    )
    judge = Person(clock)
    digests: Mapping[str, Digest] = catalogue.digests
    point = EnforcementPoint(ledger, judge, Place(), clock, digests, detecting=detecting)
    yield Desk(point, clock, judge, compilation.digest, tool)
    await ledger.close()


async def _admit(ledger: SqlLedger, compiled: JSON, digest: str) -> None:
    inputs = Content.of({})
    row = RunRow(
        RUN, "w", "desk@1.0.0", digest, digest, "tester@1.0.0", "a", "lab", "team:lab", 0, 1 << 50
    )
    admission = Admission(RUN, "", digest, inputs.digest, "decision", "revision")
    await ledger.admit(row, admission, [inputs, Content.of(compiled)], [])
