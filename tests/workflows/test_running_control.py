"""Operators and faults of a run's surroundings: cancel, hold, rollback, bad starts, repair."""

import time
import uuid
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.common import RetryPolicy

from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from remit.plan.event import Command, Event, Gated
from remit.plan.machine import Machine, MachineError
from tests.in_process import working
from tests.running import Running, at_gate, ended, plan, start, waits
from tests.waiting import eventually
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab")]

BOSS = "boss@lab.example"
CLERK = "clerk@lab.example"


async def test_cancel_twice_still_undoes(lab: Running, lab_client: Client, tag: str) -> None:
    """Cancelling undoes; cancelling again does not stop the undoing."""
    handle = await start(lab_client, at_gate(tag))
    await waits(handle)

    await handle.cancel()
    await handle.cancel()

    outcome = await ended(handle)
    assert outcome["status"] == "CancelledError"
    assert lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]
    memo = await (await handle.describe()).memo()
    assert memo["RemitResult"]["status"] == "cancelled"


async def test_rollback_ends_as_rolled_back(lab: Running, lab_client: Client, tag: str) -> None:
    """An operator's rollback undoes a running plan."""
    handle = await start(lab_client, at_gate(tag))
    await waits(handle)

    await handle.execute_update("rollback", {"reason": "wrong team", "by": BOSS})

    outcome = await ended(handle)
    assert (outcome["status"], outcome["undone"]) == ("rolled_back", 1)
    assert lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"reason": "why not", "by": CLERK}, "order.role_missing"),
        ({"reason": "why not", "by": "stranger"}, "order.unknown_person"),
        ({"reason": "why not"}, "MESSAGE-MALFORMED"),
        ("back", "MESSAGE-MALFORMED"),
    ],
)
@pytest.mark.parametrize("order", ["hold", "rollback"])
async def test_an_order_of_somebody_without_the_role_is_refused(
    lab: Running, lab_client: Client, tag: str, order: str, said: JSON, code: str
) -> None:
    """Nobody is obeyed whom policy does not let order it; the run goes on waiting."""
    handle = await start(lab_client, at_gate(tag))
    wait = (await waits(handle))[0]

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update(order, said)

    assert getattr(refused.value.cause, "type", "") == code
    assert (await handle.query("status"))["status"] == "awaiting_approval"
    vote = {"step": "b", "digest": wait["digest"], "by": BOSS}
    await handle.execute_update("approve", vote)
    assert (await ended(handle))["status"] == "completed"
    records = lab.records(handle.first_execution_run_id or "", "order")
    by = said.get("by") if isinstance(said, dict) else None
    assert [(one["by"], one["order"]) for one in records] == ([(by, order)] if by else [])


async def test_whoever_a_run_acts_for_may_stop_it(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """The person a plan names needs no role to roll it back, and cannot make it go on."""
    document = at_gate(tag) | {"on_behalf_of": CLERK}
    handle = await start(lab_client, document)
    await waits(handle)
    await handle.execute_update("hold", {"by": CLERK, "reason": "let me see"})

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("resume", {"by": CLERK})
    await handle.execute_update("rollback", {"by": CLERK, "reason": "I want it no more"})

    assert getattr(refused.value.cause, "type", "") == "order.role_missing"
    assert (await ended(handle))["status"] == "rolled_back"
    assert lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]


async def test_hold_begins_nothing_until_resume(lab: Running, lab_client: Client, tag: str) -> None:
    """A held run lets an approval stand, and calls only after resume."""
    handle = await start(lab_client, at_gate(tag))
    wait = (await waits(handle))[0]
    await handle.execute_update("hold", {"reason": "audit", "by": BOSS})
    vote = {"step": "b", "digest": wait["digest"], "by": BOSS}
    await handle.execute_update("approve", vote)

    assert (await handle.query("status"))["status"] == "held"
    assert lab.effects(tag) == [f"put {tag}a"]

    await handle.execute_update("resume", {"by": BOSS})
    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}a", f"put {tag}b"]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("not a plan", "PLAN-SHAPE"),
        (None, "PLAN-SHAPE"),
        ([1, 2], "PLAN-SHAPE"),
        ({"scope": {"root": "x"}, "snapshot": {}}, ""),
        ({"plan": "absent@1.0.0", "inputs": {}}, ""),
        (plan("loop", [{"id": "a", "tool": "lab.look@1", "needs": ["a"]}]), "PLAN-CYCLE"),
        (plan("unknown", [{"id": "a", "tool": "lab.nothing@1"}]), "PLAN-UNKNOWN-TOOL"),
    ],
)
async def test_bad_input_fails_at_once_and_clearly(
    lab_client: Client, document: JSON, code: str
) -> None:
    """Whatever a run is started with, it ends at once with a stable code."""
    handle = await start(lab_client, document)

    outcome = await ended(handle, 20)

    assert outcome["status"] == "invalid", outcome
    assert str(outcome["code"]).startswith("PLAN-")
    assert code in ("", outcome["code"])


@pytest.mark.parametrize(
    "options",
    [
        {"retry_policy": RetryPolicy(maximum_attempts=2)},
        {"execution_timeout": timedelta(hours=1)},
        {"run_timeout": timedelta(hours=1)},
        {"cron_schedule": "0 0 1 1 *"},
    ],
    ids=["retry", "execution-timeout", "run-timeout", "cron"],
)
async def test_start_options_behind_the_saga_are_refused(
    lab: Running, lab_client: Client, tag: str, options: dict[str, object]
) -> None:
    """A run that Temporal might end or repeat by itself does not begin."""
    handle = await start(lab_client, at_gate(tag), **options)

    async def refused() -> bool:
        return (await handle.describe()).status is not None and lab.effects(tag) == []

    await eventually(refused)
    if "cron_schedule" in options:
        await handle.terminate()
        return
    with pytest.raises(Exception, match="failed"):
        await handle.result()


