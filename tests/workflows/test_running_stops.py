"""Stopping calls on the real stack: what is stopped waits and loses nothing, and goes on once."""

import asyncio
import json
import uuid

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON
from remit.cli.main import main
from remit.ledger.stops import CHAIN
from tests.running import Running, at_gate, ended, start, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(180)]

WHAT = "tool:lab.put@1"


async def _said(capsys: pytest.CaptureFixture[str], *typed: str) -> tuple[int, dict[str, JSON]]:
    code = await asyncio.to_thread(main, [*typed, "--json"])
    return code, json.loads(capsys.readouterr().out)


async def _held_by(handle: WorkflowHandle) -> str:
    pending = (await handle.describe()).raw_description.pending_activities
    return " ".join(one.last_failure.message for one in pending)


async def test_stopped_calls_wait_and_go_on_once(
    lab: Running, lab_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stop holds the next call of a run at work, tells why, and costs it nothing."""
    tag = f"s{uuid.uuid4().hex[:8]}"
    where = ["--project", str(lab.project)]
    by = ["--reason", "try it", "--by"]
    handle = await start(lab_client, at_gate(tag))
    (asked,) = await waits(handle)

    stopped = await _said(capsys, "stop", WHAT, *by, "boss@lab.example", *where)
    try:
        vote = {"step": "b", "digest": asked["digest"], "by": "boss@lab.example"}
        await handle.execute_update("approve", vote)

        async def held() -> bool:
            return "host:stopped" in await _held_by(handle)

        await eventually(held, 60)
        meanwhile = lab.effects(tag)
        listed = await _said(capsys, "stops", *where)
        refused = await _said(capsys, "go", WHAT, *by, "clerk@lab.example", *where)
    finally:
        released = await _said(capsys, "go", WHAT, *by, "boss@lab.example", *where)
    outcome = await ended(handle)
    told = [record["in_force"] for record in lab.records(CHAIN, "stop")]
    orders = [record["order"] for record in lab.records(CHAIN, "order")]

    assert (stopped[0], released[0], refused[0]) == (0, 0, 1)
    assert "order.role_missing" in json.dumps(refused[1])
    assert f'"what": "{WHAT}"' in json.dumps(listed[1])
    assert meanwhile == [f"put {tag}a"]
    assert outcome["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}a", f"put {tag}b"]
    assert told[-2:] == [True, False]
    assert orders[-3:] == ["stop", "go", "go"]


async def test_what_cannot_be_stopped_is_refused_at_once(
    lab: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name of no kind is refused by the command line, before anybody is asked."""
    by = ["--reason", "x", "--by", "boss@lab.example", "--project", str(lab.project)]
    code, told = await _said(capsys, "stop", "everything", *by)

    assert code == 2
    assert "STOP-UNKNOWN" in json.dumps(told)
