"""Gates on the real stack: who may say yes, to what, and what a run does meanwhile."""

import uuid

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError

from remit.canonical import JSON, JSONObject
from tests.running import Running, ended, guarded, plan, start, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too")]

BOSS = "boss@lab.example"


async def test_signal_approves_and_the_step_runs_once(
    lab: Running, lab_client: Client, name: str
) -> None:
    """An approval that names the digest lets exactly this call through."""
    handle, wait = await guarded(lab_client, name)
    assert lab.effects(name) == []

    await handle.signal("approve", {"step": "step", "digest": wait["digest"], "by": BOSS})

    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(name) == [f"put {name}"]


async def test_each_step_waits_in_the_queue_of_its_subject(
    lab: Running, lab_client: Client
) -> None:
    """Two queues are asked at once and found by either; only its own people answer a question."""
    tag = uuid.uuid4().hex[:8]
    names = {one: f"routed-{one}-{tag}" for one in ("credit", "security")}
    steps: list[JSON] = [
        {"id": step, "tool": "lab.put@1", "args": {"name": name}} for step, name in names.items()
    ]
    handle = await start(lab_client, plan("routed", steps))

    async def is_found(role: str) -> bool:
        query = f'RemitAwaits = "{role}" AND WorkflowId = "{handle.id}"'
        return [one.id async for one in lab_client.list_workflows(query)] == [handle.id]

    for role in ("credit_desk", "security_desk"):
        await eventually(lambda role=role: is_found(role))
    asked = {str(wait["step"]): str(wait["digest"]) for wait in await waits(handle)}
    vote = {"step": "security", "digest": asked["security"], "by": "credit@lab.example"}
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("approve", vote)
    assert "vote.role_missing" in str(refused.value.cause)
    for step, by in (("credit", "credit@lab.example"), ("security", "guard@lab.example")):
        vote = {"step": step, "digest": asked[step], "by": by}
        await handle.execute_update("approve", vote)
    assert (await ended(handle))["status"] == "completed"
    assert sorted(lab.effects(f"routed-credit-{tag}")) == [f"put {names['credit']}"]


async def test_waiting_run_is_found_by_role_and_tells_the_command(
    lab_client: Client, name: str
) -> None:
    """Search attributes and memo say who is waited for, with no worker needed."""
    handle, wait = await guarded(lab_client, name)

    described = await handle.describe()

    assert described.search_attributes["RemitAwaits"] == ["keeper_of_names"]
    assert described.search_attributes["RemitStatus"] == ["awaiting_approval"]
    memo = await described.memo()
    assert memo["RemitWaits"]["step"]["command"] == wait["command"]
    assert str(wait["digest"]) in str(wait["command"])
    await handle.signal("reject", {"step": "step", "by": BOSS})
    assert (await ended(handle))["status"] == "rejected"


async def test_rejection_undoes(lab: Running, lab_client: Client, name: str) -> None:
    """A no ends the run as rejected and undoes what was done."""
    handle, wait = await guarded(lab_client, name)

    answer = {"step": "step", "digest": wait["digest"], "by": BOSS, "comment": "too dear"}
    await handle.execute_update("reject", answer)

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("rejected", "GATE-REJECTED")
    assert "too dear" in str(outcome["reason"])
    assert lab.effects(f"free{name}") == [f"put free{name}", f"drop free{name}"]
    assert lab.effects(name) == []


@pytest.mark.parametrize(
    ("vote", "code"),
    [
        ({"by": BOSS}, "VOTE-NO-DIGEST"),
        ({"by": BOSS, "digest": "sha256:" + "0" * 64}, "VOTE-DIGEST"),
        ({"by": "clerk@lab.example"}, "vote.role_missing"),
        ({"by": "stranger@lab.example"}, "vote.unknown_person"),
        ({"by": "asker@lab.example"}, "vote.self_approval"),
        ({}, "VOTE-MALFORMED"),
    ],
)
async def test_bad_votes_are_refused_with_their_reason(
    lab: Running, lab_client: Client, name: str, vote: JSONObject, code: str
) -> None:
    """A vote that may not count leaves the gate as it was, and its update says why."""
    handle, wait = await guarded(lab_client, name)
    given = {"step": "step", "digest": wait["digest"], **vote}
    if code == "VOTE-NO-DIGEST":
        del given["digest"]

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("approve", given)

    assert getattr(refused.value.cause, "type", "") == code
    assert (await handle.query("status"))["status"] == "awaiting_approval"
    await handle.cancel()
    await ended(handle)
    assert lab.effects(name) == []


async def test_malformed_signals_change_nothing(lab_client: Client, name: str) -> None:
    """Whatever is sent as a signal, the run goes on waiting and lists it as refused."""
    handle, wait = await guarded(lab_client, name)

    await handle.signal("approve", "yes")
    await handle.signal("approve", args=[1, 2])
    await handle.signal("approve")
    await handle.signal("aprove", {"step": "step"})

    async def listed() -> bool:
        metadata = str(await handle.query("__temporal_workflow_metadata"))
        return metadata.count("refused: VOTE-MALFORMED") == 3 and "MESSAGE-UNKNOWN" in metadata

    await eventually(listed)
    await handle.signal("approve", {"step": "step", "digest": wait["digest"], "by": BOSS})
    assert (await ended(handle))["status"] == "completed"


async def test_plan_can_add_a_gate(lab: Running, lab_client: Client, name: str) -> None:
    """A gate that the plan asks for is kept, with the plan's role."""
    free = name.removeprefix("guarded")
    handle, wait = await guarded(
        lab_client, free, approval={"role": "operator", "expires": "PT1H", "message": "look first"}
    )

    assert wait["role"] == "operator"
    await handle.signal("approve", {"step": "step", "digest": wait["digest"], "by": BOSS})
    assert (await ended(handle))["status"] == "completed"


async def test_silence_refuses(lab: Running, lab_client: Client, name: str) -> None:
    """A gate that nobody answers expires, and the run is undone."""
    free = name.removeprefix("guarded")
    handle, _ = await guarded(lab_client, free, approval={"role": "operator", "expires": "PT1S"})

    outcome = await ended(handle)

    assert (outcome["status"], outcome["code"]) == ("expired", "GATE-EXPIRED")
    assert lab.effects(f"free{free}") == [f"put free{free}", f"drop free{free}"]


async def test_irreversible_step_always_gates(lab: Running, lab_client: Client, name: str) -> None:
    """What cannot be undone waits for a person, whatever the plan says."""
    name = name.removeprefix("guarded")
    steps: list[JSON] = [{"id": "burn", "tool": "lab.burn@1", "args": {"name": name}}]
    handle = await start(lab_client, plan("burns", steps))

    wait = (await waits(handle))[0]

    assert lab.effects(name) == []
    await handle.signal("approve", {"step": "burn", "digest": wait["digest"], "by": BOSS})
    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(name) == [f"burn {name}"]
