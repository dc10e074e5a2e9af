"""`kill -9` of a worker that holds a slot: its lease frees it, and whoever waits has a turn."""

import asyncio
import os
import signal
import sys
import uuid
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.cli.stack import stack
from remit.stores.ledger import open_ledger
from tests.in_process import working
from tests.running import ROOT, Running, ended, plan
from workers.settings import WorkerSettings

pytestmark = [
    pytest.mark.stack,
    pytest.mark.large,
    pytest.mark.xdist_group("lab"),
    pytest.mark.timeout(180),
]

SLOT = "tool:lab.narrow@1"
OTHERS = 3


async def test_a_dead_workers_slot_comes_back_and_nobody_starves(
    lab: Running, lab_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only slot dies with its worker behind the intent; three more calls and the lost one wait.

    None begins before the lease's end, each is made once, and no slot is left behind.
    """
    tag = f"slot{uuid.uuid4().hex[:8]}"
    environment = stack.environment(lab.project)
    for variable, value in environment.variables().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("REMIT_TASK_QUEUE", f"dying-{tag}")
    settings = WorkerSettings()

    async def begin(name: str, step: str) -> WorkflowHandle[Any, Any]:
        call = {"id": step, "tool": "lab.narrow@1", "args": {"name": name}, "timeout": "PT3S"}
        return await lab_client.start_workflow(
            "ExecutePlan", plan("narrow", [call]), id=name, task_queue=settings.task_queue
        )

    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.dying_at", "intent", cwd=ROOT, env={**os.environ}
    )
    try:
        lost = await begin(f"{tag}lost", "step")
        assert await asyncio.wait_for(dying.wait(), 60) == -signal.SIGKILL
    finally:
        if dying.returncode is None:
            dying.kill()
    ledger = await open_ledger(environment.ledger_url)
    held = [one for one in await ledger.held_slots() if one.name == SLOT]
    others = [await begin(f"{tag}{number}", "other") for number in range(OTHERS)]
    async with working(lab, lab_client, settings):
        outcomes = await asyncio.gather(*(ended(one, 90) for one in (lost, *others)))
    intents = [
        record["at_ms"]
        for one in others
        for record in await ledger.records(one.first_execution_run_id or "")
        if record["kind"] == "intent"
    ]
    left = [one for one in await ledger.held_slots() if one.name == SLOT]
    await ledger.close()

    (slot,) = held
    assert (slot.workflow_id, slot.path) == (f"{tag}lost", "step")
    assert [outcome["status"] for outcome in outcomes] == ["completed"] * (OTHERS + 1)
    assert len(intents) == OTHERS
    assert all(isinstance(at, int) and at >= slot.until_ms for at in intents)
    assert sorted(lab.effects(tag)) == sorted(
        f"put {name}" for name in (f"{tag}lost", *(f"{tag}{n}" for n in range(OTHERS)))
    )
    assert left == []
