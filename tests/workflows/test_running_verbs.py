"""What people may say at a gate besides yes and no, on the real stack."""

import asyncio
import uuid

import pytest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from remit.canonical import JSON, JSONObject
from tests.running import Running, ended, plan, start, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too")]

BOSS, SECOND, CLERK = "boss@lab.example", "second@lab.example", "clerk@lab.example"


async def gated(client: Client, *names: str, **more: JSON) -> tuple[WorkflowHandle, JSONObject]:
    """Start a plan with a step for each name, all guarded; return it and the first gate's wait."""
    steps: list[JSON] = [
        {"id": f"s{n}", "tool": "lab.put@1", "args": {"name": name}, **more}
        for n, name in enumerate(names)
    ]
    handle = await start(client, plan("verbs", steps))

    async def all_wait() -> bool:
        return len(await handle.query("pending")) == len(names)

    await eventually(all_wait)
    return handle, (await waits(handle))[0]


async def say(handle: WorkflowHandle, verb: str, wait: JSONObject, by: str, **more: JSON) -> str:
    """Send a message about a gate as an update; return its answer, or the code that refuses it."""
    body: JSONObject = {"step": wait["step"], "digest": wait["digest"], "by": by, **more}
    try:
        answer: str = await handle.execute_update(verb, body)
    except WorkflowUpdateFailedError as error:
        return str(getattr(error.cause, "type", ""))
    return answer


async def other_wait(handle: WorkflowHandle, known: JSONObject) -> JSONObject:
    """Return the first wait that is not the known one."""

    async def changed() -> bool:
        return any(one["id"] != known["id"] for one in await handle.query("pending"))

    await eventually(changed)
    found: JSONObject = next(one for one in await waits(handle) if one["id"] != known["id"])
    return found


async def test_an_edit_is_decided_again_and_voids_what_was_voted(
    lab: Running, lab_client: Client, name: str
) -> None:
    """Bad edits change nothing; a good one opens a gate of its own, with both forms on its card."""
    name = name.removeprefix("guarded")
    handle, wait = await gated(lab_client, name, approval={"role": "keeper_of_names", "quorum": 2})
    new = f"{name}edited"
    assert await say(handle, "approve", wait, SECOND) == "approve: s0"
    assert await say(handle, "edit", wait, BOSS, args={"nome": new}) == "VOTE-EDIT-INVALID"
    assert await say(handle, "edit", wait, BOSS, args={"name": name}) == "VOTE-EDIT-SAME"
    assert await say(handle, "edit", wait, CLERK, args={"name": new}) == "vote.role_missing"
    assert await say(handle, "edit", wait, BOSS, args={"name": new}, comment="typo") == "edit: s0"

    again = await other_wait(handle, wait)

    card = again["gate"]
    assert isinstance(card, dict)
    assert (card["edited_by"], card["proposal"]) == (BOSS, {"name": name})
    assert card["arguments"] == {"name": new}
    assert await say(handle, "approve", wait, BOSS) == "VOTE-DIGEST"
    assert await say(handle, "approve", again, BOSS) == "approve: s0"
    assert await say(handle, "approve", again, BOSS) == "VOTE-REPEATED"
    assert await say(handle, "approve", again, SECOND) == "approve: s0"
    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(name) == [f"put {new}"]


async def test_a_forbidden_edit_is_denied_like_any_call(
    lab: Running, lab_client: Client, name: str
) -> None:
    """The edited call is judged as if the plan had said so."""
    handle, wait = await gated(lab_client, name)

    await say(handle, "edit", wait, BOSS, args={"name": f"forbidden-{name}"})

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("refused", "lab.forbidden")
    assert lab.effects(name) == []


async def test_a_call_that_somebody_made_by_hand(
    lab: Running, lab_client: Client, name: str
) -> None:
    """The tool is not called; what the person says it answered is held to the tool's schema."""
    handle, wait = await gated(lab_client, name)
    right: JSONObject = {"status": "down", "name": name}
    assert await say(handle, "take_over", wait, BOSS, output={"x": 1}) == "VOTE-OUTPUT-INVALID"

    assert await say(handle, "take_over", wait, BOSS, output=right) == "take_over: s0"

    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(name) == []
    description = await handle.describe()
    (intent,) = lab.records(str(description.run_id), "intent")
    assert intent["tool"] == "lab.put@1"


