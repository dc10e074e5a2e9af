"""The enforcement point without Temporal around it: how many governed calls one process makes.

Real OPA, a ledger of its own on disk, the project's tool. It tells how far the governance of a call
is from being the cost of a step, and is where a change of it shows first.
"""

import asyncio
import time
import uuid
from contextlib import AsyncExitStack
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from activities.tools.registry import Tools
from benchmarks.plans import TOOL, sequence
from benchmarks.ratios import Spread, spread_of
from benchmarks.scale import AT_ONCE, STEPS
from remit.cli.stack.environment import StackEnvironment
from remit.enforcement.frame import Frame, Place
from remit.enforcement.opa import OpaClient
from remit.enforcement.point import EnforcementPoint
from remit.ledger.entries import Admission, Content, RunRow
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.library import Library
from remit.plan.wire import StepCall
from remit.stores.ledger import open_ledger, wall_ms
from remit.stores.project import Project
from remit.tool.call import ToolAnswer, ToolCall

_HOUR_MS = 3_600_000


class Pipeline(BaseModel):
    """Governed calls of one process, without a workflow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    one_ms: Spread
    """One call at a time."""
    calls_per_s: float
    """`AT_ONCE` runs of `STEPS` calls at once."""
    cpu_ms_per_call: float
    """Of this process, under that load; OPA's own is not in it."""


class Calls:
    """Makes governed calls, run by run."""

    def __init__(self, point: EnforcementPoint, project: Project) -> None:
        """Call the project's tool through `point`."""
        self._point = point
        self._tools = Tools.of(project)
        self._compilation = compile_plan(sequence(STEPS), project.catalogue, Library({}))
        plan, tools = _plan(self._compilation), self._compilation.contracts.values()
        made = [plan.inputs, *(one.model_dump(mode="json") for one in (plan, *tools))]
        self._contents = [Content.of(value) for value in made]

    async def run(self) -> list[float]:
        """Make one run's calls after each other; return the milliseconds of each."""
        root = str(uuid.uuid4())
        await self._admit(root)
        taken: list[float] = []
        for position in range(STEPS):
            call = StepCall(root=root, compiled=self._compilation.digest, step=f"s{position}")
            begun = time.perf_counter()
            result = await self._point.call(call, _frame(root, position), self._send)
            taken.append((time.perf_counter() - begun) * 1000)
            if result.status != "happened":
                raise ValueError(f"the benchmark's call did not happen: {result}")
        return taken

    async def runs(self, count: int, at_once: int) -> None:
        """Make `count` runs, at most `at_once` in flight."""
        left = iter(range(count))

        async def lane() -> None:
            for _ in left:
                await self.run()

        await asyncio.gather(*(lane() for _ in range(at_once)))

    async def aclose(self) -> None:
        """Let go of the tools."""
        await self._tools.aclose()

    async def _send(self, call: ToolCall) -> ToolAnswer:
        return await self._tools.adapter(call.contract)(call)

    async def _admit(self, root: str) -> None:
        """Admit the plan without asking: admission is not what is measured here."""
        plan = _plan(self._compilation)
        now, inputs = wall_ms(), self._contents[0].digest
        run = RunRow(
            root=root,
            workflow_id=f"bench-{root}",
            plan=f"{plan.name}@{plan.version}",
            plan_digest=plan.plan_digest,
            compiled=self._compilation.digest,
            agent=plan.agent,
            on_behalf_of=plan.on_behalf_of,
            tenant=plan.tenant,
            owner=plan.owner,
            started_ms=now,
            deadline_ms=now + _HOUR_MS,
        )
        admission = Admission(root, "", self._compilation.digest, inputs, "bench", "bench")
        await self._point.ledger.admit(run, admission, self._contents, [])


async def open_calls(
    environment: StackEnvironment, project: Project, after: AsyncExitStack
) -> Calls:
    """Return calls on the stack's OPA and a new ledger; `after` closes and removes both."""
    file = environment.log_dir / f"pipeline-{uuid.uuid4().hex}.db"
    after.callback(_remove, file)
    ledger = await open_ledger(f"sqlite:///{file}")
    after.push_async_callback(ledger.close)
    token = environment.opa_token_file.read_text().strip()
    opa = OpaClient(environment.opa_socket, token=token, deadline_s=30)
    await after.enter_async_context(opa)
    point = EnforcementPoint(ledger, opa, Place(), wall_ms, project.catalogue.digests)
    calls = Calls(point, project)
    after.push_async_callback(calls.aclose)
    return calls


async def pipeline(environment: StackEnvironment, project: Project, runs: int) -> Pipeline:
    """Make `runs` runs one call at a time, then five times as many at once."""
    async with AsyncExitStack() as after:
        calls = await open_calls(environment, project, after)
        await calls.runs(AT_ONCE, AT_ONCE)
        alone = [ms for _ in range(runs) for ms in await calls.run()]
        used, begun = time.process_time(), time.perf_counter()
        await calls.runs(5 * runs, AT_ONCE)
        took = time.perf_counter() - begun
        made = 5 * runs * STEPS
        return Pipeline(
            one_ms=spread_of(alone),
            calls_per_s=made / took,
            cpu_ms_per_call=(time.process_time() - used) * 1000 / made,
        )


def _plan(compilation: Compilation) -> CompiledPlan:
    if compilation.compiled is None:
        raise ValueError(f"the benchmark's plan does not compile: {compilation.diagnostics[:3]}")
    return compilation.compiled


def _frame(root: str, position: int) -> Frame:
    return Frame(
        workflow_id=f"bench-{root}",
        run_id=root,
        workflow_type="ExecutePlan",
        activity=TOOL,
        attempt=1,
        scheduled_ms=wall_ms(),
        owner=f"{root}/{position}",
        role="orchestrate",
    )


def _remove(file: Path) -> None:
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()
