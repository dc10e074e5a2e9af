"""Plans on the real stack: from a start to a finished, undone or refused run."""

import pytest
from temporalio.client import Client

from remit.canonical import JSON, JSONObject
from tests.running import Running, ended, plan, put, start, waits

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab")]


async def test_steps_run_in_order_of_their_needs(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """A finished plan has done each step once, needs first."""
    steps: list[JSON] = [put("c", f"{tag}c", "b"), put("b", f"{tag}b", "a"), put("a", f"{tag}a")]

    outcome = await ended(await start(lab_client, plan("order", steps)))

    assert outcome["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}a", f"put {tag}b", f"put {tag}c"]


async def test_false_when_skips_and_satisfies(lab: Running, lab_client: Client, tag: str) -> None:
    """A step whose `when` is false is skipped, and what needs it goes on."""
    steps: list[JSON] = [
        put("a", f"{tag}a", when="inputs.wanted"),
        put("b", f"{tag}b", "a"),
    ]

    outcome = await ended(await start(lab_client, plan("skips", steps, inputs={"wanted": False})))

    assert outcome["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}b"]


async def test_false_require_calls_nothing_and_undoes(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """A false precondition stops before the call, names itself, and the run is undone."""
    steps: list[JSON] = [
        put("a", f"{tag}a"),
        put("b", f"{tag}b", "a", require=["steps.a.output.status == 'up'"]),
    ]

    outcome = await ended(await start(lab_client, plan("requires", steps)))

    assert (outcome["status"], outcome["code"], outcome["step"]) == ("failed", "REQUIRE-FALSE", "b")
    assert "steps.a.output.status == 'up'" in str(outcome["reason"])
    assert lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]


async def test_failure_undoes_in_reverse_order(lab: Running, lab_client: Client, tag: str) -> None:
    """When the fourth step fails, the three before it are undone, last first."""
    refusing: JSONObject = {"args": {"name": f"{tag}d", "fail": "refuse"}}
    steps: list[JSON] = [
        put("a", f"{tag}a"),
        put("b", f"{tag}b", "a"),
        put("c", f"{tag}c", "b"),
        put("d", f"{tag}d", "c", **refusing),
    ]

    outcome = await ended(await start(lab_client, plan("fails", steps)))

    assert (outcome["status"], outcome["code"], outcome["undone"]) == ("failed", "LAB-REFUSED", 3)
    assert lab.effects(tag)[3:] == [f"drop {tag}c", f"drop {tag}b", f"drop {tag}a"]


async def test_false_ensure_is_a_failure_with_effect(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """A step that happened, but not as promised, is itself undone."""
    steps: list[JSON] = [
        put(
            "a",
            f"{tag}a",
            args={"name": f"{tag}a", "fail": "lie"},
            ensure=["output.status == 'down'"],
        )
    ]

    outcome = await ended(await start(lab_client, plan("ensures", steps)))

    assert (outcome["status"], outcome["code"]) == ("failed", "ENSURE-FALSE")
    assert lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]


async def test_lost_answer_takes_effect_once(lab: Running, lab_client: Client, tag: str) -> None:
    """A tool that took effect and lost its answer is asked again under the same key."""
    steps: list[JSON] = [
        put(
            "a",
            f"{tag}a",
            args={"name": f"{tag}a", "fail": "after"},
            retry={"max_attempts": 2, "initial": "PT0.1S"},
        )
    ]
    handle = await start(lab_client, plan("loses", steps))

    pending = await waits(handle)

    assert [wait["kind"] for wait in pending] == ["doubt"]
    assert lab.effects(tag) == [f"put {tag}a"]
    answer = {
        "step": "a",
        "happened": True,
        "evidence": {"seen": "in the journal"},
        "by": "boss@lab.example",
    }
    assert await handle.execute_update("resolve_doubt", answer)
    outcome = await ended(handle)
    assert outcome["status"] == "completed"


async def test_policy_denial_refuses_and_undoes(lab: Running, lab_client: Client, tag: str) -> None:
    """A denied step is not called, is not retried, and what was done is undone."""
    steps: list[JSON] = [put("a", f"{tag}a"), put("b", f"forbidden{tag}", "a")]
    handle = await start(lab_client, plan("denied", steps))

    outcome = await ended(handle)

    assert (outcome["status"], outcome["code"]) == ("refused", "lab.forbidden")
    assert lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]
    assert lab.effects(f"forbidden{tag}") == []


async def test_denied_step_takes_its_fallback(lab: Running, lab_client: Client, tag: str) -> None:
    """A declared fallback stands in for a denied step, and its output for the original's."""
    steps: list[JSON] = [
        put("a", f"forbidden{tag}", on_denied="plan_b"),
        put("plan_b", f"{tag}b"),
        put("c", f"{tag}c", "a", args={"name": f"{tag}-${{steps.a.output.name}}"}),
    ]

    outcome = await ended(await start(lab_client, plan("falls-back", steps)))

    assert outcome["status"] == "completed", outcome
    assert lab.effects(tag) == [f"put {tag}b", f"put {tag}-{tag}b"]


async def test_for_each_runs_every_item(lab: Running, lab_client: Client, tag: str) -> None:
    """A `for_each` calls its tool once per item, in items known from inputs or from outputs."""
    steps: list[JSON] = [
        {"id": "look", "tool": "lab.look@1", "args": {"count": 3}},
        put(
            "each",
            "",
            args={"name": f"{tag}${{number}}"},
            needs=["look"],
            for_each={"items": "${steps.look.output.items}", "as": "number", "max_parallel": 2},
        ),
    ]

    outcome = await ended(await start(lab_client, plan("each", steps)))

    assert outcome["status"] == "completed", outcome
    assert sorted(lab.effects(tag)) == [f"put {tag}{item}" for item in range(3)]
