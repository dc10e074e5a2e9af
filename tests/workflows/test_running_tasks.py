"""A task for a person as a tool, on the real stack: it waits, it is answered, it is refused."""

import pytest
from temporalio.client import Client

from remit.canonical import JSON
from tests.running import Running, ended, plan, start, waits
from tests.workflows.test_running_verbs import BOSS, CLERK, say

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too")]


async def test_a_task_waits_for_its_answer_and_the_plan_goes_on(
    lab: Running, lab_client: Client, name: str
) -> None:
    """Approving does nothing; what the person writes is held to the schema, and is the output."""
    name = name.removeprefix("guarded")
    right: JSON = {"paper": name}
    steps: list[JSON] = [
        {"id": "s0", "tool": "lab.sign@1", "args": {"name": name}},
        {
            "id": "s1",
            "tool": "lab.put@1",
            "needs": ["s0"],
            "args": {"name": "paper-${steps.s0.output.paper}"},
        },
    ]
    handle = await start(lab_client, plan("task", steps))

    (wait,) = await waits(handle)
    assert "Sign the paper" in str(wait)

    assert await say(handle, "approve", wait, BOSS) == "VOTE-BY-HAND"
    wrong: JSON = {"copies": 1}
    assert await say(handle, "take_over", wait, BOSS, output=wrong) == "VOTE-OUTPUT-INVALID"
    assert await say(handle, "take_over", wait, CLERK, output=right) == "vote.role_missing"
    assert await say(handle, "take_over", wait, BOSS, output=right) == "take_over: s0"

    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(f"paper-{name}") == [f"put paper-{name}"]


async def test_a_task_that_is_rejected_ends_the_run(
    lab: Running, lab_client: Client, name: str
) -> None:
    """A no is a no, as at every gate."""
    step: JSON = {"id": "s0", "tool": "lab.sign@1", "args": {"name": name}}
    handle = await start(lab_client, plan("task", [step]))

    assert await say(handle, "reject", (await waits(handle))[0], BOSS) == "reject: s0"
    assert (await ended(handle))["status"] == "rejected"
