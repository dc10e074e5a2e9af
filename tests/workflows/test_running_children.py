"""Children and long runs on the real stack: sub-plans, fan-outs, repeats, continue-as-new."""

import pytest
from temporalio.client import Client

from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from tests.in_process import working
from tests.running import Running, ended, plan, start, waits
from tests.waiting import eventually
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab")]

BOSS = "boss@lab.example"


def pair(step: str, name: str, *needs: str, fail: str = "") -> JSONObject:
    """Return a sub-plan step."""
    args: JSONObject = {"name": name, "fail": fail}
    return {"id": step, "plan": "pair@1.0.0", "args": args, "needs": list(needs)}


async def test_calls_say_whose_they_are_to_the_server(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Calls and undos, of sub-plans too, carry tenant and agent, by which queues can be shared."""
    failing: JSONObject = {"name": f"{tag}x", "fail": "refuse"}
    last: JSONObject = {"id": "x", "tool": "lab.put@1", "needs": ["both"], "args": failing}
    handle = await start(lab_client, plan("fair", [pair("both", tag), last]))
    await ended(handle)
    found: dict[str, set[str]] = {}
    for name in ("", "/both", "/undo:both"):
        history = await lab_client.get_workflow_handle(handle.id + name).fetch_history()
        for event in history.events:
            asked = event.activity_task_scheduled_event_attributes
            if asked.activity_type.name.startswith("lab."):
                found.setdefault(name, set()).add(asked.priority.fairness_key)

    assert found == {name: {"lab/tester"} for name in ("", "/both", "/undo:both")}


async def test_sub_plan_is_one_compound_step(lab: Running, lab_client: Client, tag: str) -> None:
    """A sub-plan runs as a child workflow, and its outputs are its step's output."""
    steps: list[JSON] = [
        pair("both", tag),
        {
            "id": "after",
            "tool": "lab.put@1",
            "needs": ["both"],
            "args": {"name": "${steps.both.output.last}x"},
        },
    ]

    handle = await start(lab_client, plan("parent", steps))

    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}1", f"put {tag}2", f"put {tag}2x"]
    child = lab_client.get_workflow_handle(f"{handle.id}/both")
    assert (await child.describe()).status is not None


