"""Amending a run at work: what has begun stays, what has not becomes what was proposed."""

import uuid

import pytest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from remit.canonical import JSON, JSONObject
from tests.running import Running, ended, eventually, plan, start, waits

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(120)]

BOSS = "boss@lab.example"
CLERK = "clerk@lab.example"
GATE: JSONObject = {"role": "operator", "expires": "PT1H"}


@pytest.fixture
def tag() -> str:
    """A prefix of names that no other test uses."""
    return f"a{uuid.uuid4().hex[:8]}"


def put(step: str, name: str, *needs: str, **more: JSON) -> JSONObject:
    """Return a step that puts `name` down."""
    args: JSONObject = {"name": name}
    return {"id": step, "tool": "lab.put@1", "args": args, "needs": [*needs], **more}


def waiting(tag: str) -> JSONObject:
    """Return a plan that does `a`, waits at a gate for `b`, and has `c` and `d` behind it."""
    steps: list[JSON] = [
        put("a", f"{tag}a"),
        put("b", f"{tag}b", "a", approval=GATE),
        put("c", f"{tag}c", "b"),
        put("d", f"{tag}d", "b"),
    ]
    return plan("amended", steps)


def proposal(*steps: JSON, **more: JSON) -> JSONObject:
    """Return a proposal of an operator."""
    return {"steps": [*steps], "by": BOSS, "reason": "the world moved", **more}


async def refusal(handle: WorkflowHandle, said: JSON) -> tuple[str, str]:
    """Return code and reason of an amendment that must be refused."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("amend", said)
    return getattr(refused.value.cause, "type", ""), str(refused.value.cause)


async def approve(handle: WorkflowHandle, step: str = "b") -> None:
    """Approve the gate that a step waits at."""
    wait = next(one for one in await waits(handle) if str(one["step"]).startswith(step))
    vote: JSONObject = {"step": wait["step"], "digest": wait["digest"], "by": BOSS}
    await handle.execute_update("approve", vote)


async def test_a_waiting_run_takes_new_steps_and_replaced_ones(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Added, replaced and dropped in one: done steps stay, each other one happens once."""
    handle = await start(lab_client, waiting(tag))
    await waits(handle)
    before = await handle.query("plan")

    told = await handle.execute_update(
        "amend", proposal(put("c", f"{tag}new", "b"), put("e", f"{tag}e", "c"), drop=["d"])
    )

    assert told == "amend: add e; replace c; drop d"
    after = await handle.query("plan")
    assert [step["id"] for step in after["steps"]] == ["a", "b", "c", "e"]
    assert (before["amendments"], after["amendments"]) == (0, 1)
    assert after["compiled"] != before["compiled"]
    assert after["plan_digest"] != before["plan_digest"]
    memo = await (await handle.describe()).memo()
    assert memo["RemitAmended"]["compiled"] == after["compiled"]
    await approve(handle)
    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}{name}" for name in ("a", "b", "new", "e")]
    keys = {name: key for name, key, _ in lab.journal() if name.startswith(tag)}
    assert keys[f"{tag}new"].endswith(":c@1:do")


