"""Rolling back a run that has completed: judged, undone in reverse, once, and never lost."""

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON, JSONObject
from tests.running import Running, ended, plan, put, start, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(120)]

BOSS = "boss@lab.example"
CLERK = "clerk@lab.example"


async def completed(client: Client, tag: str) -> str:
    """Run a plan of two steps and a sub-plan to its end; return its root chain id."""
    pair: JSONObject = {"id": "pair", "plan": "pair@1.0.0", "needs": ["a"]}
    steps: list[JSON] = [
        put("a", f"{tag}a"),
        {**pair, "args": {"name": f"{tag}p", "fail": ""}},
        put("z", f"{tag}z", "pair"),
    ]
    handle = await start(client, plan("finished", steps))
    assert (await ended(handle))["status"] == "completed"
    return handle.first_execution_run_id or ""


async def order(client: Client, root: str, **said: JSON) -> WorkflowHandle:
    """Order a run back, as the command does."""
    told: JSONObject = {"run": root, "by": BOSS, "reason": "no longer wanted", **said}
    handle: WorkflowHandle = await client.start_workflow(
        "RollbackRun", told, id=f"remit-repair/{root}", task_queue="remit"
    )
    return handle


def put_and_dropped(tag: str) -> list[str]:
    """Return the effects of the plan and of its undoing."""
    names = [f"{tag}a", f"{tag}p1", f"{tag}p2", f"{tag}z"]
    return [f"put {name}" for name in names] + [f"drop {name}" for name in names[::-1]]


async def test_a_completed_run_is_rolled_back_once(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Everything is undone in reverse; the ledger says so, and a second order finds it done."""
    root = await completed(lab_client, tag)

    outcome = await ended(await order(lab_client, root))

    assert (outcome["status"], outcome["residue"]) == ("rolled_back", [])
    assert lab.effects(tag) == put_and_dropped(tag)

    async def told() -> bool:
        return lab.records(root, "closed")[-1]["status"] == "rolled_back"

    await eventually(told, 60)
    (given,) = lab.records(root, "order")
    assert (given["by"], given["reason"]) == (BOSS, "no longer wanted")
    assert len(lab.records(root, "reversal")) == 1
    again = await ended(await order(lab_client, root))
    assert again["code"] == "ROLLBACK-NOT-COMPLETED"
    assert lab.effects(tag) == put_and_dropped(tag)


async def test_a_refused_order_leaves_the_run_as_it_is(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Who may not order it, gets nothing undone; somebody who may, can still."""
    root = await completed(lab_client, tag)

    told = [
        await ended(await order(lab_client, root, by=CLERK)),
        await ended(await order(lab_client, root, by="")),
        await ended(await order(lab_client, "nowhere")),
    ]
    assert [one["code"] for one in told] == [
        "order.role_missing",
        "MESSAGE-MALFORMED",
        "RUN-ABSENT",
    ]
    assert lab.effects(tag) == put_and_dropped(tag)[:4]

    assert (await ended(await order(lab_client, root)))["status"] == "rolled_back"
    assert lab.effects(tag) == put_and_dropped(tag)


async def test_only_what_completed_is_rolled_back(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """A run that failed has nothing left to undo."""
    bad = put("x", f"{tag}x", "a") | {"args": {"name": f"{tag}x", "fail": "refuse"}}
    handle = await start(lab_client, plan("failed", [put("a", f"{tag}a"), bad]))
    assert (await ended(handle))["status"] == "failed"

    outcome = await ended(await order(lab_client, handle.first_execution_run_id or ""))

    assert outcome["code"] == "ROLLBACK-NOT-COMPLETED"
    assert lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]


async def test_a_rollback_that_is_terminated_is_taken_up_by_the_keeper(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """What was ordered is done, however often its workflow is ended from outside."""
    handle = await start(lab_client, plan("ended", [put("a", f"stuck{tag}"), put("b", f"{tag}b")]))
    assert (await ended(handle))["status"] == "completed"
    root = handle.first_execution_run_id or ""
    first = await order(lab_client, root)
    await waits(first, 60)

    await first.terminate("somebody did")

    latest = lab_client.get_workflow_handle(first.id)

    async def taken_up() -> bool:
        return (await latest.describe()).run_id != first.result_run_id

    await eventually(taken_up, 60)
    wait = (await waits(latest, 60))[0]
    assert wait["role"] == "team:lab"
    settled: JSONObject = {"step": wait["step"], "do": "mark_done", "reason": "by hand", "by": BOSS}
    await latest.execute_update("repair", settled)
    assert (await ended(latest))["status"] == "rolled_back"
    assert lab.effects(tag) == [f"put {tag}b", f"drop {tag}b"]
