"""Rounds of a proposal: real OPA, a real ledger, planners that a test scripts, and no Temporal."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from proposing.activity import Planning, Proposing
from remit.approval.tokens import TokenError
from remit.canonical import JSON, JSONObject, digest
from remit.decision.facts import CostFact
from remit.decision.registry import Agent
from remit.enforcement.frame import Place
from remit.enforcement.planners import Terms
from remit.ledger.proofs import Proof
from remit.ledger.stops import Stop
from remit.plan.library import Library
from remit.plan.planner import Proposal, Wish
from remit.plan.proposal import Propose, Proposed
from remit.plan.wire import DENIED, INVALID, UNAVAILABLE
from remit.stores.project import load_project
from tests.enforcement.limited import LAB, Desk, desk, policies
from tests.policies.served import Served, serve

pytestmark = pytest.mark.opa

SCOPES: dict[str, list[JSON]] = {
    "tester": ["lab.*", "plan.propose"],
    "reader": ["lab.read", "plan.propose"],
    "mute": ["lab.*"],
}
TERMS = Terms("planners.lab:propose", 4, CostFact(micros=20, currency="EUR"), None)
GOOD: JSONObject = {"id": "a", "tool": "lab.put@1", "args": {"name": "x"}}
MISSPELT: JSONObject = {**GOOD, "tool": "lab.putt@1"}
FORBIDDEN: JSONObject = {**GOOD, "tool": "lab.leave@1", "irreversible": True}


def body(*steps: JSON, **more: JSON) -> JSONObject:
    """Return a plan without who acts for whom."""
    head: JSONObject = {"schema": "remit.plan/v1", "name": "small", "version": "1.0.0"}
    return {**head, "steps": [*steps], **more}


class Scripted:
    """A planner that answers what a test says, in turn."""

    def __init__(self, answers: Sequence[Any]) -> None:
        self.answers = [*answers]
        self.wishes: list[Wish] = []

    async def __call__(self, wish: Wish) -> Proposal:
        """Answer, or raise."""
        self.wishes.append(wish)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return cast("Proposal", answer)


@dataclass
class Table:
    """A planner beside an enforcement point, and what is asked of it."""

    desk: Desk
    planning: Planning
    root: str = "p"

    @property
    def planner(self) -> Scripted:
        """Whoever is asked."""
        return cast("Scripted", self.planning.planner)

    async def round(self, number: int, **changed: JSON) -> Proposed:
        """Ask for one round; the request differs by `changed`."""
        document: JSONObject = {
            "goal": "put it down",
            "agent": "tester@1.0.0",
            "on_behalf_of": "asker@lab.example",
            "tenant": "lab",
            "owner": "team:lab",
            **changed,
        }
        asked = Propose(root=self.root, document=document, size=100, round=number)
        return await self.ask(asked)

    async def ask(self, asked: Propose) -> Proposed:
        """Ask as a worker would."""
        proposing = Proposing(self.desk.point, self.planning)
        for _ in range(50):
            try:
                return await ActivityEnvironment().run(proposing.propose, asked)
            except ApplicationError as error:
                # On a busy machine OPA may be slow to take a connection, as in `Desk.ending`.
                if error.type != UNAVAILABLE or "stopped" in str(error):
                    raise
        raise AssertionError("nobody answered")

    async def code(self, number: int, **changed: JSON) -> tuple[str, str]:
        """Return type and code of the refusal of a round."""
        with pytest.raises(ApplicationError) as refused:
            await self.round(number, **changed)
        return str(refused.value.type), str(refused.value.details[0]["code"])

    async def records(self, kind: str, about: str = "") -> list[JSONObject]:
        """Return the bodies of the chain's records of one kind."""
        found = [
            cast("JSONObject", one["body"])
            for one in await self.desk.ledger.records(self.root)
            if one["kind"] == kind
        ]
        return [one for one in found if not about or one.get("about") == about]


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real OPA with the agents of this file."""
    agents: dict[str, JSONObject] = {name: {"scopes": scopes} for name, scopes in SCOPES.items()}
    folder = policies(
        tmp_path_factory.mktemp("p") / "now",
        people={"asker@lab.example": {"roles": []}, "boss@lab.example": {"roles": []}},
        thresholds={"forbidden_tools": ["lab.leave@1"]},
        **agents,
    )
    with serve(project=folder) as served:
        yield served


@pytest.fixture
async def table(opa: Served, made_url: str) -> AsyncIterator[Table]:
    """A table at which nobody was asked yet."""

    async def registered(name: str) -> Agent | None:
        scopes = SCOPES.get(name)
        return Agent.model_validate({"scopes": scopes, "tenants": ["lab"]}) if scopes else None

    planning = Planning(
        planner=Scripted([]),
        terms=TERMS,
        deadline_s=5,
        max_bytes=100_000,
        catalogue=load_project(LAB).catalogue,
        library=Library({}),
        queue=None,
        registered=registered,
    )
    async with desk(made_url, opa.socket) as made:
        yield Table(made, planning)


async def test_a_planner_mends_its_plan_until_it_would_be_admitted(table: Table) -> None:
    """What the compiler finds and what policy refuses comes back; the good plan is returned."""
    table.planner.answers = [body(MISSPELT), body(FORBIDDEN), Proposal(body(GOOD), 7)]

    first, second, third = [await table.round(number) for number in (1, 2, 3)]

    assert (first.status, first.more, first.plan) == ("unfit", True, None)
    assert [one["code"] for one in first.diagnostics] == ["PLAN-UNKNOWN-TOOL"]
    assert (second.status, second.verdict) == ("unfit", "would_be_refused")
    assert "plan.forbidden_tool" in [one["code"] for one in second.diagnostics]
    assert (third.status, third.verdict, third.more) == ("proposed", "would_run", False)
    assert third.plan is not None
    assert third.digest == digest(third.plan)
    assert third.spent_micros == 20 + 20 + 7
    told = [[[one["code"] for one in past.findings] for past in w.earlier] for w in _wishes(table)]
    assert told[1] == [["PLAN-UNKNOWN-TOOL"]]
    assert "plan.forbidden_tool" in told[2][1]


def _wishes(table: Table) -> list[Wish]:
    return table.planner.wishes


async def test_each_round_stands_in_a_chain_and_does_nothing(table: Table) -> None:
    """Decision, answer and verdict of each, the plan by its digest; no run, no effect."""
    table.planner.answers = [body(MISSPELT), body(GOOD)]
    await table.round(1)
    good = await table.round(2)

    decided = await table.records("decision", "proposal")
    assert [(one["round"], cast("Any", one["decision"])["effect"]) for one in decided] == [
        (1, "allow"),
        (2, "allow"),
    ]
    answers, verdicts = await table.records("proposal"), await table.records("proposal_verdict")
    assert answers[1]["plan_digest"] == good.digest
    assert [one["good"] for one in verdicts] == [False, True]
    assert verdicts[0]["codes"] == ["PLAN-UNKNOWN-TOOL"]
    assert await table.desk.ledger.run(table.root) is None
    assert table.desk.effects == []


async def test_a_plan_says_where_it_came_from(table: Table) -> None:
    """Workflow and round are stated by whoever asks, over whatever the planner says."""
    stated: JSONObject = {"model": "stub", "proposal_id": "mine", "proposal_round": 9}
    table.planner.answers = [body(GOOD, provenance=stated)]

    told = await table.round(1)

    assert told.plan is not None
    assert told.plan["provenance"] == {"model": "stub", "proposal_id": "test", "proposal_round": 1}


async def test_a_planner_sees_the_tools_that_the_agent_may_use(table: Table) -> None:
    """By the scopes of the policies in force, without the way to call them."""
    table.planner.answers = [body(GOOD), body(GOOD)]
    await table.round(1)
    table.root = "q"
    refused = await table.round(1, agent="reader@1.0.0")

    everything, reading = (
        {str(tool["ref"]): tool["operation"] for tool in w.tools} for w in _wishes(table)
    )
    assert set(reading.values()) == {"read"}
    assert set(reading) < set(everything)
    assert not any("call" in tool for tool in _wishes(table)[0].tools)
    assert _wishes(table)[0].plan_schema["type"] == "object"
    assert refused.status == "unfit"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"agent": "mute@1.0.0"}, "proposal.scope_missing"),
        ({"agent": "nobody@1.0.0"}, "agent.unknown"),
        ({"tenant": "other"}, "agent.tenant"),
    ],
)
async def test_policy_says_for_whom_a_planner_is_asked(
    table: Table, changed: JSONObject, code: str
) -> None:
    """A deny is recorded, and nobody was asked anything."""
    assert await table.code(1, **changed) == (DENIED, code)
    assert _wishes(table) == []
    (decided,) = await table.records("decision", "proposal")
    assert cast("Any", decided["decision"])["effect"] == "deny"


async def test_a_malformed_request_asks_nobody(table: Table) -> None:
    """Not even policy."""
    assert await table.code(1, goal="") == (INVALID, "PROPOSAL-REQUEST")
    assert await table.records("decision", "proposal") == []


async def test_rounds_are_bounded_by_request_and_project(table: Table) -> None:
    """The last says that there is no more, and one more is refused."""
    table.planner.answers = [body(MISSPELT)]

    assert (await table.round(1, rounds=1)).more is False
    assert await table.code(2, rounds=1) == (DENIED, "proposal.rounds")
    assert await table.code(5, rounds=10) == (DENIED, "proposal.rounds")


async def test_an_answer_is_asked_for_once(table: Table) -> None:
    """An activity that is made again finds the answer in the ledger, and judges it again."""
    table.planner.answers = [body(GOOD)]

    first, again = await table.round(1), await table.round(1)

    assert again == first
    assert len(_wishes(table)) == 1
    assert len(await table.records("decision", "proposal")) == 1


async def test_an_answer_that_was_lost_counts_as_what_one_costs(table: Table) -> None:
    """Somebody may have been paid for it, so money ends where nothing was ever answered."""
    table.planning = replace(table.planning, terms=replace(TERMS, limit_micros=50))
    table.planner.answers = [asyncio.CancelledError(), asyncio.CancelledError()]
    for _ in range(2):
        with pytest.raises(asyncio.CancelledError):
            await table.round(1)

    assert await table.code(1) == (DENIED, "proposal.budget")


async def test_what_an_answer_cost_is_what_counts(table: Table) -> None:
    """The planner's own word replaces what is taken for it."""
    table.planning = replace(table.planning, terms=replace(TERMS, limit_micros=50))
    table.planner.answers = [Proposal(body(MISSPELT), 1), Proposal(body(MISSPELT), 40)]
    await table.round(1)

    assert (await table.round(2)).spent_micros == 41
    assert await table.code(3) == (DENIED, "proposal.budget")


