"""Runs of one step each through the whole pipeline: real OPA, real ledger, and no Temporal.

What the tool did is counted apart, by its sender; nothing that Remit says of itself is believed.
As a program it makes one call and never comes back from it.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from temporalio.exceptions import ApplicationError

from remit.canonical import JSON, JSONObject
from remit.enforcement.attempt import content
from remit.enforcement.frame import Frame, Place
from remit.enforcement.opa import OpaClient
from remit.enforcement.point import EnforcementPoint
from remit.ledger.entries import Admission, RunRow
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.library import Library
from remit.plan.wire import StepCall, StepResult
from remit.stores.ledger import SqlLedger, open_ledger, wall_ms
from remit.stores.project import load_project
from remit.tool.call import Happened, ToolAnswer, ToolCall
from tests.running import ROOT, plan

LONG_MS = 400 * 86400 * 1000
"""A window that no test sees the end of."""
LAB = ROOT / "tests" / "lab"


def few(most: int, **more: JSON) -> JSONObject:
    """Return a bound on calls that write."""
    of: JSONObject = {"operation": "write"}
    return {"name": "few", "counts": "calls", "most": most, "window_ms": LONG_MS, "of": of, **more}


def policies(folder: Path, **agents: JSONObject) -> Path:
    """Write the lab's rules with these agents, who may do what they like but for `agents`."""
    rules = folder / "domains" / "lab" / "scopes.rego"
    rules.parent.mkdir(parents=True)
    rules.write_text((LAB / "policies/domains/lab/scopes.rego").read_text())
    known: JSONObject = {
        name: {"scopes": ["lab.*"], "tenants": ["lab"], **more} for name, more in agents.items()
    }
    people: JSONObject = {"boss@lab.example": {"roles": ["operator"]}}
    registry: JSONObject = {"agents": known, "people": people}
    # JSON is YAML.
    (folder / "data.yaml").write_bytes(content({"remit": {"registry": registry}}).body)
    return folder


@cache
def _compiled(agent: str) -> Compilation:
    step: JSONObject = {"id": "put", "tool": "lab.put@1", "args": {"name": "x"}, "timeout": "PT5S"}
    document = {**plan("desk", [step]), "agent": f"{agent}@1.0.0"}
    return compile_plan(document, load_project(LAB).catalogue, Library({}))


@dataclass
class Desk:
    """An enforcement point, and what its tool was asked to do."""

    point: EnforcementPoint
    ledger: SqlLedger
    answer: ToolAnswer = field(default_factory=lambda: Happened({"status": "down", "name": "x"}))
    effects: list[str] = field(default_factory=list)

    async def call(self, root: str, agent: str = "tester", attempt: int = 1) -> StepResult:
        """Admit a run, unless it is, and make its one call."""
        compiled = await self._admit(root, agent)
        owner = f"{os.getpid()}/{root}/{attempt}"
        frame = Frame("w", root, "ExecutePlan", "lab.put@1", attempt, 0, owner, "tools")
        asked = StepCall(root=root, compiled=compiled, step="put")
        return await self.point.call(asked, frame, self.send)

    async def ending(self, root: str, agent: str = "tester", attempt: int = 1) -> str:
        """Make the call of a run; return its status, or the code of its refusal."""
        try:
            return (await self.call(root, agent, attempt)).status
        except ApplicationError as error:
            return str(error.details[0]["code"])

    async def send(self, call: ToolCall) -> ToolAnswer:
        """Do what is asked, and answer."""
        self.effects.append(call.step_key)
        return self.answer

    async def _admit(self, root: str, agent: str) -> str:
        made = _compiled(agent)
        assert made.compiled is not None
        row = RunRow(
            root, root, "desk@1.0.0", made.digest, made.digest, f"{agent}@1.0.0",
            "asker@lab.example", "lab", "team:lab", 0, 1 << 50,
        )  # fmt: skip
        inputs = content({})
        contracts = [content(one.model_dump(mode="json")) for one in made.contracts.values()]
        contents = [inputs, content(made.compiled.model_dump(mode="json")), *contracts]
        admission = Admission(root, "", made.digest, inputs.digest, "decision", "revision")
        await self.ledger.admit(row, admission, contents, [])
        return made.digest


@asynccontextmanager
async def desk(url: str, socket: Path, ahead_ms: int = 0) -> AsyncIterator[Desk]:
    """Open a ledger and an OPA; the clock may be ahead."""

    def clock() -> int:
        return wall_ms() + ahead_ms

    ledger = await open_ledger(url, deadline_s=30, clock=clock)
    place = Place(allow_age_ms=ahead_ms + 30_000)
    try:
        async with OpaClient(socket, deadline_s=30) as opa:
            digests = load_project(LAB).catalogue.digests
            yield Desk(EnforcementPoint(ledger, opa, place, clock, digests), ledger)
    finally:
        await ledger.close()


async def _die_calling(url: str, socket: str, root: str) -> None:
    async with desk(url, Path(socket)) as made:

        async def never(call: ToolCall) -> ToolAnswer:
            os.write(1, b"sent\n")
            return await asyncio.get_running_loop().create_future()

        made.send = never  # type: ignore[method-assign]
        await made.call(root)


if __name__ == "__main__":
    asyncio.run(_die_calling(*sys.argv[1:]))
