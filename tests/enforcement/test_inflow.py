"""Policy is told which classes of data flow into a call: the pipeline by hand, on a real ledger."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from remit.canonical import JSON, JSONObject
from remit.decision.decision import Decided
from remit.decision.facts import Facts
from remit.enforcement.frame import Frame, Place
from remit.enforcement.pinned import Pinned
from remit.enforcement.point import EnforcementPoint
from remit.ledger.entries import Admission, Content, RunRow
from remit.ledger.errors import LedgerError
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.flow import Entry
from remit.plan.library import Library
from remit.plan.path import Direction
from remit.plan.wire import StepCall
from remit.stores.ledger import SqlLedger, open_ledger
from remit.tool.call import Happened, ToolAnswer, ToolCall
from remit.tool.catalogue import Catalogue
from tests.enforcement.desk import Person
from tests.plan.compiling import TEXT, plan, record, tool
from tests.plan.flowing import call
from tests.stores.ledger_values import HandClock

RUN = "root"
ANSWER: JSONObject = {"text": "found", "list": []}
STORES = tool(
    "us.keep",
    "write",
    record(text=TEXT),
    record(text=TEXT),
    data_classes=["kept"],
    compensation={"tool": "us.forget@1", "args": {"text": "${output.text}"}},
    read_back={"tool": "us.check@1", "args": {"text": "${args.text}"}},
)
FORGETS = tool("us.forget", "write", record(text=TEXT), record(text=TEXT), irreversible=True)
CHECKS = tool("us.check", "read", record(text=TEXT), record(text=TEXT))
READS = tool("crm.read", "read", record(), record(text=TEXT), data_classes=["pii"])
CATALOGUE = Catalogue.of([STORES, FORGETS, CHECKS, READS])

PART: JSONObject = {
    **plan({**call("keep", "us.keep"), "args": {"text": "${inputs.text}"}}),
    "name": "part",
    "inputs": {"text": "example"},
}
OUTER: JSONObject = {
    **plan({"id": "inner", "plan": "part@1.0.0", "args": {"text": "${inputs.text}"}}),
    "name": "outer",
    "inputs": {"text": "example"},
}
PLAN = plan(
    call("read", "crm.read"),
    {
        "id": "sub",
        "plan": "outer@1.0.0",
        "args": {"text": "${steps.read.output.text}"},
        "needs": ["read"],
    },
    {**call("plain", "us.keep", "sub"), "args": {"text": "ours"}},
)


@dataclass
class Listening(Person):
    """A judge who allows everything, and keeps what was asked."""

    asked: list[Facts] = field(default_factory=list)

    async def decide(self, facts: Facts) -> Decided:
        """Keep the facts and allow."""
        self.asked.append(facts)
        return await super().decide(facts)


@dataclass
class Desk:
    """A plan with a sub-plan in a sub-plan, admitted, on a ledger of its own."""

    ledger: SqlLedger
    point: EnforcementPoint
    judge: Listening
    made: Compilation
    said: str = "found"
    """What every tool answers."""
    sent: list[ToolCall] = field(default_factory=list)

    async def call(self, step: str, direction: Direction = Direction.DO) -> None:
        """Make a call of the plan at the step's path."""
        path, _, name = step.rpartition("/")
        frame = Frame("w", RUN, "ExecutePlan", self.tool(name, direction), 1, 0, "o", "tools")
        asked = StepCall(
            root=RUN,
            parent=path,
            compiled=self.compiled(path),
            step=name,
            direction=direction.value,
        )
        await self.point.call(asked, frame, self._send)

    def tool(self, step: str, direction: Direction) -> str:
        """Return the tool that a step calls in a direction."""
        if direction is Direction.UNDO:
            return "us.forget@1"
        return "crm.read@1" if step == "read" else "us.keep@1"

    def compiled(self, path: str) -> str:
        """Return the digest of the compiled plan at a path."""
        names = {part.name: name for name, part in self.made.parts.items()}
        return {"": self.made.digest, "sub": names["outer"], "sub/inner": names["part"]}[path]

    def told(self) -> list[tuple[str, str, list[str]]]:
        """Return path and purpose of every call that was asked about, and what flows into it."""
        actions = [facts.action for facts in self.judge.asked if facts.action]
        return [(one.path, one.purpose, one.inflow) for one in actions]

    async def _send(self, call: ToolCall) -> ToolAnswer:
        self.sent.append(call)
        return Happened({"text": self.said})


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk with everything admitted."""
    clock = HandClock()
    made = compile_plan(PLAN, CATALOGUE, Library.of([PART, OUTER]))
    assert made.compiled is not None, made.diagnostics
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock)
    judge = Listening(clock)
    point = EnforcementPoint(ledger, judge, Place(), clock, CATALOGUE.digests)
    desk = Desk(ledger, point, judge, made)
    compiled: list[JSON] = [made.compiled.model_dump(mode="json")]
    compiled += [part.model_dump(mode="json") for part in made.parts.values()]
    contracts = [contract.model_dump(mode="json") for contract in made.contracts.values()]
    inputs = Content.of({"text": "given"})
    row = RunRow(
        RUN,
        "w",
        "small@1.0.0",
        made.digest,
        made.digest,
        "tester@1.0.0",
        "a",
        "acme",
        "t",
        0,
        1 << 50,
    )
    contents = [inputs, *map(Content.of, [*compiled, *contracts])]
    root = Admission(RUN, "", made.digest, inputs.digest, "decision", "revision")
    await ledger.admit(row, root, contents, [])
    for path in ("sub", "sub/inner"):
        part = Admission(RUN, path, desk.compiled(path), inputs.digest, "decision", "revision")
        await ledger.admit(None, part, [], [])
    yield desk
    await ledger.close()


async def test_a_call_is_asked_about_with_what_flows_into_it(desk: Desk) -> None:
    """Through the caller's caller too; a read-back and an undo with what it takes and gives."""
    for step in ("read", "sub/inner/keep", "plain"):
        await desk.call(step)
    await desk.call("sub/inner/keep", Direction.UNDO)

    assert desk.told() == [
        ("read", "call", []),
        ("sub/inner/keep", "call", ["pii"]),
        ("sub/inner/keep", "read_back", ["kept", "pii"]),
        ("plain", "call", []),
        ("plain", "read_back", ["kept"]),
        ("sub/inner/keep", "call", ["kept", "pii"]),
    ]


