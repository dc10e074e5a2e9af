"""`ProposePlan` on the real stack: Temporal, OPA and ledger are real, the planner is the test's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from remit.client.proposing import propose
from remit.decision.facts import CostFact
from remit.enforcement.planners import Terms
from remit.plan.planner import Planner, Proposal, Wish
from tests.in_process import planning
from tests.running import Running, ended, put, start
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(120)]

TERMS = Terms("tests:planner", 3, CostFact(micros=0, currency=""), None)


def request(**changed: JSON) -> JSONObject:
    """Return a request for a plan of the lab's agent."""
    return {
        "goal": "put it down",
        "agent": "tester@1.0.0",
        "on_behalf_of": "asker@lab.example",
        "tenant": "lab",
        "owner": "team:lab",
        **changed,
    }


def body(step: JSON) -> Proposal:
    """Return an answer of one step."""
    head: JSONObject = {"schema": "remit.plan/v1", "name": "proposed", "version": "1.0.0"}
    return Proposal({**head, "steps": [step]})


@asynccontextmanager
async def asked(
    lab: Running, client: Client, tag: str, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Let a planner be asked on the queue `tag`."""
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    settings = WorkerSettings(plan_queue=tag)
    async with planning(lab, client, settings, planner, TERMS):
        yield


async def _proposed(client: Client, tag: str, document: JSONObject) -> JSONObject:
    return await propose(client, document, workflow_id=f"remit-proposal/{tag}", queue=tag)


async def test_a_goal_becomes_a_plan_that_somebody_starts(
    lab: Running, lab_client: Client, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mended by findings, judged, and nothing runs until it is started, with its origin in it."""

    async def planner(wish: Wish) -> Proposal:
        name = "lab.put@1" if wish.earlier else "lab.putt@1"
        return body({**put("a", f"{tag}a"), "tool": name})

    async with asked(lab, lab_client, tag, planner, monkeypatch):
        told = await _proposed(lab_client, tag, request())
    handle = lab_client.get_workflow_handle(f"remit-proposal/{tag}")
    seen = (await handle.describe()).search_attributes
    before = lab.effects(tag)

    assert (told["status"], told["round"], told["verdict"]) == ("proposed", 2, "would_run")
    assert seen["RemitStatus"] == ["proposed"]
    assert seen["RemitAgent"] == ["tester@1.0.0"]
    assert seen["RemitPlan"] == ["proposed@1.0.0"]
    assert before == []
    run = await start(lab_client, told["plan"])
    assert (await ended(run))["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}a"]
    (admitted,) = [
        one
        for one in lab.records(run.first_execution_run_id or "", "decision")
        if one.get("about") == "admission"
    ]
    provenance = admitted["provenance"]
    assert isinstance(provenance, dict)
    assert (provenance["proposal_id"], provenance["proposal_round"]) == (handle.id, 2)


async def test_a_planner_that_never_mends_ends_with_what_is_wrong(
    lab: Running, lab_client: Client, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its rounds, with a code and the last findings; started as Temporal's own tools do."""

    async def planner(wish: Wish) -> Proposal:
        return body({**put("a", f"{tag}a"), "tool": "lab.putt@1"})

    async with asked(lab, lab_client, tag, planner, monkeypatch):
        handle: WorkflowHandle = await lab_client.start_workflow(
            "ProposePlan", request(rounds=2), id=f"x-{tag}", task_queue=tag
        )
        told = await ended(handle)
        rounds: list[JSONObject] = await handle.query("rounds")

    assert (told["status"], told["code"]) == ("failed", "PROPOSAL-EXHAUSTED")
    assert [one["code"] for one in _listed(told["diagnostics"])] == ["PLAN-UNKNOWN-TOOL"]
    assert [one["codes"] for one in rounds] == [["PLAN-UNKNOWN-TOOL"]] * 2


def _listed(value: JSON) -> list[JSONObject]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        (request(agent="reader@1.0.0"), "refused", "proposal.scope_missing"),
        (request(goal=""), "invalid", "PROPOSAL-REQUEST"),
        ({}, "invalid", "PROPOSAL-REQUEST"),
    ],
)
async def test_what_may_not_be_asked_asks_nobody(
    lab: Running,
    lab_client: Client,
    tag: str,
    monkeypatch: pytest.MonkeyPatch,
    document: JSONObject,
    status: str,
    code: str,
) -> None:
    """A refusal completes, nonsense fails, and no planner hears of either."""
    heard: list[Wish] = []

    async def planner(wish: Wish) -> Proposal:
        heard.append(wish)
        return body(put("a", "never"))

    async with asked(lab, lab_client, tag, planner, monkeypatch):
        told = await _proposed(lab_client, tag, document)

    assert (told["status"], told["code"]) == (status, code)
    assert heard == []


async def test_a_proposal_that_is_cancelled_leaves_its_planner(
    lab: Running, lab_client: Client, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planner is told, and the proposal ends as cancelled."""
    begun, left = asyncio.Event(), asyncio.Event()

    async def planner(wish: Wish) -> Proposal:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return body(put("a", "never"))

    async with asked(lab, lab_client, tag, planner, monkeypatch):
        handle: WorkflowHandle = await lab_client.start_workflow(
            "ProposePlan", request(), id=f"x-{tag}", task_queue=tag
        )
        await asyncio.wait_for(begun.wait(), 30)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        await asyncio.wait_for(left.wait(), 30)
        described = await handle.describe()

    assert described.status is not None
    assert described.status.name == "CANCELED"
    assert described.search_attributes["RemitStatus"] == ["cancelled"]