async def test_changes_are_asked_for_and_made(lab: Running, lab_client: Client, name: str) -> None:
    """The step waits for its planner; an amendment replaces it and is asked about anew."""
    handle, wait = await gated(lab_client, name)
    said = await say(handle, "request_changes", wait, BOSS, comment="another name, please")
    assert said == "request_changes: s0"

    (sent_back,) = [one for one in await waits(handle) if one["kind"] == "changes"]
    assert "another name, please" in str(sent_back["reason"])
    assert await say(handle, "approve", wait, BOSS) == "VOTE-LATE"
    new: JSONObject = {"id": "s0", "tool": "lab.put@1", "args": {"name": f"{name}new"}}
    order: JSONObject = {"steps": [new], "by": BOSS, "reason": "as asked"}
    await handle.execute_update("amend", order)

    again = await other_wait(handle, wait)
    assert again["kind"] == "gate"
    await say(handle, "approve", again, BOSS)
    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(name) == [f"put {name}new"]


async def test_a_claim_and_a_vote_in_somebodys_place(
    lab: Running, lab_client: Client, name: str
) -> None:
    """A claim keeps others away; a clerk may vote only with the vote of somebody who may."""
    handle, wait = await gated(lab_client, name)
    assert await say(handle, "claim", wait, SECOND) == "claim: s0"
    assert await say(handle, "approve", wait, BOSS) == "VOTE-CLAIMED"
    assert await say(handle, "release", wait, SECOND) == "release: s0"
    assert await say(handle, "approve", wait, CLERK) == "vote.role_missing"
    assert await say(handle, "delegate", wait, BOSS, to="asker@lab.example") == "vote.delegate"
    assert await say(handle, "delegate", wait, BOSS, to=CLERK) == "delegate: s0"
    assert await say(handle, "approve", wait, BOSS) == "VOTE-DELEGATED"

    assert await say(handle, "approve", wait, CLERK) == "approve: s0"

    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(name) == [f"put {name}"]


async def test_equal_requests_are_answered_at_once(
    lab: Running, lab_client: Client, name: str
) -> None:
    """One approval for three calls of the same request; with another one among them none counts."""
    handle, _ = await gated(lab_client, name, name, name, f"{name}other")
    cards = {one["step"]: one["gate"] for one in await handle.query("pending")}
    request = cards["s0"]["request_digest"]
    body: JSONObject = {"steps": ["s0", "s1", "s2", "s3"], "digest": request, "by": BOSS}

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("approve", body)
    assert getattr(refused.value.cause, "type", "") == "VOTE-DIGEST"
    assert len(await waits(handle)) == 4
    answer: str = await handle.execute_update("approve", {**body, "steps": ["s0", "s1", "s2"]})
    assert answer == "approve: s0, s1, s2"

    (left,) = await waits(handle)
    assert left["step"] == "s3"
    await say(handle, "reject", left, BOSS)
    assert (await ended(handle))["status"] == "rejected"
    assert len([one for one in lab.effects(name) if one == f"put {name}"]) == 3


async def test_a_gate_asks_further_and_silence_refuses(lab: Running, lab_client: Client) -> None:
    """At its moment the second role is asked too, visible from outside; then silence refuses."""
    hasty = f"hasty{uuid.uuid4().hex[:8]}"
    handle, wait = await gated(lab_client, hasty)
    assert wait["role"] == "keeper_of_names"
    assert await say(handle, "approve", wait, "member@lab.example") == "vote.role_missing"

    async def asks_the_committee() -> bool:
        described = await handle.describe()
        return described.search_attributes.get("RemitAwaits") == ["committee"]

    await eventually(asks_the_committee)
    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("expired", "GATE-EXPIRED")
    assert lab.effects(hasty) == []


async def test_the_later_role_may_answer(lab: Running, lab_client: Client) -> None:
    """Whoever is asked later may say yes from then on."""
    hasty = f"hasty{uuid.uuid4().hex[:8]}"
    handle, wait = await gated(lab_client, hasty)

    async def answered() -> bool:
        return await say(handle, "approve", wait, "member@lab.example") == "approve: s0"

    await asyncio.wait_for(eventually(answered), 10)

    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(hasty) == [f"put {hasty}"]