@pytest.mark.parametrize("kind", ["ExecutePart", "UnwindPart"])
async def test_children_without_a_parent_are_refused(lab_client: Client, kind: str) -> None:
    """A child type that somebody starts by hand does nothing."""
    ask: JSONObject = {"root": "x", "compiled": "y", "parent": "", "step": "a", "kind": "plan"}
    handle = await lab_client.start_workflow(
        kind, {"ask": ask, "workflow_id": "x"}, id=f"forged-{uuid.uuid4().hex}", task_queue="remit"
    )

    with pytest.raises(Exception, match="failed") as refused:
        await handle.result()

    assert getattr(refused.value.__cause__, "type", "") == "RUN-NO-PARENT"


async def test_terminated_run_is_undone_by_the_keeper(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """What a terminated run left behind is undone within a minute, with nobody's help."""
    handle = await start(lab_client, at_gate(tag))
    await waits(handle)

    await handle.terminate("gone wrong")

    async def undone() -> bool:
        return lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]

    await eventually(undone, within_s=60)


async def test_failed_undo_parks_until_a_person_settles_it(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """An undo that is refused is residue with an owner; independent undos go on."""
    steps: list[JSON] = [
        {"id": "stuck", "tool": "lab.put@1", "args": {"name": f"stuck{tag}"}},
        {"id": "other", "tool": "lab.put@1", "args": {"name": f"{tag}other"}},
        {
            "id": "last",
            "tool": "lab.put@1",
            "needs": ["stuck", "other"],
            "args": {"name": f"{tag}x", "fail": "refuse"},
        },
    ]
    handle = await start(lab_client, plan("stuck", steps))

    wait = (await waits(handle))[0]

    assert (wait["kind"], wait["step"], wait["role"]) == ("repair", "stuck", "team:lab")
    assert (await handle.query("status"))["status"] == "needs_repair"
    assert f"drop {tag}other" in lab.effects(tag)
    order = {"step": "stuck", "do": "mark_done", "reason": "taken up by hand", "by": BOSS}
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("repair", {**order, "by": CLERK})
    assert getattr(refused.value.cause, "type", "") == "order.role_missing"
    assert (await handle.query("status"))["status"] == "needs_repair"
    await handle.execute_update("repair", order)
    outcome = await ended(handle)
    assert (outcome["status"], outcome["residue"]) == ("failed", [])


async def test_a_run_past_its_deadline_holds_until_it_is_ordered_back(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Too late, nothing is called and nothing undone: the run says what to type, and waits."""
    document = {**at_gate(tag), "constraints": {"deadline": "PT3S"}}
    handle = await start(lab_client, document)
    gate = (await waits(handle))[0]
    explained = {line["step"]: line for line in await handle.query("explain")}
    assert "waits for an answer of operator" in explained["b"]["state"]

    async def is_late() -> bool:
        return (await handle.query("plan"))["deadline_ms"] < time.time() * 1000

    await eventually(is_late)
    vote = {"step": "b", "digest": gate["digest"], "by": BOSS}
    await handle.execute_update("approve", vote)

    async def is_held() -> bool:
        return (await handle.query("status"))["status"] == "held"

    await eventually(is_held)
    held = (await waits(handle))[0]
    assert (held["kind"], held["step"]) == ("held", "b")
    assert "--name rollback" in str(held["command"])
    assert lab.effects(tag) == [f"put {tag}a"]
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("resume", {"reason": "go on", "by": BOSS})
    assert getattr(refused.value.cause, "type", "") == "RUN-PAST-DEADLINE"

    await handle.execute_update("rollback", {"reason": "too late", "by": BOSS})

    outcome = await ended(handle)
    assert (outcome["status"], outcome["undone"]) == ("rolled_back", 1)
    assert lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]


async def test_an_invalid_plan_carries_all_findings(lab_client: Client) -> None:
    """All of them at once, bounded; the message tells them too, and how many there are."""
    steps: list[JSON] = [{"id": f"s{n}", "tool": f"lab.nothing{n}@1"} for n in range(25)]
    handle = await start(lab_client, plan("wrong", steps))

    outcome = await ended(handle, 20)

    found = outcome["diagnostics"]
    assert isinstance(found, list)
    assert (len(found), outcome["diagnostics_total"]) == (20, 25)
    assert all(each["code"] == "PLAN-UNKNOWN-TOOL" for each in found if isinstance(each, dict))
    assert "lab.nothing19" in str(outcome["reason"])
    assert "and 5 more of 25" in str(outcome["reason"])


async def test_a_fault_in_the_machine_ends_in_an_unwind(
    lab: Running, lab_client: Client, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of ours neither retries for ever nor leaves anything standing."""
    environment = stack.environment(lab.project)
    for name, value in environment.variables().items():
        monkeypatch.setenv(name, value)
    settings = WorkerSettings(task_queue=f"broken-{tag}")
    apply = Machine.apply

    def broken(machine: Machine, what: Event) -> list[Command]:
        if isinstance(what, Gated):
            raise MachineError("MACHINE-TEST", "injected")
        return apply(machine, what)

    monkeypatch.setattr(Machine, "apply", broken)
    async with working(lab, lab_client, settings):
        handle = await lab_client.start_workflow(
            "ExecutePlan", at_gate(tag), id=f"broken-{tag}", task_queue=settings.task_queue
        )
        outcome = await ended(handle)

    assert (outcome["status"], outcome["code"], outcome["undone"]) == ("failed", "REMIT-BUG", 1)
    assert "MACHINE-TEST" in str(outcome["reason"])
    assert lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]
