"""A run whose payloads are encrypted: Temporal holds nothing readable, its tools read by the codec.

A worker with a key works beside the lab's own on a queue of its own; the server, the ledger, OPA
and the `temporal` program are the lab's.
"""

import asyncio
import json
import os
import subprocess
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSONObject
from remit.cli.stack import stack
from remit.cli.stack.codec_server import CodecServer, Pass
from remit.cli.stack.ports import choose
from remit.client.codec import VARIABLE, load_codec
from remit.client.connection import connect
from remit.client.errors import ClientError
from remit.client.snapshot import take_snapshot
from remit.client.submission import handle_of
from tests.in_process import working
from tests.running import Running, ended, plan, put, waits
from workers.builder import connect as connect_worker
from workers.projection import project
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(120)]

BOSS = "boss@lab.example"


@dataclass
class Sealed:
    """A worker with a key, a client with it, and a codec server."""

    client: Client
    queue: str
    flags: list[str]
    """Of the `temporal` program."""
    program: Path
    address: str

    async def temporal(self, *words: str, flags: bool = True) -> str:
        """Return what the program prints."""
        argv = [str(self.program), *words, "--address", self.address]
        ran = await asyncio.to_thread(
            subprocess.run,
            [*argv, *(self.flags if flags else [])],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@pytest.fixture
async def sealed(
    lab: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sealed]:
    """All of it, on a queue of its own."""
    (tmp_path / "payload.key").write_text("5a" * 32)
    told = stack.environment(lab.project)
    for name, value in told.variables().items():
        monkeypatch.setenv(name, value)
    keys = f"file:{tmp_path / 'payload.key'}"
    monkeypatch.setenv(VARIABLE, keys)
    queue = f"sealed-{uuid.uuid4().hex[:8]}"
    settings = WorkerSettings(task_queue=queue)
    codec, port = load_codec(keys, os.environ), choose(())
    assert codec is not None
    runner = web.AppRunner(CodecServer(codec, Pass("token"), port, told.temporal_ui).app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    flags = ["--codec-endpoint", f"http://127.0.0.1:{port}", "--codec-auth", "Bearer token"]
    worker_client = await connect_worker(settings)
    client = await connect(told.temporal_address)
    async with working(lab, worker_client, settings):
        yield Sealed(client, queue, flags, told.temporal_binary, told.temporal_address)
    await runner.cleanup()


def document(tag: str) -> JSONObject:
    """Return a plan full of things that nobody is to read: undone in the end, with a reason."""
    gated = {"approval": {"role": "operator", "expires": "PT1H"}}
    return plan(
        "sealed",
        [
            put("a", f"{tag}-argument", **gated, reason=f"{tag}-reason"),
            put("b", f"{tag}-other", "a", args={"name": f"{tag}-other", "fail": "lie"},
                ensure=["output.status == 'down'"]),
        ],
        goal=f"{tag}-goal",
    )  # fmt: skip


async def raw(handle: WorkflowHandle) -> bytes:
    """Return everything that Temporal tells of a run, as it keeps it."""
    events = [event.SerializeToString() async for event in handle.fetch_history_events()]
    described = (await handle.describe()).raw_description
    return b"".join([*events, described.SerializeToString()])


async def test_temporal_holds_nothing_that_can_be_read(lab: Running, sealed: Sealed) -> None:
    """Plan, arguments, votes, outputs, failures, memo, summaries: by all ways in and out.

    Started by Temporal's own command line through the codec server, approved by it too.
    """
    tag = f"planted{uuid.uuid4().hex[:8]}"
    run = f"run-{uuid.uuid4().hex[:8]}"
    started = ["--task-queue", sealed.queue, "--workflow-id", run]
    given = ["--input", json.dumps(document(tag)), "--static-summary", f"{tag}-summary"]
    await sealed.temporal("workflow", "start", "--type", "ExecutePlan", *started, *given)
    handle: WorkflowHandle = sealed.client.get_workflow_handle(run)
    (wait,) = await waits(handle)
    shown = await take_snapshot(handle_of(sealed.client, run))
    vote = {"step": "a", "digest": wait["digest"], "by": BOSS, "comment": f"{tag}-comment"}
    update = ["--workflow-id", run, "--name", "approve", "--input", json.dumps(vote)]
    await sealed.temporal("workflow", "update", "execute", *update)
    outcome = await ended(handle)

    kept = await raw(handle)
    assert outcome["status"] == "failed"
    assert lab.effects(tag) == [
        *(f"put {tag}-{name}" for name in ("argument", "other")),
        *(f"drop {tag}-{name}" for name in ("other", "argument")),
    ]
    assert tag.encode() not in kept
    assert BOSS.encode() not in kept
    assert b"ENSURE" in kept  # a failure's type is what retries look at: a code, no content
    assert [one.step for one in shown.waits] == ["a"]

    show = ("workflow", "show", "--detailed", "--workflow-id", run)
    read = await sealed.temporal(*show)
    unread = await sealed.temporal(*show, flags=False)
    for word in ("argument", "goal", "comment"):
        assert f"{tag}-{word}" in read
    assert tag not in unread


async def test_what_is_sealed_as_evidence_is_the_plain_history(
    lab: Running, sealed: Sealed, lab_client: Client
) -> None:
    """The keeper reads calls and their ends through the codec; without the key it says so."""
    tag = f"planted{uuid.uuid4().hex[:8]}"
    run = f"run-{uuid.uuid4().hex[:8]}"
    handle = await sealed.client.start_workflow(
        "ExecutePlan", plan("plain", [put("a", tag)]), id=run, task_queue=sealed.queue
    )
    assert (await ended(handle))["status"] == "completed"
    first = str(handle.first_execution_run_id)

    (execution,) = (await project(sealed.client, (run, first))).executions
    calls = [event.call.path for event in execution.events if event.call is not None]
    assert calls == ["a"]
    assert [event.answer for event in execution.events if event.answer == "happened"]
    blind = (await project(lab_client, (run, first))).executions[0]
    assert all(event.call is None for event in blind.events)
    with pytest.raises(Exception, match="binary/encrypted"):
        await lab_client.get_workflow_handle(run).result()


async def test_nobody_works_in_plain_by_mistake(
    lab: Running, sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is not there, and a client whose converter something else replaced."""
    monkeypatch.setenv(VARIABLE, "file:/nowhere/key")
    with pytest.raises(ClientError, match="PAYLOAD-KEY"):
        await connect(sealed.address)
    with pytest.raises(ClientError, match="PAYLOAD-KEY"):
        await connect_worker(WorkerSettings())
