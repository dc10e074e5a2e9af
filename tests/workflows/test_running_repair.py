"""A repair of an undo that is done after all: the order is taken, and the run ends."""

import uuid

import pytest
from temporalio.client import Client

from activities.tools.adapter import Adapter
from activities.tools.registry import Tools
from remit.canonical import JSON
from remit.cli.stack import stack
from remit.stores.project import Project
from remit.tool.call import Broken, ToolAnswer, ToolCall
from remit.tool.contract import ToolContract
from tests.in_process import working
from tests.running import Running, ended, plan, waits
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(120)]

BOSS = "boss@lab.example"


class Unreadable(Tools):
    """The project's tools; what `lab.drop` answers, nobody can read."""

    def adapter(self, contract: ToolContract) -> Adapter:
        """Return what calls `contract`."""
        inner = super().adapter(contract)

        async def call(asked: ToolCall) -> ToolAnswer:
            answer = await inner(asked)
            return Broken("TEST-GARBLED", "garbled") if contract.name == "lab.drop" else answer

        return call


async def test_an_undo_that_is_done_after_all_is_no_dead_end(
    lab: Running, lab_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An undo that happened, answered unreadably, waits for a repair; any order lets it end."""
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    tag = f"garbled{uuid.uuid4().hex[:8]}"
    settings = WorkerSettings(task_queue=f"garbled-{tag}")
    steps: list[JSON] = [
        {"id": "a", "tool": "lab.put@1", "args": {"name": tag}},
        {"id": "b", "tool": "lab.put@1", "needs": ["a"], "args": {"name": "x", "fail": "refuse"}},
    ]

    def tools(project: Project) -> Tools:
        return Unreadable(project.functions, project.folder)

    async with working(lab, lab_client, settings, tools=tools):
        handle = await lab_client.start_workflow(
            "ExecutePlan", plan("garbled", steps), id=tag, task_queue=settings.task_queue
        )
        (wait,) = [each for each in await waits(handle, 60) if each["kind"] == "repair"]
        order = {"step": str(wait["step"]), "do": "retry", "reason": "look again", "by": BOSS}
        await handle.signal("repair", order)

        outcome = await ended(handle, 40)

    assert (outcome["status"], outcome["residue"]) == ("failed", [])
