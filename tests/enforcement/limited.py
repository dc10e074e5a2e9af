"""Runs of one step each through the whole pipeline: real OPA, real ledger, and no Temporal.

What the tool did is counted apart, by its sender; nothing that Remit says of itself is believed.
As a program it makes calls, one for each run that it is given, and never comes back from them.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from temporalio.exceptions import ApplicationError

from remit.canonical import JSON, JSONObject
from remit.enforcement.frame import Frame, Place
from remit.enforcement.opa import OpaClient
from remit.enforcement.point import EnforcementPoint
from remit.ledger.entries import Admission, Content, RunRow
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.library import Library
from remit.plan.wire import UNAVAILABLE, StepCall, StepResult
from remit.stores.ledger import SqlLedger, open_ledger, wall_ms
from remit.stores.project import load_project
from remit.tool.call import Happened, ToolAnswer, ToolCall
from tests.running import ROOT, plan

LONG_MS = 400 * 86400 * 1000
"""A window that no test sees the end of."""
LAB = ROOT / "tests" / "lab"
HEAD = "package remit.domains.lab.more\n\nimport rego.v2\n\n"
STEP: JSONObject = {"id": "put", "tool": "lab.put@1", "args": {"name": "x"}, "timeout": "PT5S"}


def few(most: int, **more: JSON) -> JSONObject:
    """Return a bound on calls that write."""
    of: JSONObject = {"operation": "write"}
    return {"name": "few", "counts": "calls", "most": most, "window_ms": LONG_MS, "of": of, **more}


def policies(
    folder: Path,
    *,
    rules: str = "",
    people: JSONObject | None = None,
    thresholds: JSONObject | None = None,
    hosts: Sequence[str] = (),
    **agents: JSONObject,
) -> Path:
    """Write the lab's rules with these agents, who may do what they like but for `agents`.

    Args:
        folder: where to; it is made.
        rules: further rules of the lab, a module `remit.domains.lab.more` without its head.
        people: other people than the boss, who operates.
        thresholds: the project's own.
        hosts: that the lab's calls may reach.
        agents: agents by name, and what is said of each.
    """
    domain = folder / "domains" / "lab"
    domain.mkdir(parents=True)
    scopes = (LAB / "policies/domains/lab/scopes.rego").read_text()
    (domain / "scopes.rego").write_text(scopes)
    if rules:
        (domain / "more.rego").write_text(HEAD + rules)
    known: JSONObject = {
        name: {"scopes": ["lab.*"], "tenants": ["lab"], **more} for name, more in agents.items()
    }
    people = people or {"boss@lab.example": {"roles": ["operator"]}}
    registry: JSONObject = {"agents": known, "people": people, "thresholds": thresholds or {}}
    registry["egress"] = {"lab": [*hosts]}
    # JSON is YAML.
    (folder / "data.yaml").write_bytes(Content.of({"remit": {"registry": registry}}).body)
    return folder


@cache
def _compiled(agent: str, step: str) -> Compilation:
    document = {**plan("desk", [json.loads(step)]), "agent": f"{agent}@1.0.0"}
    return compile_plan(document, load_project(LAB).catalogue, Library({}))


@dataclass
class Desk:
    """An enforcement point, and what its tool was asked to do."""

    point: EnforcementPoint
    ledger: SqlLedger
    answer: ToolAnswer = field(default_factory=lambda: Happened({"status": "down", "name": "x"}))
    effects: list[str] = field(default_factory=list)
    step: JSONObject = field(default_factory=lambda: STEP)
    """The only step of the plans that are admitted from now on."""
    scheduled_ms: int = 0
    """When the server says that it scheduled the call."""

    async def call(self, root: str, agent: str = "tester", attempt: int = 1) -> StepResult:
        """Admit a run, unless it is, and make its one call."""
        compiled = await self.admit(root, agent)
        owner = f"{os.getpid()}/{root}/{attempt}"
        tool = str(self.step["tool"])
        frame = Frame("w", root, "ExecutePlan", tool, attempt, self.scheduled_ms, owner, "tools")
        asked = StepCall(root=root, compiled=compiled, step="put")
        return await self.point.call(asked, frame, self.send)

    async def ending(self, root: str, agent: str = "tester", attempt: int = 1) -> str:
        """Make the call of a run; return its status, or the code of its refusal.

        On a busy machine OPA may be slow to take a connection: then it is asked again, as Temporal
        would have it.
        """
        for _ in range(50):
            try:
                return (await self.call(root, agent, attempt)).status
            except ApplicationError as error:
                if error.type != UNAVAILABLE:
                    return str(error.details[0]["code"])
        return "nobody answered"

    async def send(self, call: ToolCall) -> ToolAnswer:
        """Do what is asked, and answer."""
        self.effects.append(call.step_key)
        return self.answer

    async def admit(self, root: str, agent: str = "tester") -> str:
        """Admit a run, unless it is; return the digest of its plan."""
        made = _compiled(agent, json.dumps(self.step))
        assert made.compiled is not None, made.diagnostics
        row = RunRow(
            root, root, "desk@1.0.0", made.digest, made.digest, f"{agent}@1.0.0",
            "asker@lab.example", "lab", "team:lab", 0, 1 << 50,
        )  # fmt: skip
        inputs = Content.of({})
        contracts = [Content.of(one.model_dump(mode="json")) for one in made.contracts.values()]
        contents = [inputs, Content.of(made.compiled.model_dump(mode="json")), *contracts]
        admission = Admission(root, "", made.digest, inputs.digest, "decision", "revision")
        await self.ledger.admit(row, admission, contents, [])
        return made.digest


@asynccontextmanager
async def desk(
    url: str,
    socket: Path,
    ahead_ms: int = 0,
    *,
    asks: Callable[..., OpaClient] = OpaClient,
    deadline_s: float = 30,
    by: Callable[[], int] = wall_ms,
) -> AsyncIterator[Desk]:
    """Open a ledger and an OPA.

    Args:
        url: of the ledger.
        socket: OPA's.
        ahead_ms: how far the worker's clock is ahead of `by`.
        asks: makes the client, which may spoil what it asks.
        deadline_s: for one question.
        by: the right time.
    """

    def clock() -> int:
        return by() + ahead_ms

    ledger = await open_ledger(url, deadline_s=30, clock=clock)
    place = Place(allow_age_ms=abs(ahead_ms) + 30_000)
    try:
        async with asks(socket, deadline_s=deadline_s) as opa:
            digests = load_project(LAB).catalogue.digests
            yield Desk(EnforcementPoint(ledger, opa, place, clock, digests), ledger)
    finally:
        await ledger.close()


async def _die_calling(url: str, socket: str, *roots: str) -> None:
    async with desk(url, Path(socket)) as made:

        async def never(call: ToolCall) -> ToolAnswer:
            os.write(1, b"sent\n")
            return await asyncio.get_running_loop().create_future()

        made.send = never  # type: ignore[method-assign]
        await asyncio.gather(*[made.call(root) for root in roots])


if __name__ == "__main__":
    asyncio.run(_die_calling(*sys.argv[1:]))
