"""Answers that overtake their question: the ledger holds a gate before the run was told of it."""

import asyncio
import sqlite3
import uuid

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.decision.decision import Decided
from remit.enforcement.gates import Gates
from remit.enforcement.subject import Subject
from remit.ledger.entries import Situation
from remit.plan.wire import VOTE, StepResult
from tests.in_process import working
from tests.running import Running, ended, plan
from tests.waiting import eventually
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(120)]

BOSS = "boss@lab.example"


@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.parametrize(("verdict", "status"), [("approve", "completed"), ("reject", "rejected")])
async def test_a_vote_that_overtakes_its_gate_counts(
    lab: Running,
    lab_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    verdict: str,
    status: str,
    is_lost: bool,
) -> None:
    """A gate answered before the run knows of it is not waited for until it expires, and not asked
    a second time; nor when whoever opened it died before telling."""
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    counted, told = asyncio.Event(), asyncio.Event()
    honest = Gates.open

    async def late(
        self: Gates, subject: Subject, situation: Situation, decided: Decided
    ) -> StepResult:
        result = await honest(self, subject, situation, decided)
        await counted.wait()
        if is_lost and not told.is_set():
            told.set()
            raise RuntimeError("it opened the gate, and died before it told")
        return result

    monkeypatch.setattr(Gates, "open", late)
    thing = f"guarded{uuid.uuid4().hex[:8]}"
    settings = WorkerSettings(task_queue=f"early-{thing}")
    steps = [{"id": "step", "tool": "lab.put@1", "args": {"name": thing}}]
    async with working(lab, lab_client, settings):
        handle = await lab_client.start_workflow(
            "ExecutePlan", plan("early", [*steps]), id=thing, task_queue=settings.task_queue
        )
        await eventually(lambda: _is_gated(lab, handle))
        (digest,) = _gates(lab, handle, "proposed_digest")
        await handle.signal(verdict, {"step": "step", "digest": digest, "by": BOSS})
        await eventually(lambda: _has_voted(handle))
        counted.set()

        assert (await ended(handle, 40))["status"] == status

    assert lab.effects(thing) == ([f"put {thing}"] if verdict == "approve" else [])
    assert len(_gates(lab, handle)) == 1


def _gates(lab: Running, handle: WorkflowHandle, column: str = "state") -> list[str]:
    with sqlite3.connect(Layout(lab.project).ledger_database) as connection:
        query = f"SELECT {column} FROM gates WHERE root = ?"  # noqa: S608
        found = connection.execute(query, (handle.first_execution_run_id,)).fetchall()
    return [value for (value,) in found]


async def _is_gated(lab: Running, handle: WorkflowHandle) -> bool:
    return _gates(lab, handle) == ["open"]


async def _has_voted(handle: WorkflowHandle) -> bool:
    """Whether the run was told what became of the vote, and has thought about it."""
    kinds = EventType
    votes: set[int] = set()
    over = False
    async for event in handle.fetch_history_events():
        if event.event_type == kinds.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            asked = event.activity_task_scheduled_event_attributes
            if asked.activity_type.name == VOTE:
                votes.add(event.event_id)
        elif event.event_type == kinds.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            ended_of = event.activity_task_completed_event_attributes.scheduled_event_id
            over = over or ended_of in votes
        elif over and event.event_type == kinds.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return True
    return False
