"""What people answered goes back to who planned, into metrics, and out as labelled cases."""

import asyncio
import json
import urllib.request
import uuid

import pytest
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client

from remit.canonical import JSONObject
from remit.cli.main import main
from remit.cli.stack.layout import Layout
from tests.running import Running, ended, plan, put, start, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab")]

BOSS = "boss@lab.example"


def cases(
    lab: Running, capsys: pytest.CaptureFixture[str], workflow: str, *more: str
) -> list[JSONObject]:
    """Return the cases of one run, oldest gate first."""
    capsys.readouterr()
    assert main(["cases", "--json", "--project", str(lab.project), *more]) == 0
    lines = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    return [one for one in lines if one["workflow"] == workflow]


def times(lab: Running, name: str) -> tuple[dict[str, float], float]:
    """Return a histogram's buckets, and the sum, of the lab's workers."""
    state = json.loads(Layout(lab.project.resolve()).state.read_text())
    url = f"http://{state['components']['workers']['address']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    buckets: dict[str, float] = {}
    total = 0.0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == f"{name}_bucket":
                place = sample.labels["le"]
                buckets[place] = buckets.get(place, 0) + sample.value
            if sample.name == f"{name}_sum":
                total += sample.value
    return buckets, total


async def test_an_edit_and_its_approval_are_two_cases(
    lab: Running, lab_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was asked, what they said, which fields they changed; values only when wanted."""
    name = f"guarded{uuid.uuid4().hex[:8]}"
    handle = await start(lab_client, plan("cases", [put("step", name)]))
    (wait,) = await waits(handle)
    about = {"step": "step", "digest": wait["digest"], "by": BOSS}
    edit = {**about, "args": {"name": f"{name}b"}, "comment": "a better one"}
    await handle.execute_update("edit", edit)

    async def asked_anew() -> bool:
        return (await waits(handle))[0]["digest"] != wait["digest"]

    await eventually(asked_anew)
    (again,) = await waits(handle)
    await handle.execute_update("approve", {**about, "digest": again["digest"]})
    assert (await ended(handle))["status"] == "completed"

    edited, granted = await asyncio.to_thread(cases, lab, capsys, handle.id)
    full = (await asyncio.to_thread(cases, lab, capsys, handle.id, "--contents"))[0]

    assert (edited["label"], granted["label"]) == ("edited", "granted")
    assert [edited["schema"], edited["tool"], edited["proposed"]] == [
        *("remit.case/v1", "lab.put@1", wait["digest"]),
    ]
    assert edited["rules"] == [edited["code"]]
    assert str(edited["revision"])
    (said,) = edited["said"]
    assert (said["verb"], said["by"], said["edited"]) == ("edit", BOSS, ["/name"])
    assert said["comment"] == "a better one"
    assert name not in json.dumps([edited, granted])
    assert full["contents"]["arguments"] == {"name": name}
    assert full["contents"]["edits"] == [{"name": f"{name}b"}]


async def test_what_was_wanted_reaches_the_planner_when_nobody_made_it(
    lab: Running, lab_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """Changes asked for and not made in time: the run's end says which, with its code."""
    name = f"hasty{uuid.uuid4().hex[:8]}"
    handle = await start(lab_client, plan("cases", [put("step", name)]))
    await waits(handle)
    order = {"step": "step", "by": BOSS, "comment": "take the smaller one"}
    await handle.execute_update("request_changes", order)

    outcome = await ended(handle)

    assert (outcome["status"], outcome["code"]) == ("rejected", "GATE-CHANGES-REQUESTED")
    assert "take the smaller one" in str(outcome["reason"])
    assert BOSS in str(outcome["reason"])
    (case,) = await asyncio.to_thread(cases, lab, capsys, handle.id)
    assert case["label"] == "changes_requested"
    assert [one["comment"] for one in case["said"]] == ["take the smaller one"]


async def test_the_times_of_an_answer_are_measured(lab: Running, lab_client: Client) -> None:
    """Gate to vote and vote to intent, each once, greater than nothing and in its bucket."""
    name = f"guarded{uuid.uuid4().hex[:8]}"
    gates_before, gate_sum = await asyncio.to_thread(times, lab, "remit_gate_seconds")
    grants_before, grant_sum = await asyncio.to_thread(times, lab, "remit_grant_seconds")
    handle = await start(lab_client, plan("timed", [put("step", name)]))
    (wait,) = await waits(handle)
    # The time that a person takes is what is measured.
    await asyncio.sleep(1.2)
    await handle.execute_update("approve", {"step": "step", "digest": wait["digest"], "by": BOSS})
    assert (await ended(handle))["status"] == "completed"
    gates, gate_total = await asyncio.to_thread(times, lab, "remit_gate_seconds")
    grants, grant_total = await asyncio.to_thread(times, lab, "remit_grant_seconds")

    waited, began = gate_total - gate_sum, grant_total - grant_sum
    assert 1.2 <= waited < 60
    assert 0 < began < 30
    for now, before, took in ((gates, gates_before, waited), (grants, grants_before, began)):
        for place, count in now.items():
            # Buckets are cumulative: one more from the first that holds it on.
            assert count - before.get(place, 0) == (1 if took <= float(place) else 0), place
