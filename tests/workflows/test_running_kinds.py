"""Kinds of tools from end to end: `process`, `sql` and `model` through Temporal, OPA and ledger."""

import shutil
import sqlite3
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHandle

from examples.agents.stub_model import Says, StubModel
from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from remit.tool.sql import step_keys_ddl
from tests.in_process import working
from tests.running import ROOT, Running, ended, plan, put, waits
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(120)]

LAB = ROOT / "tests" / "lab"
Start = Callable[..., Awaitable[WorkflowHandle]]


@pytest.fixture
def tag() -> str:
    """A name that no other test uses."""
    return f"k{uuid.uuid4().hex[:8]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with the lab's own tools and those of other kinds."""
    shutil.copytree(LAB / "kinds", tmp_path / "kinds" / "tools")
    shutil.copy(LAB / "tools" / "lab.py", tmp_path / "kinds" / "tools")
    return tmp_path / "kinds"


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StubModel]:
    """A model that needs to be told what is wrong once."""
    wrong, right = {"urgent": "very", "title": "Outage"}, {"urgent": True, "title": "Outage"}
    async with StubModel([Says(wrong), Says(right)]) as stub:
        monkeypatch.setenv("LAB_MODEL", stub.url.removesuffix("/v1"))
        monkeypatch.setenv("LAB_MODEL_KEY", "sk-planted-in-the-model")
        yield stub


@pytest.fixture
async def run(
    lab: Running,
    lab_client: Client,
    folder: Path,
    model: StubModel,
    tag: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Start]:
    """Start plans on a worker that has those tools, beside the lab's stack."""
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    settings = WorkerSettings(task_queue=tag)

    async def started(name: str, steps: list[JSON], **more: JSON) -> WorkflowHandle:
        handle: WorkflowHandle = await lab_client.start_workflow(
            "ExecutePlan", plan(name, steps, **more), id=f"{name}-{tag}", task_queue=tag
        )
        return handle

    async with working(Running(folder), lab_client, settings):
        yield started


def _refused(name: str, *needs: str) -> JSONObject:
    return {**put("last", name, *needs), "args": {"name": name, "fail": "refuse"}}


async def test_a_process_that_dies_behind_its_effect_is_asked_again(
    lab: Running, run: Start, tag: str
) -> None:
    """By the step key: one effect, and one undo of it when a later step fails."""
    first: JSONObject = {"id": "pack", "tool": "lab.pack@1", "args": {"name": tag}}
    handle = await run("packs", [first, _refused(tag, "pack")])

    outcome = await ended(handle)

    assert (outcome["status"], outcome["step"]) == ("failed", "last")
    assert lab.effects(tag) == [f"pack {tag}", f"drop {tag}"]
    ends = lab.records(handle.first_execution_run_id or "", "outcome")
    assert (ends[0]["state"], ends[0]["code"]) == ("open", "TOOL-PROCESS")
    assert ends[1]["state"] == "happened"


async def test_a_process_that_dies_and_cannot_tell_is_a_question(
    lab: Running, run: Start, tag: str
) -> None:
    """It is in doubt, never failed, and never called a second time."""
    step: JSONObject = {"id": "toss", "tool": "lab.toss@1", "args": {"name": tag}}
    handle = await run("tosses", [{**step, "timeout": "PT8S"}])

    (wait,) = await waits(handle, 60)  # once its lease is over
    assert wait["kind"] == "doubt"
    answer = {"step": "toss", "happened": True, "evidence": {}, "by": "boss@lab.example"}
    await handle.execute_update("resolve_doubt", answer)

    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(tag) == [f"toss {tag}"]


async def test_a_write_in_a_database_is_undone(folder: Path, run: Start, tag: str) -> None:
    """What a later failure leaves is what was there; each call is kept by its own step key."""
    with closing(sqlite3.connect(folder / "stock.db")) as stock:
        stock.execute(step_keys_ddl("step_keys", "sqlite"))
        stock.execute("CREATE TABLE stock (name TEXT PRIMARY KEY, pieces INTEGER NOT NULL)")
        stock.execute("INSERT INTO stock VALUES ('chair', 5)")
        stock.commit()
    take: JSONObject = {"id": "take", "tool": "lab.take@1", "args": {"name": "chair", "pieces": 2}}
    left: JSONObject = {
        **put("note", "${steps.take.output.remaining}", "take"),
        "args": {"name": f"{tag}-${{steps.take.output.remaining}}"},
    }

    outcome = await ended(await run("takes", [take, left, _refused(tag, "note")]))

    assert (outcome["status"], outcome["step"], outcome["residue"]) == ("failed", "last", [])
    assert outcome["undone"] == 2
    with closing(sqlite3.connect(folder / "stock.db")) as stock:
        assert stock.execute("SELECT pieces FROM stock").fetchall() == [(5,)]
        keys = [key for (key,) in stock.execute("SELECT step_key FROM step_keys ORDER BY step_key")]
    assert [key.rpartition(":")[2] for key in keys] == ["do", "undo"]


async def test_an_answer_of_a_model_is_repaired(
    lab: Running, run: Start, model: StubModel, tag: str
) -> None:
    """It is told what does not fit, and what it says then is what the next step gets."""
    rate: JSONObject = {"id": "rate", "tool": "lab.rate@1", "args": {"message": f"{tag}: down"}}
    note = put("note", f"{tag}-${{steps.rate.output.answer.title}}", "rate")
    outputs: JSON = {"repairs": "${steps.rate.output.usage.repairs}"}

    handle = await run("rates", [rate, note], outputs=outputs)
    outcome = await ended(handle)

    assert outcome["status"] == "completed"
    assert outcome["outputs"] == {"repairs": 1}
    assert lab.effects(tag) == [f"put {tag}-Outage"]
    first, second = model.asked
    assert f"{tag}: down" in str(first["messages"])
    assert "urgent" in str(second["messages"][len(first["messages"]) + 1 :])
    assert model.keys == ["Bearer sk-planted-in-the-model"] * 2
    history = (await handle.fetch_history()).to_json()
    assert "sk-planted-in-the-model" not in history