async def test_another_agents_name_is_sent_back(table: Table) -> None:
    """A plan that would run, for somebody else, is not good."""
    table.planner.answers = [body(GOOD, agent="reader@1.0.0")]

    told = await table.round(1)

    assert told.plan is None
    assert [(one["code"], one["path"]) for one in told.diagnostics] == [
        ("PROPOSAL-MANDATE", "/agent")
    ]


async def test_a_planner_that_fails_is_left_alone_for_longer_each_time(table: Table) -> None:
    """Each failure is a round with a finding; after an answer the pause begins anew."""
    table.planner.answers = [ValueError("secret"), ValueError("secret"), body(MISSPELT)]

    told = [await table.round(number) for number in (1, 2, 3)]

    assert [one.pause_s for one in told] == [1, 2, 0]
    assert [one.diagnostics[0]["code"] for one in told[:2]] == ["PLANNER-RAISED"] * 2
    assert "secret" not in str(told)


async def test_a_stop_holds_planners_too(table: Table) -> None:
    """Nobody is asked, and nothing is refused: it goes on when calls do."""
    await table.desk.ledger.stop(Stop("agent:tester", by="boss@lab.example", reason="look"))

    assert await table.code(1) == (UNAVAILABLE, "host:stopped")
    table.planner.answers = [body(GOOD)]
    await table.desk.ledger.stop(
        Stop("agent:tester", by="boss@lab.example", reason="fine", in_force=False)
    )
    assert (await table.round(1)).status == "proposed"


