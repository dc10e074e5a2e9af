"""Amending a run at work: what has begun stays, what has not becomes what was proposed."""

import pytest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from remit.plan import compiler
from remit.plan.compiled import Limits
from tests.faults.test_processes_die import reset
from tests.in_process import working
from tests.running import Running, ended, plan, put, start, waits
from tests.waiting import eventually
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(120)]

BOSS = "boss@lab.example"
CLERK = "clerk@lab.example"
GATE: JSONObject = {"role": "operator", "expires": "PT1H"}


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


async def test_an_amended_run_that_fails_undoes_old_and_new_in_reverse(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Steps done before the amendment and after it are undone together, last first."""
    handle = await start(lab_client, waiting(tag))
    await waits(handle)
    bad = put("e", f"{tag}e", "c") | {"args": {"name": f"{tag}e", "fail": "refuse"}}

    await handle.execute_update("amend", proposal(put("c", f"{tag}new", "b"), bad, drop=["d"]))
    await approve(handle)

    outcome = await ended(handle)
    assert (outcome["status"], outcome["step"], outcome["undone"]) == ("failed", "e", 3)
    names = [f"{tag}a", f"{tag}b", f"{tag}new"]
    assert lab.effects(tag) == [f"put {n}" for n in names] + [f"drop {n}" for n in names[::-1]]


async def test_an_amendment_can_be_amended(lab: Running, lab_client: Client, tag: str) -> None:
    """Each takes the place of the one before; a dropped step may come back, and happens once."""
    handle = await start(lab_client, waiting(tag))
    await waits(handle)

    await handle.execute_update("amend", proposal(put("c", f"{tag}2", "b"), drop=["d"]))
    await handle.execute_update("amend", proposal(put("c", f"{tag}3", "b"), put("d", f"{tag}D")))

    assert (await handle.query("plan"))["amendments"] == 2
    await approve(handle)
    assert (await ended(handle))["status"] == "completed"
    assert sorted(lab.effects(tag)) == sorted(f"put {tag}{n}" for n in ("a", "b", "3", "D"))


async def test_a_dry_amendment_changes_nothing(lab: Running, lab_client: Client, tag: str) -> None:
    """It is judged in full, and told what it would do."""
    handle = await start(lab_client, waiting(tag))
    await waits(handle)
    before = await handle.query("plan")

    told = await handle.execute_update("amend", proposal(put("e", f"{tag}e"), dry=True))

    assert told == "amend: nothing changed; would: add e"
    assert await handle.query("plan") == before
    assert (await refusal(handle, proposal(put("a", "x"), dry=True)))[0] == "AMEND-BEGUN"
    await approve(handle)
    assert (await ended(handle))["status"] == "completed"
    assert f"put {tag}e" not in lab.effects(tag)


async def test_whoever_a_run_acts_for_may_not_amend_it(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """It may stop the run, and not make it do something else."""
    handle = await start(lab_client, waiting(tag) | {"on_behalf_of": CLERK})
    await waits(handle)

    code, _ = await refusal(handle, proposal(put("e", f"{tag}e")) | {"by": CLERK})
    await handle.execute_update("rollback", {"by": CLERK, "reason": "then not at all"})

    assert code == "order.role_missing"
    assert (await ended(handle))["status"] == "rolled_back"


async def test_calls_under_way_and_sub_plans_go_on_under_the_plan_they_began_with(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Calls that wait their turn and a child at work end as they would have; new steps follow."""
    each: JSONObject = {"items": "${inputs.all}", "as": "n", "max_parallel": 20}
    paced: JSONObject = {"id": "paced", "tool": "lab.paced@1", "args": {"name": "${n}"}}
    steps: list[JSON] = [
        {"id": "pair", "plan": "slow-pair@1.0.0", "args": {"name": f"{tag}pair", "fail": ""}},
        paced | {"for_each": each},
        put("last", f"{tag}last", "pair", "paced"),
    ]
    items: list[JSON] = [f"n{number}" for number in range(12)]
    handle = await start(lab_client, plan("busy", steps, inputs={"all": items}))
    await eventually(lambda: _has_effects(lab, tag))
    child = lab_client.get_workflow_handle(f"{handle.id}/pair")

    code, _ = await refusal(child, proposal(put("x", f"{tag}x")))
    await handle.execute_update("amend", proposal(put("last", f"{tag}new", "pair", "paced")))

    assert code == "AMEND-AT-ROOT"
    counts = (await handle.query("status"))["counts"]
    assert counts["running"] == 2
    outcome = await ended(handle)
    assert outcome["status"] == "completed", outcome
    assert lab.effects(tag) == [f"put {tag}pair1", f"put {tag}pair2", f"put {tag}new"]


async def _has_effects(lab: Running, tag: str) -> bool:
    return bool(lab.effects(tag))


async def test_a_reset_of_an_amended_run_doubles_nothing(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """The ledger keeps the amended plan in force, whatever Temporal is told to forget."""
    handle = await start(lab_client, waiting(tag))
    await waits(handle)
    await handle.signal("amend", proposal(put("c", f"{tag}new", "b"), drop=["d"]))
    await eventually(lambda: _is_amended(handle))
    await approve(handle)
    assert (await ended(handle))["status"] == "completed"

    again = await reset(lab_client, handle)

    assert (await ended(again))["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}{name}" for name in ("a", "b", "new")]


async def _is_amended(handle: WorkflowHandle) -> bool:
    return bool((await handle.query("plan"))["amendments"])


async def test_an_amendment_stands_across_continue_as_new(
    lab: Running, lab_client: Client, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was continued can be amended, and goes on amended when it continues again."""
    monkeypatch.setattr(compiler, "Limits", lambda: Limits(calls_per_run=3))
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    settings = WorkerSettings(task_queue=f"short-{tag}")
    chain = [put(f"s{n}", f"{tag}{n}", *([f"s{n - 1}"] if n else [])) for n in range(3)]
    behind = [put("b", f"{tag}b", "s2", approval=GATE), put("c", f"{tag}c", "b")]
    async with working(lab, lab_client, settings):
        handle = await lab_client.start_workflow(
            "ExecutePlan",
            plan("short", [*chain, *behind]),
            id=f"short-{tag}",
            task_queue=settings.task_queue,
        )
        latest = lab_client.get_workflow_handle(handle.id)
        await waits(latest)
        assert (await latest.describe()).run_id != handle.first_execution_run_id
        more = [put("c", f"{tag}new", "b"), put("e", f"{tag}e", "c"), put("f", f"{tag}f", "e")]
        await latest.execute_update("amend", proposal(*more))
        amended = (await latest.describe()).run_id
        await approve(latest)
        assert (await ended(handle))["status"] == "completed"

    assert (await latest.describe()).run_id != amended
    names = ("0", "1", "2", "b", "new", "e", "f")
    assert lab.effects(tag) == [f"put {tag}{name}" for name in names]


async def test_a_run_that_is_undone_is_not_amended(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """What waits for repair takes no new steps."""
    bad = put("x", f"{tag}x", "stuck") | {"args": {"name": f"{tag}x", "fail": "refuse"}}
    handle = await start(lab_client, plan("stuck", [put("stuck", f"stuck{tag}"), bad]))
    await waits(handle)

    code, _ = await refusal(handle, proposal(put("e", f"{tag}e")))

    assert code == "RUN-NOT-AT-WORK"
    order: JSONObject = {"step": "stuck", "do": "mark_done", "reason": "by hand", "by": BOSS}
    await handle.execute_update("repair", order)
    assert (await ended(handle))["status"] == "failed"


async def test_a_held_run_takes_an_amendment_and_stays_held(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Hold, amend, resume: nothing begins in between, and then the amended plan is done."""
    handle = await start(lab_client, waiting(tag))
    await waits(handle)
    await handle.execute_update("hold", {"by": BOSS, "reason": "let me think"})

    await handle.execute_update("amend", proposal(put("e", f"{tag}e")))

    assert (await handle.query("status"))["status"] == "held"
    assert lab.effects(tag) == [f"put {tag}a"]
    await handle.execute_update("resume", {"by": BOSS})
    await approve(handle)
    assert (await ended(handle))["status"] == "completed"
    assert f"put {tag}e" in lab.effects(tag)
