"""Messages to people on the real stack: a gate opens, and somebody knows."""

import asyncio
import time
import uuid
from collections.abc import Iterator

import pytest
from temporalio.client import Client

from remit.canonical import JSON
from tests.receiving import Receiver, receiving
from tests.running import Running, ended, plan, put, start, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab")]

BOSS = "boss@lab.example"


@pytest.fixture
def told(lab: Running) -> Iterator[Receiver]:
    """Who is told everything that the lab's people are."""
    file = lab.project / "remit.toml"
    before = file.read_text()
    with receiving() as receiver:
        (lab.project / "told.url").write_text(receiver.address)
        tables = '\n[notify]\ndefault = ["told"]\n[notify.channels]\ntold = "file:told.url"\n'
        file.write_text(before + tables)
        yield receiver
        file.write_text(before)


async def about(told: Receiver, handle_id: str, title: str, within_s: float = 30) -> str:
    """Wait for the one message about a run with this title, and return it."""

    def found() -> list[str]:
        return [
            str(one["message"])
            for one in told.about(handle_id)
            if str(one["title"]).startswith(f"Remit: {title}")
        ]

    async def came() -> bool:
        return bool(found())

    await eventually(came, within_s)
    (message,) = found()
    return message


async def test_a_gate_is_told_within_three_seconds_and_once(
    lab: Running, lab_client: Client, told: Receiver
) -> None:
    """With digest and link, without any value; a keeper that starts again repeats nothing."""
    name = f"guarded{uuid.uuid4().hex[:8]}"
    first = await start(lab_client, plan("told", [put("step", f"{name}0")]))
    await waits(first)
    await about(told, first.id, "approval wanted")
    # The settings are read by now. The lab's keeper looks every second.
    handle = await start(lab_client, plan("told", [put("step", name)]))
    (wait,) = await waits(handle)
    asked_at = time.monotonic()
    message = await about(told, handle.id, "approval wanted", 20)
    assert time.monotonic() - asked_at < 3
    for line in ("step: step", "role: keeper_of_names", f"digest: {wait['digest']}", "temporal: "):
        assert line in message

    await asyncio.to_thread(lab.restart, "keeper")
    vote = {"step": "step", "digest": wait["digest"], "by": BOSS, "comment": f"because {name}"}
    await handle.execute_update("approve", vote)
    assert (await ended(handle))["status"] == "completed"
    await first.execute_update("reject", {"step": "step", "by": BOSS, "comment": name})
    await about(told, handle.id, "gate granted")
    await about(told, first.id, "gate rejected")

    assert len(told.about(handle.id)) == 2
    assert name.encode() not in b"".join(told.raw)


async def test_a_step_of_autonomy_notify_and_a_failed_undo_are_told(
    lab_client: Client, told: Receiver
) -> None:
    """The plan's author wants people to know; an undo that fails needs one."""
    tag = uuid.uuid4().hex[:8]
    failing: JSON = {"name": f"x{tag}", "fail": "refuse"}
    steps: list[JSON] = [
        put("a", f"stuck{tag}", autonomy="notify"),
        {"id": "b", "tool": "lab.put@1", "needs": ["a"], "args": failing},
    ]
    handle = await start(lab_client, plan("told", steps))

    noted = await about(told, handle.id, "a call begins that you are told of")
    broken = await about(told, handle.id, "an undo failed and needs repair")

    assert "step: a" in noted
    assert "step: a" in broken
    assert tag.encode() not in b"".join(told.raw)
    order = {"step": "a", "do": "hand_over", "by": BOSS, "reason": "taken up by hand"}
    await handle.execute_update("repair", order)
    await ended(handle)