async def test_nothing_is_handed_down_beyond_ones_own(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """An agent that may only read has nobody write for it, through however many plans."""
    reading = {**plan("parent", [pair("both", tag)]), "agent": "reader@1.0.0"}

    outcome = await ended(await start(lab_client, reading))

    assert (outcome["status"], outcome["code"]) == ("refused", "delegation.exceeds")
    assert lab.effects(tag) == []


async def test_finished_sub_plan_is_undone_with_its_run(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """When a later step fails, a finished sub-plan is undone from the ledger, last step first."""
    steps: list[JSON] = [
        pair("both", tag),
        {
            "id": "after",
            "tool": "lab.put@1",
            "needs": ["both"],
            "args": {"name": f"{tag}x", "fail": "refuse"},
        },
    ]

    outcome = await ended(await start(lab_client, plan("parent", steps)))

    assert (outcome["status"], outcome["residue"]) == ("failed", [])
    assert lab.effects(tag)[2:] == [f"drop {tag}2", f"drop {tag}1"]


async def test_failing_sub_plan_undoes_itself_and_its_siblings_are_undone(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """A sub-plan that fails undoes its part; the parent undoes the rest."""
    steps: list[JSON] = [
        {"id": "before", "tool": "lab.put@1", "args": {"name": f"{tag}0"}},
        pair("both", tag, "before", fail="refuse"),
    ]

    outcome = await ended(await start(lab_client, plan("parent", steps)))

    assert (outcome["status"], outcome["code"]) == ("failed", "LAB-REFUSED")
    assert lab.effects(tag) == [
        f"put {tag}0",
        f"put {tag}1",
        f"drop {tag}1",
        f"drop {tag}0",
    ]


async def test_gate_in_a_sub_plan_is_answered_at_the_root(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """A child's gate is listed at the top-level run, and a vote there lets the child go on."""
    name = f"guarded{tag}"
    handle = await start(lab_client, plan("parent", [pair("both", name)]))

    wait = (await waits(handle))[0]
    assert wait["step"] == "both/one"
    await handle.signal("approve", {"step": "both/one", "digest": wait["digest"], "by": BOSS})
    second = None
    while second is None or second["step"] != "both/two":
        second = (await waits(handle))[0]
    await handle.signal("approve", {"step": "both/two", "digest": second["digest"], "by": BOSS})

    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(name) == [f"put {name}1", f"put {name}2"]


async def test_children_that_end_at_once_are_heard_one_by_one(
    lab: Running, lab_client: Client, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second child is to be stopped for the first one, and has ended in the same task."""
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    settings = WorkerSettings(task_queue=f"twins-{tag}")
    steps: list[JSON] = [pair("left", f"guarded{tag}l"), pair("right", f"guarded{tag}r")]
    queue = settings.task_queue
    async with working(lab, lab_client, settings):
        handle = await lab_client.start_workflow(
            "ExecutePlan", plan("twins", steps), id=f"twins-{tag}", task_queue=queue
        )

        async def both_wait() -> bool:
            return len(await waits(handle)) == 2

        await eventually(both_wait)
    for step in ("left", "right"):
        await lab_client.get_workflow_handle(f"{handle.id}/{step}").terminate("both at once")
    async with working(lab, lab_client, settings):
        outcome = await ended(handle)

    assert (outcome["status"], outcome["code"], outcome["step"]) == (
        "failed",
        "STEP-UNKNOWN",
        "left",
    )


async def test_cancelled_parent_waits_for_its_child_to_undo(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Cancelling a run cancels its children; all is undone when it ends."""
    name = f"guarded{tag}"
    steps: list[JSON] = [
        {"id": "before", "tool": "lab.put@1", "args": {"name": tag}},
        pair("both", name, "before"),
    ]
    handle = await start(lab_client, plan("parent", steps))
    wait = (await waits(handle))[0]
    await handle.signal("approve", {"step": "both/one", "digest": wait["digest"], "by": BOSS})
    while (await waits(handle))[0]["step"] != "both/two":
        pass

    await handle.cancel()
    await ended(handle)

    assert lab.effects(name) == [f"put {name}1", f"drop {name}1"]
    assert lab.effects(tag) == [f"put {tag}", f"drop {tag}"]


@pytest.mark.parametrize("within", ["PT30S", "PT10M"])
async def test_repeat_goes_on_until_its_condition_or_bound(
    lab: Running, lab_client: Client, tag: str, within: str
) -> None:
    """A repeat that never comes true fails at its bound, and every iteration is undone.

    Ten minutes make it a slow step, which repeats in a child workflow.
    """
    steps: list[JSON] = [
        {
            "id": "again",
            "tool": "lab.put@1",
            "args": {"name": tag},
            "timeout": within,
            "repeat": {"until": "output.status == 'up'", "max_times": 3, "every": "PT0.1S"},
        }
    ]

    outcome = await ended(await start(lab_client, plan("repeats", steps)))

    assert (outcome["status"], outcome["code"]) == ("failed", "STEP-REPEAT-EXHAUSTED")
    assert lab.effects(tag) == [f"put {tag}"] * 3 + [f"drop {tag}"] * 3


async def test_slow_items_are_each_called(lab: Running, lab_client: Client, tag: str) -> None:
    """Each item of a slow step has a child of its own, and its own effect."""
    steps: list[JSON] = [
        {
            "id": "each",
            "for_each": {"items": [f"{tag}a", f"{tag}b"], "as": "name", "max_parallel": 1},
            "tool": "lab.put@1",
            "args": {"name": "${name}"},
            "timeout": "PT10M",
        }
    ]

    outcome = await ended(await start(lab_client, plan("slow-items", steps)))

    assert outcome["status"] == "completed", outcome
    assert lab.effects(tag) == [f"put {tag}a", f"put {tag}b"]


async def test_any_uses_what_comes_first(lab: Running, lab_client: Client, tag: str) -> None:
    """With `join: any` a failing branch does not fail the run."""
    steps: list[JSON] = [
        {"id": "good", "tool": "lab.put@1", "args": {"name": f"{tag}good"}},
        {"id": "bad", "tool": "lab.put@1", "args": {"name": f"{tag}bad", "fail": "refuse"}},
        {
            "id": "after",
            "tool": "lab.put@1",
            "needs": ["good", "bad"],
            "join": "any",
            "args": {"name": f"{tag}after"},
        },
    ]

    outcome = await ended(await start(lab_client, plan("any", steps)))

    assert outcome["status"] == "completed", outcome
    assert sorted(lab.effects(tag)) == [f"put {tag}after", f"put {tag}good"]


@pytest.mark.timeout(300)
async def test_long_fan_out_runs_in_children_and_is_undone(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """A fan-out beyond the inline bound runs in children; a later failure undoes every item."""
    steps: list[JSON] = [
        {"id": "look", "tool": "lab.look@1", "args": {"count": 230}},
        {
            "id": "each",
            "tool": "lab.put@1",
            "needs": ["look"],
            "args": {"name": f"{tag}-${{n}}"},
            "for_each": {"items": "${steps.look.output.items}", "as": "n", "max_parallel": 50},
        },
        {
            "id": "after",
            "tool": "lab.put@1",
            "needs": ["each"],
            "args": {"name": f"{tag}x", "fail": "refuse"},
        },
    ]

    outcome = await ended(await start(lab_client, plan("fan", steps)), 280)

    assert (outcome["status"], outcome["undone"], outcome["residue"]) == ("failed", 230, [])
    effects = lab.effects(tag)
    assert len(effects) == 460
    assert len(set(effects)) == 460
