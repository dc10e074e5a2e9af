"""Processes that die in the middle: nothing happens twice, nothing undecided, nothing is lost."""

import uuid

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from remit.canonical import JSON, JSONObject
from tests.running import Running, ended, plan, start, waits
from tests.waiting import eventually

pytestmark = [
    pytest.mark.stack,
    pytest.mark.xdist_group("lab"),
    pytest.mark.timeout(180),
]

BOSS = "boss@lab.example"


@pytest.fixture(autouse=True)
def whole(lab: Running) -> None:
    """Begin with everything up, whatever the test before killed."""
    lab.up()


def chain(tag: str, count: int, **last: JSON) -> list[JSON]:
    """Return a chain of steps that each put something down."""
    steps: list[JSON] = []
    for number in range(count):
        args: JSONObject = {"name": f"{tag}{number}", "wait_s": 0.3}
        needs: list[JSON] = [f"s{number - 1}"] if number else []
        steps.append(
            {
                "id": f"s{number}",
                "tool": "lab.put@1",
                "args": args,
                "needs": needs,
                "timeout": "PT3S",
            }
        )
    if last and isinstance(steps[-1], dict):
        steps[-1]["args"] = {"name": f"{tag}{count - 1}", **last}
    return steps


async def test_killed_worker_doubles_and_loses_nothing(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """After `kill -9` of the worker in the middle of a call, each effect stands once."""
    handle = await start(lab_client, plan("killed", chain(tag, 4)))
    await eventually(lambda: _effects(lab, tag, 2))

    lab.kill("workers")
    lab.up()

    outcome = await ended(handle, 120)
    assert outcome["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}{number}" for number in range(4)]


async def test_a_long_call_goes_on_where_it_was(lab: Running, lab_client: Client, tag: str) -> None:
    """Killed on the way, the next attempt's first item is the last checkpoint that Temporal has."""
    args: JSONObject = {"name": tag, "count": 10}
    steps: list[JSON] = [{"id": "all", "tool": "lab.batch@1", "args": args, "timeout": "PT6S"}]
    handle = await start(lab_client, plan("batch", steps))
    await eventually(lambda: _effects(lab, tag, 6))

    lab.kill("workers")
    done = len(lab.effects(tag))
    described = await handle.describe()
    (pending,) = described.raw_description.pending_activities
    (told,) = await lab_client.data_converter.decode(pending.heartbeat_details.payloads)
    lab.up()

    assert (await ended(handle, 60))["status"] == "completed"
    items = [(name, key) for name, key, _ in lab.journal() if name.startswith(tag)]
    again = [name for name, key in items if key != "batch:0"]
    assert 1 <= told["value"] <= done
    assert again == [f"{tag}-{number}" for number in range(told["value"], 10)]
    assert {name for name, _ in items} == {f"{tag}-{number}" for number in range(10)}


async def test_killed_call_of_a_tool_that_cannot_tell_asks_a_person(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Without idempotency a lost call is a question, never a second call."""
    args: JSONObject = {"name": tag, "wait_s": 2}
    steps: list[JSON] = [{"id": "once", "tool": "lab.careless@1", "args": args, "timeout": "PT3S"}]
    handle = await start(lab_client, plan("careless", steps))
    await eventually(lambda: _effects(lab, tag, 1))

    lab.kill("workers")
    lab.up()

    wait = (await waits(handle, 90))[0]
    assert (wait["kind"], lab.effects(tag)) == ("doubt", [f"put {tag}"])
    answer: JSONObject = {"step": "once", "happened": True, "evidence": {}, "by": BOSS}
    await handle.execute_update("resolve_doubt", answer)
    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}"]


async def test_nothing_is_called_without_opa(lab: Running, lab_client: Client, tag: str) -> None:
    """While OPA is gone nothing is called and no attempt is used up; then the run goes on."""
    handle = await start(lab_client, plan("blind", chain(tag, 4)))
    await eventually(lambda: _effects(lab, tag, 1))
    lab.kill("opa")
    standing = await _standing(lab, tag)

    async def said() -> bool:
        described = await handle.describe()
        pending = described.raw_description.pending_activities
        return any("host:opa_unavailable" in str(each.last_failure) for each in pending)

    await eventually(said)
    assert lab.effects(tag) == standing
    lab.up()

    assert (await ended(handle, 120))["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}{number}" for number in range(4)]


@pytest.mark.parametrize("after", [0, 1, 2, 3])
async def test_terminate_at_every_step_leaves_nothing(
    lab: Running, lab_client: Client, tag: str, after: int
) -> None:
    """Wherever a run is terminated, everything that was written is undone."""
    handle = await start(lab_client, plan("terminated", chain(tag, 4)))
    await eventually(lambda: _effects(lab, tag, after))

    await handle.terminate("somebody did")

    await _all_undone(lab, lab_client, handle, tag)


@pytest.mark.parametrize("after", [1, 2, 3])
async def test_terminate_of_a_run_with_children_leaves_nothing(
    lab: Running, lab_client: Client, tag: str, after: int
) -> None:
    """A run that dies while its children work is undone with all that they did."""
    handle = await start(lab_client, plan("terminated", _in_children(tag)))
    await eventually(lambda: _effects(lab, tag, after))

    await handle.terminate("somebody did")

    await _all_undone(lab, lab_client, handle, tag)


async def test_terminate_of_a_child_alone_undoes_the_run(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """A child that somebody ends is a failure of its step: its part and the rest are undone."""
    handle = await start(lab_client, plan("orphaned", _in_children(tag)))
    await eventually(lambda: _effects(lab, tag, 1))

    await lab_client.get_workflow_handle(f"{handle.id}/first").terminate("somebody did")

    outcome = await ended(handle, 90)
    assert (outcome["status"], outcome["step"], outcome["residue"]) == ("failed", "first", [])
    assert _is_even(lab.effects(tag))


def _in_children(tag: str) -> list[JSON]:
    """Return two sub-plans, each in a child workflow, one after the other."""
    return [
        {
            "id": step,
            "plan": "slow-pair@1.0.0",
            "args": {"name": f"{tag}{step}", "fail": ""},
            "needs": needs,
        }
        for step, needs in (("first", []), ("second", ["first"]))
    ]


async def _all_undone(lab: Running, client: Client, handle: WorkflowHandle, tag: str) -> None:
    """Wait until the keeper has had everything undone, and see that it stays so."""

    async def even() -> bool:
        effects = lab.effects(tag)
        repair = client.get_workflow_handle(f"remit-repair/{handle.first_execution_run_id}")
        # Ended before its admission, a run has left nothing that the keeper could repair.
        return _is_even(effects) and (not effects or await _is_over(repair))

    await eventually(even, within_s=90)
    assert await _standing(lab, tag) == lab.effects(tag)
    assert await even()


def _is_even(effects: list[str]) -> bool:
    """Whether everything that was put down was taken away, once."""
    puts = [name for name in effects if name.startswith("put")]
    drops = [name for name in effects if name.startswith("drop")]
    return len(puts) == len(drops) == len(set(drops))


async def test_reset_of_a_parent_with_children_doubles_nothing(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """A reset starts children again under new run ids; the ledger knows their steps by name."""
    args: JSONObject = {"name": tag, "fail": ""}
    steps: list[JSON] = [
        {"id": "both", "plan": "pair@1.0.0", "args": args},
        {"id": "after", "tool": "lab.put@1", "needs": ["both"], "args": {"name": f"{tag}x"}},
    ]
    handle = await start(lab_client, plan("reset", steps))
    assert (await ended(handle))["status"] == "completed"

    again = await reset(lab_client, handle)

    assert (await ended(again))["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}1", f"put {tag}2", f"put {tag}x"]


async def test_reset_after_an_unwind_doubles_nothing(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """What was undone is not done again by a reset, and not undone again."""
    handle = await start(lab_client, plan("undone", chain(tag, 2, fail="refuse")))
    assert (await ended(handle))["status"] == "failed"
    effects = lab.effects(tag)

    again = await reset(lab_client, handle)

    outcome = await ended(again)
    assert outcome["status"] == "failed"
    assert lab.effects(tag) == effects == [f"put {tag}0", f"drop {tag}0"]


async def reset(client: Client, handle: WorkflowHandle) -> WorkflowHandle:
    """Reset a run to its first workflow task."""
    run_id = handle.first_execution_run_id or handle.result_run_id or ""
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=run_id),
            reason="try again",
            workflow_task_finish_event_id=4,
            request_id=uuid.uuid4().hex,
            reset_reapply_type=ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL,
        )
    )
    return client.get_workflow_handle(handle.id, run_id=answer.run_id)


async def _effects(lab: Running, tag: str, count: int) -> bool:
    return len(lab.effects(tag)) >= count


async def _is_over(handle: WorkflowHandle) -> bool:
    try:
        return (await handle.describe()).close_time is not None
    except RPCError:
        return False


async def _standing(lab: Running, tag: str) -> list[str]:
    """Return the effects once a call that was decided before OPA died has ended."""
    seen: list[list[str]] = [[]]

    async def unchanged() -> bool:
        seen.append(lab.effects(tag))
        return seen[-1] == seen[-2]

    await eventually(unchanged, every_s=1.5)
    return seen[-1]
