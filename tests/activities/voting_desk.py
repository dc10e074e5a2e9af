"""A gate in a real ledger, and the activities that judge votes, orders and starts about it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from temporalio.testing import ActivityEnvironment

from activities.ordering import Ordering
from activities.voting import Voting
from remit.approval.tokens import Purpose, of_message
from remit.canonical import JSON, JSONObject, digest
from remit.decision.decision import Decided
from remit.decision.facts import Facts
from remit.enforcement.frame import Place
from remit.enforcement.identity import Identity
from remit.enforcement.point import EnforcementPoint
from remit.ledger.entries import Content, GateRow
from remit.plan.compiler import compile_plan
from remit.plan.deskwire import Answered, GateVerdict, Message, RunOrder, Votes
from remit.plan.library import Library
from remit.plan.path import Segment, StepKey
from remit.plan.wire import VOTE
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.project import load_project
from tests.approval.signing import AUDIENCE, NOW_S, PROPOSED, signed
from tests.enforcement.desk import RUN, Person, _admit
from tests.running import ROOT, plan, put
from tests.stores.ledger_values import HandClock


class Judge(Person):
    """Allows everything, and remembers what it was asked."""

    seen: list[Facts]

    async def decide(self, facts: Facts) -> Decided:
        """Decide at once."""
        self.seen.append(facts)
        return await super().decide(facts)


@dataclass
class Office:
    """Where votes arrive."""

    ledger: SqlLedger
    point: EnforcementPoint
    judge: Judge
    file: Path
    at_s: float = NOW_S
    count: int = field(default=0)

    @property
    def environment(self) -> ActivityEnvironment:
        """An activity that Temporal schedules now."""
        environment = ActivityEnvironment()
        now = datetime.fromtimestamp(self.at_s, UTC)
        environment.info = replace(
            environment.info,
            scheduled_time=now,
            current_attempt_scheduled_time=now,
            activity_type=VOTE,
        )
        return environment

    async def vote(
        self, body: JSON, name: str = "approve", root: str = RUN, event: str = ""
    ) -> GateVerdict:
        """Have a message about a gate judged and recorded."""
        self.count += 1
        message = Message(name=name, payload=body, event=event or f"signal:{self.count}")
        voting = Voting(self.point, self.point.clock)
        ask = Votes(root=root, workflow_id="w", messages=[message])
        counted = await self.environment.run(voting.vote, ask)
        return counted.verdicts[0]

    async def order(self, body: JSON, name: str = "hold") -> Answered:
        """Have an order judged and recorded."""
        self.count += 1
        message = Message(name=name, payload=body, event=f"signal:{self.count}")
        ask = RunOrder(root=RUN, message=message)
        answer: Answered = await self.environment.run(Ordering(self.point).order, ask)
        return answer

    async def gate(self, step: str, number: int = 1, quorum: int = 2) -> GateRow:
        """Open a gate, for an action of its own."""
        key = StepKey(RUN, "", Segment(step))
        proposed = PROPOSED if step == "pay" else digest({"proposed": step})
        row = GateRow(
            f"{step}#{number}", RUN, key, number, "lab.asks", "keeper", quorum, proposed, proposed,
            proposed, "lab.put@1", "lab", {}, NOW_S * 1000, NOW_S * 1000 + 3_600_000,
        )  # fmt: skip
        return await self.ledger.open_gate(row, [])


def ballot(step: str = "pay", by: str = "anna@lab.example", **more: JSON) -> JSONObject:
    """Return a vote's body."""
    proposed = PROPOSED if step == "pay" else digest({"proposed": step})
    return {"step": step, "digest": proposed, "by": by, **more}


def tokened(
    body: JSONObject,
    name: str = "approve",
    key: str = "anna",
    *,
    purpose: Purpose = "vote",
    root: str = RUN,
    action: str = "",
    at_s: int = NOW_S,
    **more: str,
) -> JSONObject:
    """Return a message with a token for it."""
    binding = of_message(AUDIENCE, purpose, root, name, body, action)
    return {**body, "token": signed(binding, key, at_s, **more)}


@asynccontextmanager
async def an_office(folder: Path, file: Path) -> AsyncIterator[Office]:
    """Open a ledger with one run, and gates at the steps `pay` and `ship`."""
    clock = HandClock(NOW_S * 1000)
    catalogue = load_project(ROOT / "tests" / "lab").catalogue
    found = compile_plan(plan("desk", [put("pay", "x"), put("ship", "x")]), catalogue, Library({}))
    assert found.compiled is not None, found.diagnostics
    ledger = await open_ledger(f"sqlite:///{folder / 'ledger.db'}", clock=clock)
    await _admit(ledger, found.compiled.model_dump(mode="json"), found.digest)
    await ledger.put(
        [Content.of(each.model_dump(mode="json")) for each in found.contracts.values()]
    )
    judge = Judge(clock)
    judge.seen = []
    point = EnforcementPoint(
        ledger, judge, Place(), clock, {}, identity=Identity(file, "default", clock)
    )
    office = Office(ledger, point, judge, file)
    await office.gate("pay")
    await office.gate("ship")
    yield office
    await ledger.close()