async def test_what_was_found_in_an_answer_flows_on(desk: Desk) -> None:
    """Into the plans below and out of what they are undone with; not into what takes none of it."""
    desk.said = "jo@acme.example"
    await desk.call("read")
    desk.said = "found"
    for step in ("sub/inner/keep", "plain"):
        await desk.call(step)
    await desk.call("sub/inner/keep", Direction.UNDO)

    assert desk.told() == [
        ("read", "call", []),
        ("sub/inner/keep", "call", ["email", "pii"]),
        ("sub/inner/keep", "read_back", ["email", "kept", "pii"]),
        ("plain", "call", []),
        ("plain", "read_back", ["kept"]),
        ("sub/inner/keep", "call", ["email", "kept", "pii"]),
    ]


async def test_a_tool_is_told_of_which_classes_it_is_given_data(desk: Desk) -> None:
    """Found, declared or flowing in, by the data class of each; with the risk of the call."""
    desk.judge.risk = "high"
    desk.said = "jo@acme.example"
    for step in ("read", "sub/inner/keep"):
        await desk.call(step)

    assert [(one.contract.name, one.purpose, one.risk) for one in desk.sent] == [
        ("crm.read", "call", "high"),
        ("us.keep", "call", "high"),
        ("us.check", "read_back", None),
    ]
    assert [one.data_classes for one in desk.sent] == [{"pii"}, {"kept", "pii"}, {"kept", "pii"}]


async def test_what_is_known_of_a_plan_is_worked_out_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next call of the same plan at the same place costs a look into memory, not the ledger."""
    await desk.call("sub/inner/keep")

    async def no_admission(root: str, path: str) -> Admission | None:
        raise AssertionError(f"the ledger was asked about {path!r}")

    monkeypatch.setattr(desk.ledger, "admission", no_admission)
    pinned = desk.point.pinned
    plan_ = await pinned.plan(desk.compiled("sub/inner"))

    assert await pinned.flow(plan_, RUN, "sub/inner") is await pinned.flow(plan_, RUN, "sub/inner")


async def test_the_entry_of_a_sub_plan_is_its_callers_place(desk: Desk) -> None:
    """What surely came before, and that something may fail behind, hold inside as well."""
    pinned = Pinned(desk.ledger)

    assert await pinned.entry(RUN, "") == Entry()
    assert await pinned.entry(RUN, "sub/inner") == Entry(
        frozenset({"pii"}), frozenset({"crm.read@1"}), may_fail_behind=True
    )


async def test_of_a_caller_that_is_gone_anything_may_have_come(desk: Desk) -> None:
    """An amendment may have dropped it when it was over: every class of the plan counts."""
    entry = await Pinned(desk.ledger).entry(RUN, "dropped")

    assert entry == Entry(frozenset({"kept", "pii"}), may_fail_behind=True)


async def test_a_place_without_admission_is_none(desk: Desk) -> None:
    """Nothing is made up about a caller that nobody admitted."""
    with pytest.raises(LedgerError, match="no admission covers nowhere"):
        await Pinned(desk.ledger).entry(RUN, "nowhere/inner")
