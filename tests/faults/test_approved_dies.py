"""`kill -9` between an approval and what it approves: the call is made once, by that approval."""

import asyncio
import os
import signal
import sys
import uuid

import pytest
from temporalio.client import Client

from remit.cli.stack import stack
from tests.in_process import working
from tests.running import ROOT, Running, ended, plan, waits
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(180)]

BOSS = "boss@lab.example"


@pytest.mark.parametrize("point", ["voted", "decided", "intent"])
async def test_an_approved_call_survives_kill_9_before_it_is_made(
    lab: Running, lab_client: Client, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Behind the vote, the decision and the intent; whoever sent the update gets its answer."""
    name = f"guarded{uuid.uuid4().hex[:8]}"
    for variable, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("REMIT_TASK_QUEUE", f"dying-{name}")
    settings = WorkerSettings()
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.dying_at", point, cwd=ROOT, env={**os.environ}
    )
    step = {"id": "step", "tool": "lab.put@1", "args": {"name": name}, "timeout": "PT3S"}
    try:
        handle = await lab_client.start_workflow(
            "ExecutePlan", plan("dying", [step]), id=name, task_queue=settings.task_queue
        )
        wait = (await waits(handle, 60))[0]
        vote = {"step": "step", "digest": wait["digest"], "by": BOSS}
        asked = asyncio.create_task(handle.execute_update("approve", vote))
        assert await asyncio.wait_for(dying.wait(), 60) == -signal.SIGKILL
    finally:
        if dying.returncode is None:
            dying.kill()
    assert lab.effects(name) == []

    async with working(lab, lab_client, settings):
        assert await asyncio.wait_for(asked, 90) == "approve: step"
        outcome = await ended(handle, 90)

    assert outcome["status"] == "completed"
    assert lab.effects(name) == [f"put {name}"]
    root = handle.first_execution_run_id or ""
    assert [one["counted"] for one in lab.records(root, "vote")] == [True]
    assert {one["gate"] for one in lab.records(root, "gate")} == {"step#1"}
