"""Too much work waits: calls at once per worker, calls in a time per tool; nothing is lost."""

import asyncio
import sqlite3
import uuid
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from activities.tools.adapter import Adapter
from activities.tools.registry import Tools
from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.stores.project import Project
from remit.tool.call import ToolAnswer, ToolCall
from remit.tool.contract import ToolContract
from tests.in_process import working
from tests.running import Running, ended, plan, start
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(180)]

STARTS = 40
AT_ONCE = 4
CALLS = 11


class Counting(Tools):
    """The project's tools; counts how many are called at once."""

    running = 0
    peak = 0

    def adapter(self, contract: ToolContract) -> Adapter:
        """Return what calls `contract`."""
        inner = super().adapter(contract)

        async def call(asked: ToolCall) -> ToolAnswer:
            self.running += 1
            self.peak = max(self.peak, self.running)
            try:
                return await inner(asked)
            finally:
                self.running -= 1

        return call


async def test_starts_beyond_a_workers_limit_wait_and_none_is_lost(
    lab: Running, lab_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times as many runs as a worker may make calls: never more calls at once, all complete."""
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    tag = f"b{uuid.uuid4().hex[:8]}"
    settings = WorkerSettings(task_queue=f"narrow-{tag}", max_calls=AT_ONCE)
    made: list[Counting] = []

    def counting(project: Project) -> Tools:
        made.append(Counting(project.functions, project.folder))
        return made[0]

    async with working(lab, lab_client, settings, tools=counting):
        handles = [
            await lab_client.start_workflow(
                "ExecutePlan",
                plan("narrow", [_slow(f"{tag}-{number}")]),
                id=f"{tag}-{number}",
                task_queue=settings.task_queue,
            )
            for number in range(STARTS)
        ]
        outcomes = await asyncio.gather(*(ended(handle, 120) for handle in handles))

    assert [outcome["status"] for outcome in outcomes] == ["completed"] * STARTS
    assert sorted(lab.effects(tag)) == sorted(f"put {tag}-{number}" for number in range(STARTS))
    assert 2 <= made[0].peak <= AT_ONCE


async def test_a_tools_rate_limit_makes_calls_wait(lab: Running, lab_client: Client) -> None:
    """A fan-out beyond a tool's rate completes; no window of time had more calls than allowed."""
    steps: list[JSON] = [
        {"id": "all", "tool": "lab.look@1", "args": {"name": "", "count": CALLS}},
        {
            "id": "each",
            "tool": "lab.paced@1",
            "needs": ["all"],
            "for_each": {"items": "${steps.all.output.items}", "as": "n", "max_parallel": CALLS},
            "args": {"name": "x${n}"},
        },
    ]
    before = _windows(lab)

    outcome = await ended(await start(lab_client, plan("paced", steps)), 120)

    windows = {name: calls for name, calls in _windows(lab).items() if name not in before}
    assert outcome["status"] == "completed", outcome
    assert sum(windows.values()) == CALLS
    assert max(windows.values()) == 4
    assert len(windows) >= 3


class Hanging(Tools):
    """The project's tools; one of them never answers until it is let go on."""

    def __init__(self, project: Project) -> None:
        """Take the functions of `project`."""
        super().__init__(project.functions, project.folder)
        self.go_on = asyncio.Event()
        self.hung = 0

    def adapter(self, contract: ToolContract) -> Adapter:
        """Return what calls `contract`."""
        inner = super().adapter(contract)

        async def call(asked: ToolCall) -> ToolAnswer:
            if contract.ref == "lab.put@1":
                self.hung += 1
                await self.go_on.wait()
            return await inner(asked)

        return call


async def test_a_tool_that_hangs_takes_no_other_tools_slots(
    lab: Running, lab_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of its calls than there are slots hang or wait; runs of another tool complete."""
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    tag = f"h{uuid.uuid4().hex[:8]}"
    settings = WorkerSettings(task_queue=f"sick-{tag}", max_calls=AT_ONCE)
    made: list[Hanging] = []

    def hanging(project: Project) -> Tools:
        made.append(Hanging(project))
        return made[0]

    async def begin(name: str, step: JSONObject) -> WorkflowHandle[Any, Any]:
        document, queue = plan("sick", [step]), settings.task_queue
        return await lab_client.start_workflow(
            "ExecutePlan", document, id=f"{tag}-{name}", task_queue=queue
        )

    look: JSONObject = {"id": "a", "tool": "lab.look@1", "args": {"name": "x"}}
    async with working(lab, lab_client, settings, tools=hanging):
        try:
            sick = [await begin(f"s{n}", _slow(f"{tag}-{n}")) for n in range(2 * AT_ONCE)]
            well = [await begin(f"w{n}", look) for n in range(AT_ONCE)]
            outcomes = await asyncio.gather(*(ended(handle, 60) for handle in well))
            hung = made[0].hung
        finally:
            made[0].go_on.set()
        others = await asyncio.gather(*(ended(handle, 60) for handle in sick))

    assert [outcome["status"] for outcome in outcomes] == ["completed"] * AT_ONCE
    assert 1 <= hung <= AT_ONCE // 2
    assert [outcome["status"] for outcome in others] == ["completed"] * 2 * AT_ONCE
    assert len(lab.effects(tag)) == 2 * AT_ONCE


def _slow(name: str) -> JSONObject:
    return {"id": "a", "tool": "lab.put@1", "args": {"name": name, "wait_s": 0.2}}


def _windows(lab: Running) -> dict[str, int]:
    with sqlite3.connect(Layout(lab.project).ledger_database) as connection:
        query = "SELECT name, value FROM counters WHERE name LIKE 'rate/lab.paced@1/2s/%'"
        return dict(connection.execute(query).fetchall())
