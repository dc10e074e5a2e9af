"""`python -m tests.histories.record [NAME…]`: run what the replay tests replay, keep the histories.

Record again only when a change of commands is meant: until the first release nobody has histories
to keep; afterwards a change needs a new engine or `workflow.patched`, and the old files stay.
"""

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from remit.canonical import JSON, JSONObject
from tests.running import ROOT, Running, ended, plan, put, start, waits
from tests.waiting import eventually

FOLDER = Path(__file__).parent
BOSS = "boss@lab.example"


async def record(client: Client, name: str, handle: WorkflowHandle) -> None:
    """Keep a run's history under `name`."""
    document = json.loads((await handle.fetch_history()).to_json())
    text = json.dumps(_without_traces(document), indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n")


def _without_traces(value: JSON) -> JSON:
    """Leave out stack traces: they name paths of the machine and mean nothing to a replay."""
    match value:
        case dict():
            return {
                name: _without_traces(part) for name, part in value.items() if name != "stackTrace"
            }
        case list():
            return [_without_traces(part) for part in value]
    return value


async def completed(client: Client) -> None:
    """Three steps, two of them beside each other."""
    steps: list[JSON] = [put("a", "a"), put("b", "b"), put("c", "c", "a", "b")]
    handle = await start(client, plan("completed", steps))
    await ended(handle)
    await record(client, "completed", handle)


async def approved(client: Client) -> None:
    """A gate with a refused vote, then an approval."""
    handle = await start(client, plan("approved", [put("a", "guarded-recorded")]))
    wait = (await waits(handle))[0]
    await handle.signal("approve", "yes")
    await handle.signal("approve", {"step": "a", "digest": wait["digest"], "by": BOSS})
    await ended(handle)
    await record(client, "approved", handle)


async def undone(client: Client) -> None:
    """A failure behind a sub-plan: the sub-plan's undo is a child."""
    steps: list[JSON] = [
        {"id": "both", "plan": "pair@1.0.0", "args": {"name": "recorded", "fail": ""}},
        put("x", "x", "both", args={"name": "x", "fail": "refuse"}),
    ]
    handle = await start(client, plan("undone", steps))
    await ended(handle)
    await record(client, "undone", handle)
    for child in ("both", "undo:both"):
        part = client.get_workflow_handle(f"{handle.id}/{child}")
        await record(client, f"undone-{child.replace(':', '-')}", part)


async def cancelled(client: Client) -> None:
    """Cancelled twice while it waits."""
    gate: JSONObject = {"role": "operator", "expires": "PT1H"}
    steps: list[JSON] = [put("a", "cancelled"), put("b", "never", "a", approval=gate)]
    handle = await start(client, plan("cancelled", steps))
    await waits(handle)
    await handle.cancel()
    await handle.cancel()
    await ended(handle)
    await record(client, "cancelled", handle)


async def repeated(client: Client) -> None:
    """A repeat with pauses, held and resumed, and a fan-out known at run time."""
    again: JSONObject = {"until": "output.status == 'down'", "max_times": 3, "every": "PT0.2S"}
    each: JSONObject = {"items": "${steps.look.output.items}", "as": "n", "max_parallel": 2}
    steps: list[JSON] = [
        {"id": "look", "tool": "lab.look@1", "args": {"count": 5}},
        put("again", "again", repeat=again),
        put("each", "", "look", args={"name": "each${n}"}, for_each=each),
        put("any", "any", "again", "each", join="any"),
    ]
    handle = await start(client, plan("repeated", steps))
    await handle.signal("hold", {"reason": "recorded"})
    await handle.signal("resume", {})
    await ended(handle)
    await record(client, "repeated", handle)


async def invalid(client: Client) -> None:
    """Not a plan."""
    handle = await start(client, "not a plan")
    await ended(handle)
    await record(client, "invalid", handle)


async def amended(client: Client) -> None:
    """Two steps that have not begun replaced and dropped, one added; before it one refused."""
    gate: JSONObject = {"role": "operator", "expires": "PT1H"}
    steps: list[JSON] = [
        put("a", "amended"),
        put("b", "amended-b", "a", approval=gate),
        put("c", "never", "b"),
        put("d", "never", "b"),
    ]
    handle = await start(client, plan("amended", steps))
    wait = (await waits(handle))[0]
    said: JSONObject = {"by": BOSS, "reason": "recorded"}
    await handle.signal("amend", {**said, "steps": [put("a", "begun")]})
    more: list[JSON] = [put("c", "amended-c", "b"), put("e", "amended-e", "c")]
    await handle.execute_update("amend", {**said, "steps": more, "drop": ["d"]})
    await handle.execute_update("approve", {"step": "b", "digest": wait["digest"], "by": BOSS})
    await ended(handle)
    await record(client, "amended", handle)


async def reversed_(client: Client) -> None:
    """A run that has completed is rolled back, behind an order that is refused."""
    handle = await start(client, plan("reversed", [put("a", "reversed-a")]))
    await ended(handle)
    root = handle.first_execution_run_id or ""
    for by, name in (("stranger", "reversal-refused"), (BOSS, "reversal")):
        order: JSONObject = {"run": root, "by": by, "reason": "recorded"}
        back: WorkflowHandle = await client.start_workflow(
            "RollbackRun", order, id=f"remit-repair/{root}", task_queue="remit"
        )
        await ended(back)
        await record(client, name, back)


async def repaired(client: Client) -> None:
    """A run that was terminated behind a write; the keeper has it undone."""
    gate: JSONObject = {"role": "operator", "expires": "PT1H"}
    steps: list[JSON] = [put("a", "repaired-a"), put("b", "never", "a", approval=gate)]
    handle = await start(client, plan("repaired", steps))
    await waits(handle)
    await handle.terminate("recorded")
    repair = client.get_workflow_handle(f"remit-repair/{handle.first_execution_run_id}")

    async def begun() -> bool:
        try:
            await repair.describe()
        except RPCError:
            return False
        return True

    await eventually(begun, 90, 1)
    await ended(repair)
    await record(client, "repaired", repair)


async def tended(client: Client) -> None:
    """The contents of a closed run are retained, behind an order that is refused."""
    handle = await start(client, plan("tended", [put("a", "tended-a")]))
    await ended(handle)
    root = handle.first_execution_run_id or ""
    for by, name in (("stranger", "tending-refused"), (BOSS, "tended")):
        order: JSONObject = {"run": root, "order": "retain", "by": by, "reason": "recorded"}
        await _ordered(client, "TendRun", f"remit-tend/{root}", order, name)


async def stopped(client: Client) -> None:
    """A tool is stopped and goes on, with an order between that is refused."""
    what = "tool:lab.leave@1"
    for number, (kind, by, name) in enumerate(
        [("stop", BOSS, "stopped"), ("go", "stranger", "stopping-refused"), ("go", BOSS, "gone-on")]
    ):
        order: JSONObject = {"order": kind, "what": what, "by": by, "reason": "recorded"}
        given = order | {"undos": False} if number == 0 else order
        await _ordered(client, "StopCalls", f"remit-stop/{what}", given, name)


async def _ordered(client: Client, kind: str, name: str, order: JSONObject, kept: str) -> None:
    handle: WorkflowHandle = await client.start_workflow(kind, order, id=name, task_queue="remit")
    await ended(handle)
    await record(client, kept, handle)


async def proposed(client: Client) -> None:
    """A plan that is mended once, and one that never is."""
    for name, rounds in (("proposed", 3), ("proposal-exhausted", 1)):
        wish: JSONObject = {
            "goal": "put it down",
            "agent": "tester@1.0.0",
            "on_behalf_of": "asker@lab.example",
            "tenant": "lab",
            "owner": "team:lab",
            "rounds": rounds,
        }
        handle: WorkflowHandle = await client.start_workflow(
            "ProposePlan", wish, id=f"remit-proposal/{name}", task_queue="remit-plan"
        )
        await ended(handle)
        await record(client, name, handle)


PLANNER = """
async def propose(wish):
    head = {"schema": "remit.plan/v1", "name": "recorded", "version": "1.0.0"}
    if not wish.earlier:
        raise ValueError("the first time")
    tool = "lab.put@1" if len(wish.earlier) > 1 else "lab.putt@1"
    return {**head, "steps": [{"id": "a", "tool": tool, "args": {"name": "recorded"}}]}
"""
"""Fails, then misspells a tool, then writes a plan."""


SCENARIOS = (
    *(completed, approved, undone, cancelled, repeated, invalid, amended, reversed_),
    *(repaired, tended, stopped, proposed),
)


async def main(running: Running, names: Sequence[str]) -> None:
    """Record the scenarios of these names, or all."""
    client = await running.client()
    for scenario in SCENARIOS:
        if names and scenario.__name__ not in names:
            continue
        await scenario(client)
        sys.stderr.write(f"recorded {scenario.__name__}\n")


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(prefix="remit-histories-"))
    lab = shutil.copytree(ROOT / "tests" / "lab", folder / "source")
    (lab / "planners").mkdir()
    (lab / "planners" / "lab.py").write_text(PLANNER)
    (lab / "remit.toml").write_text('name = "lab"\n[planner]\nfunction = "planners.lab:propose"\n')
    running = Running.of(lab, folder / "lab")
    try:
        asyncio.run(main(running, sys.argv[1:]))
    finally:
        running.down()
        shutil.rmtree(folder)
