"""Metrics of governance on the real stack: they move by exactly what was done."""

import asyncio
import json
import urllib.request
import uuid
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client

from remit.canonical import JSON
from remit.cli.stack.layout import Layout
from tests.running import Running, ended, eventually, plan, start, waits

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab")]

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
    found = await asyncio.to_thread(_counted, lab) - before
    # The keeper may count a run of an earlier test only now: of ends there may be more.
    ends = {one for one in found if one[0] == "remit_runs_closed_total"}
    assert {one: found[one] for one in found if one not in ends} == {
        one: more for one, more in wanted.items() if one not in ends
    }
