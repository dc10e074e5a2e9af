"""Metrics of governance on the real stack: they move by exactly what was done."""

import asyncio
import json
import sqlite3
import urllib.request
import uuid
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from remit.canonical import JSON
from remit.cli.stack.layout import Layout
from remit.plan.wire import REPAIR_ID
from tests.running import Running, ended, plan, put, start, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab")]

_WAIT = {"awaiting_approval", "held", "in_doubt", "needs_repair"}
"""Statuses of runs that do nothing until a person speaks."""
COUNTED = ("remit_policy_violations_total", "remit_escalations_total", "remit_runs_closed_total")


def _counted(lab: Running) -> Counter[tuple[str, ...]]:
    """Return the counters of governance, of all worker processes together."""
    state = json.loads(Layout(lab.project.resolve()).state.read_text())
    found: Counter[tuple[str, ...]] = Counter()
    for name in ("workers", "keeper"):
        url = f"http://{state['components'][name]['address']}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in COUNTED:
                    found[(sample.name, *sorted(sample.labels.values()))] += int(sample.value)
    return found


async def _nothing_is_uncounted(lab: Running, client: Client, name: str) -> None:
    """Wait until whatever earlier tests began has ended and been counted, or waits for a person."""

    async def rests() -> bool:
        return all([await _waits_for_somebody(client, one) for one in _unfinished(lab)])

    await eventually(rests, 60)
    # A run is closed in the ledger before it is counted. The keeper takes one run behind the other
    # and says so at the end: once it has told of this one, all that it closed before are counted.
    last = await start(client, plan("last", [put("a", name)]))
    assert (await ended(last))["status"] == "completed"
    told = Layout(lab.project.resolve()).log("keeper")

    async def counted() -> bool:
        lines = (await asyncio.to_thread(told.read_text)).splitlines()
        return any(last.id in line and '"closed"' in line for line in lines)

    await eventually(counted, 60)


def _unfinished(lab: Running) -> list[str]:
    """Return the ids of workflows that the keeper still looks at, repairs among them."""
    with sqlite3.connect(Layout(lab.project).ledger_database, timeout=20) as ledger:
        runs = ledger.execute("SELECT workflow_id FROM runs WHERE closed = ''").fetchall()
        repaired = ledger.execute("SELECT root FROM unsealed").fetchall()
    return [*(name for (name,) in runs), *(f"{REPAIR_ID}{root}" for (root,) in repaired)]


async def _waits_for_somebody(client: Client, workflow_id: str) -> bool:
    try:
        described = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return False
    told = described.search_attributes.get("RemitStatus") or [""]
    return described.status == WorkflowExecutionStatus.RUNNING and told[0] in _WAIT


async def test_denials_gates_and_ends_are_counted(lab: Running, lab_client: Client) -> None:
    """One denied run, one that a person approved: one violation, one escalation, two ends."""
    tag = f"m{uuid.uuid4().hex[:8]}"
    gate: JSON = {"role": "operator", "expires": "PT1H"}
    approved: JSON = {
        "id": "a",
        "tool": "lab.put@1",
        "args": {"name": f"{tag}a"},
        "approval": gate,
    }
    denied: JSON = {"id": "a", "tool": "lab.put@1", "args": {"name": f"forbidden-{tag}"}}
    await _nothing_is_uncounted(lab, lab_client, f"{tag}last")
    before = await asyncio.to_thread(_counted, lab)

    handle = await start(lab_client, plan("counted", [approved]))
    (asked,) = await waits(handle)
    vote = {"step": "a", "digest": asked["digest"], "by": "boss@lab.example"}
    await handle.execute_update("approve", vote)
    assert (await ended(handle))["status"] == "completed"
    refused = await ended(await start(lab_client, plan("counted", [denied])))
    wanted = {
        ("remit_escalations_total", "operator"): 1,
        ("remit_policy_violations_total", "call", str(refused["code"])): 1,
        ("remit_runs_closed_total", "completed", "yes"): 1,
        ("remit_runs_closed_total", "no", "refused"): 1,
    }

    async def counted() -> bool:
        now = await asyncio.to_thread(_counted, lab)
        return all((now - before)[name] >= more for name, more in wanted.items())

    await eventually(counted, 60)
    assert dict(await asyncio.to_thread(_counted, lab) - before) == wanted