async def test_both_plans_and_the_difference_are_recorded(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """The chain tells who changed what, why, under which decision, and from what to what."""
    handle = await start(lab_client, waiting(tag))
    await waits(handle)
    before = await handle.query("plan")
    await handle.execute_update("amend", proposal(put("c", f"{tag}new", "b"), drop=["d"]))
    after = await handle.query("plan")
    await handle.execute_update("rollback", {"by": BOSS, "reason": "enough"})
    await ended(handle)

    root = handle.first_execution_run_id or ""
    order = next(one for one in lab.records(root, "order") if one["order"] == "amend")
    told = next(one for one in lab.records(root, "decision") if one.get("about") == "amendment")
    (moved,) = lab.records(root, "amendment")

    assert (order["by"], order["reason"]) == (BOSS, "the world moved")
    assert told["base"] == {"plan": before["plan_digest"], "compiled": before["compiled"]}
    assert (told["plan"], told["compiled"]) == (after["plan_digest"], after["compiled"])
    assert told["difference"] == {"added": [], "replaced": ["c"], "dropped": ["d"]}
    assert told["decision"]["effect"] == "allow"
    assert moved["generations"] == {"c": 1, "d": 1}


async def test_a_step_that_waits_at_its_gate_can_be_replaced(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Its gate is closed; the new generation opens one of its own, which the old vote misses."""
    handle = await start(lab_client, waiting(tag))
    old = (await waits(handle))[0]

    await handle.execute_update("amend", proposal(put("b", f"{tag}B", "a", approval=GATE)))

    async def renewed() -> bool:
        pending = await handle.query("pending")
        return [one["step"] for one in pending] == ["b@1"]

    await eventually(renewed)
    vote = {"step": old["step"], "digest": old["digest"], "by": BOSS}
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("approve", vote)
    await approve(handle)
    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(tag)[:2] == [f"put {tag}a", f"put {tag}B"]
    assert f"put {tag}b" not in lab.effects(tag)


LEAVE: JSONObject = {"id": "e", "tool": "lab.leave@1", "args": {"name": "x"}}
BAD: list[tuple[str, JSON]] = [
    ("AMEND-SHAPE", "sooner"),
    ("AMEND-SHAPE", {"steps": [], "by": BOSS}),
    ("AMEND-SHAPE", {"steps": {}, "by": BOSS, "reason": "x", "sudo": True}),
    ("AMEND-NOTHING", proposal()),
    ("AMEND-UNKNOWN", proposal(drop=["z"])),
    ("AMEND-BEGUN", proposal(put("a", "other"))),
    ("AMEND-BEGUN", proposal(drop=["a"])),
    ("AMEND-STALE", proposal(put("c", "x", "b"), digest="sha256:" + "0" * 64)),
    ("AMEND-TWICE", proposal(put("c", "x", "b"), drop=["c"])),
    ("PLAN-UNKNOWN-TOOL", proposal({"id": "e", "tool": "lab.nothing@1"})),
    ("PLAN-UNKNOWN-STEP", proposal(put("e", "x", "z"))),
    ("PLAN-UNKNOWN-STEP", proposal(drop=["b"])),
    ("PLAN-CYCLE", proposal(put("c", "x", "d"), put("d", "x", "c"))),
    ("PLAN-NO-COMPENSATION", proposal(LEAVE)),
    ("plan.forbidden_tool", proposal(LEAVE | {"irreversible": True})),
    ("order.role_missing", proposal(put("e", "x")) | {"by": CLERK}),
    ("order.unknown_person", proposal(put("e", "x")) | {"by": "stranger"}),
]


async def test_what_is_wrong_is_refused_and_leaves_the_run_as_it_was(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Each with its code, all of them recorded; the run then goes on as it was admitted."""
    document = waiting(tag) | {"constraints": {"max_steps": 5}}
    handle = await start(lab_client, document)
    await waits(handle)
    before = await handle.query("plan")
    many = [put(f"x{number}", "x") for number in range(3)]
    huge = proposal(put("e", "x" * 300_000))

    cases = [*BAD, ("PLAN-MAX-STEPS", proposal(*many)), ("AMEND-SHAPE", huge)]
    told = [await refusal(handle, said) for _, said in cases]

    assert [code for code, _ in told] == [code for code, _ in cases]
    assert "larger than" in told[-1][1]
    assert await handle.query("plan") == before
    await approve(handle)
    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(tag)[:2] == [f"put {tag}a", f"put {tag}b"]
    assert sorted(lab.effects(tag)[2:]) == [f"put {tag}c", f"put {tag}d"]
    root = handle.first_execution_run_id or ""
    decisions = [one for one in lab.records(root, "decision") if one.get("about") == "amendment"]
    orders = [one for one in lab.records(root, "order") if one["decision"]["effect"] == "deny"]
    assert len(decisions) + len(orders) == len(cases)
    assert lab.records(root, "amendment") == []
