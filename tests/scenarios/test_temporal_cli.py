"""The scenarios by Temporal's own command line: nothing of ours on the operator's side."""

import base64
import json
import uuid

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSONObject
from tests.running import ended, waits
from tests.scenarios.office import Office, command_of, told
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

START = "temporal workflow start --type ExecutePlan --task-queue remit"
HOLDER = "budget.holder@acme.example"


def started(office: Office, client: Client, command: str) -> WorkflowHandle:
    """Start a run by a command line; return its handle."""
    ids: JSONObject = json.loads(office.shell(f"{command} --output json"))
    return client.get_workflow_handle(str(ids["workflowId"]), run_id=str(ids["runId"]))


async def test_purchase_from_the_command_line(office: Office, client: Client) -> None:
    """Started from its file, found by who is waited for, approved as the run itself says."""
    handle = started(office, client, f"{START} --input-file examples/plans/purchase.json")
    wait = (await waits(handle))[0]

    async def listed() -> bool:
        query = "'RemitAwaits=\"budget_holder\"'"
        return handle.id in office.shell(f"temporal workflow list --query {query}")

    await eventually(listed)
    office.shell(command_of(wait, HOLDER))

    assert (await ended(handle))["status"] == "completed"
    assert office.effects().count("do erp.order") == 1
    assert office.doubled() == []
    assert not await listed()


async def test_whole_purchase_by_temporal_alone(office: Office, client: Client) -> None:
    """Started, understood from what `describe` and `query` print, and approved by what they tell.

    `client` only waits; whatever somebody has to know stands in Temporal's own answers.
    """
    name = f"purchase/{uuid.uuid4().hex[:8]}"
    office.shell(f"{START} --workflow-id {name} --input-file examples/plans/purchase.json")
    at = f"--workflow-id {name} --output json"
    waiting: JSONObject = {}

    async def waits_by_memo() -> bool:
        described = json.loads(office.shell(f"temporal workflow describe {at}"))
        memo = described["workflowExecutionInfo"].get("memo", {}).get("fields", {})
        shown = memo.get("RemitWaits")
        data = shown.get("data", "") if isinstance(shown, dict) else ""
        waiting.update(json.loads(base64.b64decode(data)) if data else shown or {})
        return bool(waiting)

    await eventually(waits_by_memo)
    order = waiting["order"]
    assert isinstance(order, dict)
    assert order["waits_for"] == "budget_holder"
    metadata = office.shell(f"temporal workflow metadata --workflow-id {name}")
    assert "budget_holder" in metadata
    asked = f"temporal workflow query {at} --type pending"
    (wait,) = json.loads(office.shell(asked))["queryResult"][0]
    assert wait["gate"]["arguments"]["total_micros"] == 4_200_000_000
    commands = [one for one in metadata.splitlines() if one.startswith("temporal workflow signal")]
    assert order["command"] == wait["command"] == commands[0]
    assert "--name reject" in commands[1]

    office.shell(command_of(wait, HOLDER))

    shown = office.shell(f"temporal workflow result {at}")
    assert json.loads(shown)["result"]["status"] == "completed"
    assert office.effects().count("do erp.order") == 1


async def test_repeated_start_is_the_same_run(office: Office, client: Client) -> None:
    """The same workflow id again while it runs is that run, and orders nothing more."""
    command = f"{START} --workflow-id purchase/{uuid.uuid4().hex[:8]} "
    command += "--input-file examples/plans/purchase.json"
    first = started(office, client, command)
    wait = (await waits(first))[0]

    again = started(office, client, command)

    handle = client.get_workflow_handle(first.id)
    assert (again.id, again.result_run_id) == (first.id, first.result_run_id)
    office.shell(command_of(wait, HOLDER))
    assert (await ended(handle))["status"] == "completed"
    assert office.effects().count("do erp.order") == 1


async def test_schedule_starts_a_plan_like_any_other(office: Office, client: Client) -> None:
    """A Temporal schedule starts the nightly plan; each of its reads has a decision."""
    name = f"nightly-{uuid.uuid4().hex[:8]}"
    office.shell(
        f"temporal schedule create --schedule-id {name} --cron '0 2 * * *' "
        f"--type ExecutePlan --task-queue remit --workflow-id {name} "
        """--input '{"plan":"nightly-report@1.0.0"}'"""
    )
    office.shell(f"temporal schedule trigger --schedule-id {name}")
    found: list[WorkflowHandle] = []

    async def begun() -> bool:
        runs = client.list_workflows(f'TemporalScheduledById="{name}"')
        found.extend([client.get_workflow_handle(run.id, run_id=run.run_id) async for run in runs])
        return bool(found)

    await eventually(begun)
    outcome = await ended(found[0])
    office.shell(f"temporal schedule delete --schedule-id {name}")

    assert outcome["status"] == "completed"
    assert (await told(found[0]))["RemitPlan"] == "nightly-report@1.0.0"
    assert sorted(office.requests()) == ["crm.get_account", *["finance.get_budget"] * 2]
    assert office.effects() == []
    records = await office.evidence(str((await found[0].describe()).run_id))
    intents = [record["body"] for record in records if record["kind"] == "intent"]
    assert len(intents) == 3
    assert all('"effect": "allow"' in json.dumps(intent) for intent in intents)
