"""Submitting, following and ending on the real stack, with and without a worker."""

import asyncio
import uuid
from itertools import pairwise

import pytest
from temporalio.client import Client

from remit.canonical import JSON, JSONObject
from remit.client.connection import connect
from remit.client.errors import ClientError
from remit.client.following import follow
from remit.client.outcome import outcome
from remit.client.snapshot import Snapshot, take_snapshot
from remit.client.submission import Handle, handle_of, submit
from tests.running import Running, burn, plan, waits

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too")]


def put(step: str, name: str, *needs: str, **args: JSON) -> JSONObject:
    """Return a step that puts `name` down."""
    return {"id": step, "tool": "lab.put@1", "args": {"name": name, **args}, "needs": list(needs)}


async def test_a_repeated_start_is_the_same_run(lab: Running, lab_client: Client, tag: str) -> None:
    """However often and from wherever a plan is submitted, it runs once, also when it is over."""
    document = plan("repeated", [put("a", f"{tag}a")])

    handles = await asyncio.gather(*(submit(lab_client, document) for _ in range(5)))
    end = await outcome(handles[0])
    again = await submit(await lab.client(), document)

    assert sum(handle.is_new for handle in handles) == 1
    assert (again.is_new, again.id) == (False, handles[0].id)
    assert (await outcome(again)) == end
    assert end.is_complete
    assert lab.effects(tag) == [f"put {tag}a"]


async def test_following_shows_every_state_and_ends(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """Snapshots differ from one to the next, hold every step, and the last is closed."""
    steps: list[JSON] = [put("a", f"{tag}a"), put("b", f"{tag}b", "a", wait_s=1)]
    handle = await submit(lab_client, plan("followed", steps))

    seen = [snapshot async for snapshot in follow(handle)]

    assert all(before != now for before, now in pairwise(seen))
    assert [snapshot.is_closed for snapshot in seen] == [False] * (len(seen) - 1) + [True]
    assert ("b", "running") in {(step.id, step.state) for shot in seen for step in shot.steps}
    assert [(step.id, step.state) for step in seen[-1].steps] == [("a", "done"), ("b", "done")]
    assert seen[-1].status == "completed"


async def test_a_wait_is_told_with_no_worker_alive(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """With the workers stopped, status, role and the command to type are still there."""
    handle = await submit(lab_client, plan("waiting", [burn("a", f"{tag}a")]))
    await waits(handle.workflow)
    live = await _waiting(handle_of(lab_client, handle.id))
    lab.kill("workers")
    try:
        kept = await take_snapshot(handle)
    finally:
        lab.up()

    (wait,) = kept.waits
    assert (live.is_live, kept.is_live) == (True, False)
    assert (kept.status, wait.step, wait.kind) == ("awaiting_approval", "a", "gate")
    assert wait.command.startswith(f"temporal workflow signal --workflow-id '{handle.id}'")
    assert kept.waits == live.waits
    assert [step.state for step in live.steps] == [f"waits for {wait.role}"]
    await handle.workflow.signal("reject", {"step": "a", "by": "boss@lab.example"})
    assert (await outcome(handle)).status == "rejected"


async def _waiting(handle: Handle) -> Snapshot:
    async for snapshot in follow(handle):
        if snapshot.waits:
            return snapshot
    raise AssertionError("it never waited")


async def test_a_failed_run_tells_what_was_undone(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """The failure's details hold code, step, reason and the number of undone calls."""
    steps: list[JSON] = [put("a", f"{tag}a"), put("b", f"{tag}b", "a", fail="refuse")]

    end = await outcome(await submit(lab_client, plan("failing", steps)))

    assert (end.status, end.code, end.step, end.undone) == ("failed", "LAB-REFUSED", "b", 1)
    assert not end.is_complete


async def test_a_cancelled_run_keeps_its_result(lab: Running, lab_client: Client, tag: str) -> None:
    """Temporal gives a cancelled workflow no result; the memo has it."""
    handle = await submit(lab_client, plan("cancelled", [burn("a", f"{tag}a")]))
    await waits(handle.workflow)
    await handle.workflow.cancel()

    end = await outcome(handle)

    assert (end.status, end.code) == ("cancelled", "RUN-CANCELLED")


async def test_a_terminated_run_says_so(lab: Running, lab_client: Client, tag: str) -> None:
    """A run that was stopped from outside has no result of its own and is not called failed."""
    handle = await submit(lab_client, plan("terminated", [burn("a", f"{tag}a")]))
    await waits(handle.workflow)
    await handle.workflow.terminate("tried")

    end = await outcome(handle)
    last = [snapshot async for snapshot in follow(handle)][-1]

    assert (end.status, end.code) == ("terminated", "RUN-TERMINATED")
    assert (last.status, last.is_closed) == ("terminated", True)


async def test_what_is_no_plan_ends_as_invalid(lab_client: Client) -> None:
    """Anything can be submitted; admission says what is wrong with it."""
    document: JSON = [uuid.uuid4().hex]

    end = await outcome(await submit(lab_client, document))

    assert (end.status, end.code) == ("invalid", "PLAN-SHAPE")


async def test_an_unknown_run_is_coded(lab_client: Client) -> None:
    """Describing, following and ending all say that there is no such run."""
    handle = handle_of(lab_client, f"none-{uuid.uuid4()}")
    for question in (take_snapshot(handle), outcome(handle), anext(follow(handle))):
        with pytest.raises(ClientError) as caught:
            await question

        assert caught.value.diagnostic.code == "RUN-UNKNOWN"


async def test_a_server_that_is_away_is_coded() -> None:
    """Connecting to nothing ends within the deadline and says what to type."""
    with pytest.raises(ClientError) as caught:
        await connect("127.0.0.1:1")

    assert caught.value.diagnostic.code == "TEMPORAL-UNREACHABLE"
    assert "remit up" in caught.value.diagnostic.hint