async def test_where_names_are_proven_nobody_asks_without_proof(table: Table) -> None:
    """The host says so before policy is asked."""
    table.desk.point.deciding.place = Place(profile="full")

    assert await table.code(1) == (DENIED, "PLAN-UNAUTHENTICATED")
    assert _wishes(table) == []


async def test_a_token_proves_the_rounds_that_outlive_it(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is verified once; later rounds go by the chain, for planners take longer than tokens."""
    proof = Proof("asker@lab.example", "", "k1", "n1", 1 << 50, "start:p")
    seen: list[str] = []

    async def start(self: object, root: str, document: str, token: JSON) -> Proof:
        seen.append(document)
        if len(seen) > 1:
            raise TokenError("TOKEN-EXPIRED", "it is over")
        return proof

    monkeypatch.setattr("remit.enforcement.proving.Proving.start", start)
    table.planner.answers = [body(MISSPELT), body(GOOD)]
    document = {
        "goal": "put it down", "agent": "tester@1.0.0", "on_behalf_of": "asker@lab.example",
        "tenant": "lab", "owner": "team:lab",
    }  # fmt: skip
    told = [
        await table.ask(
            Propose(root="p", document=document, size=9, round=n, submission={"token": "t"})
        )
        for n in (1, 2)
    ]

    assert [one.status for one in told] == ["unfit", "proposed"]
    assert seen == [digest(document)]
    facts = [cast("Any", one)["starter"] for one in await table.records("decision", "proposal")]
    assert facts == ["asker@lab.example"] * 2


async def test_whoever_may_not_start_plans_for_somebody_has_none_proposed(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rules as of a start."""
    proof = Proof("boss@lab.example", "", "k1", "n1", 1 << 50, "start:p")

    async def start(self: object, *_: object) -> Proof:
        return proof

    monkeypatch.setattr("remit.enforcement.proving.Proving.start", start)
    document = {
        "goal": "put it down", "agent": "tester@1.0.0", "on_behalf_of": "asker@lab.example",
        "tenant": "lab", "owner": "team:lab",
    }  # fmt: skip
    asked = Propose(root="p", document=document, size=9, round=1, submission={"token": "t"})
    with pytest.raises(ApplicationError) as refused:
        await table.ask(asked)

    assert refused.value.details[0]["code"] == "plan.starter_for"


async def test_a_fault_of_ours_ends_it(table: Table) -> None:
    """A register that cannot be read is no reason to ask for ever."""

    async def unreadable(name: str) -> Agent | None:
        raise LookupError("AGENTS-UNREADABLE")

    table.planning = replace(table.planning, registered=unreadable)

    kind, code = await table.code(1)

    assert (kind, code) == ("StepRefused", "PROPOSAL-FAULT")
