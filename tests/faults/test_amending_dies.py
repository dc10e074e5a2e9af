"""A worker that dies in the middle of an amendment: the run has the old plan or the new, once."""

import asyncio
import os
import signal
import sys

import pytest
from temporalio.client import Client

from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from tests.in_process import working
from tests.running import ROOT, Running, ended, plan, put, waits
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(180)]

BOSS = "boss@lab.example"


@pytest.mark.parametrize("side", ["before", "after"])
async def test_an_amendment_survives_kill_9_on_either_side_of_its_commit(
    lab: Running, lab_client: Client, tag: str, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    """Whoever waits for the answer gets it from the next worker, and it is in force once."""
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REMIT_TASK_QUEUE", f"dying-{tag}")
    settings = WorkerSettings()
    gate: JSONObject = {"role": "operator", "expires": "PT1H"}
    steps: list[JSON] = [
        put("a", f"{tag}a"),
        put("b", f"{tag}b", "a", approval=gate),
        put("c", f"{tag}c", "b"),
    ]
    proposal = {"steps": [put("c", f"{tag}new", "b")], "by": BOSS, "reason": "the world moved"}
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.dying_worker", side, cwd=ROOT, env={**os.environ}
    )
    try:
        handle = await lab_client.start_workflow(
            "ExecutePlan", plan("dying", steps), id=tag, task_queue=settings.task_queue
        )
        wait = (await waits(handle, 60))[0]
        asked = asyncio.create_task(handle.execute_update("amend", proposal))
        assert await asyncio.wait_for(dying.wait(), 60) == -signal.SIGKILL
    finally:
        if dying.returncode is None:
            dying.kill()
    root = handle.first_execution_run_id or ""
    assert len(lab.records(root, "amendment")) == (1 if side == "after" else 0)

    async with working(lab, lab_client, settings):
        told = await asyncio.wait_for(asked, 90)
        vote = {"step": "b", "digest": wait["digest"], "by": BOSS}
        await handle.execute_update("approve", vote)
        outcome = await ended(handle)

    assert told == ("amend: in force already" if side == "after" else "amend: replace c")
    assert outcome["status"] == "completed"
    assert len(lab.records(root, "amendment")) == 1
    assert lab.effects(tag) == [f"put {tag}a", f"put {tag}b", f"put {tag}new"]
