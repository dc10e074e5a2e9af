"""What a decision costs beyond OPA: the enforcement point's own part, one at a time and in a crowd.

The same question is asked twice, by turns: by the enforcement point, which puts the facts
together, asks, and checks the answer; and as OPA alone, the same bytes posted over the same socket
by the same HTTP library, the answer read and thrown away. No answer is kept by anybody.

OPA answers later the longer nobody asked it, so one at a time OPA alone is asked behind as long a
pause: the facts are put together for it too, outside the time.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from pydantic import BaseModel, ConfigDict

from benchmarks.arena import Arena, arena
from benchmarks.crowding import Crowd
from benchmarks.plans import TOOL, sequence
from benchmarks.ratios import Ratio, Spread, ratio_of, spread_of
from benchmarks.scale import DECISIONS_AT_ONCE
from remit.cli.stack.install import Report as Install
from remit.decision.decision import Decided
from remit.decision.facts import Facts
from remit.enforcement.deciding import Deciding
from remit.enforcement.frame import Frame, Place
from remit.enforcement.opa import OpaClient, facts_document
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.subject import Subject
from remit.ledger.entries import Admission, RunRow, Situation, Totals
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.path import Segment, StepKey
from remit.stores.ledger import wall_ms
from remit.stores.project import Project

_URL = "http://opa/v1/data/remit/main/decision?provenance=true&strict-builtin-errors=true"
_JSON = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
_DEADLINE_S = 30.0
"""Long enough that the crowd's slowest is measured, not refused."""

_GOES = 20

Ask = Callable[[], Awaitable[object]]


class Decisions(BaseModel):
    """Milliseconds of decisions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    one: Spread
    """The enforcement point, one at a time: facts, OPA, checks."""
    one_opa: Spread
    """OPA alone, one at a time."""
    added: Spread
    """What the enforcement point adds to OPA, one at a time."""
    crowd: Spread
    """The enforcement point, 64 at once."""
    crowd_opa: Spread
    """OPA alone, 64 at once."""
    crowd_p99_ratio: Ratio
    """The p99 at 64 at once over OPA's alone, by pairs of rounds."""
    input_bytes: int


async def decisions(arena: Arena, project: Project, count: int) -> Decisions:
    """Measure `count` decisions one at a time, then thirty times as many in a crowd."""
    environment = arena.environment
    token = environment.opa_token_file.read_text().strip()
    subject, situation = question(project)
    async with (
        OpaClient(environment.opa_socket, token=token, deadline_s=_DEADLINE_S) as opa,
        _alone(environment.opa_socket.as_posix(), token) as post,
    ):
        document = await _document(opa, subject, situation)
        deciding = Deciding(opa, Place(), wall_ms)
        unasked = Deciding(_Kept(await deciding.call(subject, situation)), Place(), wall_ms)

        async def decide() -> object:
            return await deciding.call(subject, situation)

        async def alone() -> object:
            return await post(document)

        async def pause() -> object:
            return await unasked.call(subject, situation)

        return await _measured(decide, alone, pause, count, len(document))


def ruled(report: Install, project: Project, crowd: Crowd, count: int) -> Decisions:
    """Measure the same under many rules and domains, with a publisher and an OPA of their own."""
    with arena(report, (), ("temporal", "workers", "keeper"), crowd) as place:
        return asyncio.run(decisions(place, project, count))


async def _measured(decide: Ask, alone: Ask, pause: Ask, count: int, size: int) -> Decisions:
    await _connected(decide)
    await _connected(alone)
    gc.freeze()  # as a worker does before it takes its first task
    one, one_opa = await _by_turns(decide, alone, pause, count)
    crowd: list[list[float]] = []
    crowd_opa: list[list[float]] = []
    each = 10
    for turn in range(max(3, count * 30 // (DECISIONS_AT_ONCE * each))):
        order = [(decide, crowd), (alone, crowd_opa)]
        for ask, times in order if turn % 2 else order[::-1]:
            times.append(await _crowd(ask, each))
    return Decisions(
        one=spread_of(one),
        one_opa=spread_of(one_opa),
        added=spread_of([a - b for a, b in zip(one, one_opa, strict=True)]),
        crowd=spread_of([ms for times in crowd for ms in times]),
        crowd_opa=spread_of([ms for times in crowd_opa for ms in times]),
        crowd_p99_ratio=ratio_of(
            [spread_of(times).p99 for times in crowd],
            [spread_of(times).p99 for times in crowd_opa],
        ),
        input_bytes=size,
    )


async def _connected(ask: Ask) -> None:
    """Open all connections. One has a fifth of a second; on a busy machine some need another go."""
    for _ in range(_GOES):
        said = await asyncio.gather(
            *(ask() for _ in range(DECISIONS_AT_ONCE)), return_exceptions=True
        )
        if not any(isinstance(one, BaseException) for one in said):
            return
    raise TimeoutError("OPA does not take that many connections on this machine now")


async def _by_turns(
    decide: Ask, alone: Ask, pause: Ask, count: int
) -> tuple[list[float], list[float]]:
    one: list[float] = []
    one_opa: list[float] = []
    for _ in range(count):
        one.append(await _timed(decide))
        await pause()
        one_opa.append(await _timed(alone))
    return one, one_opa


async def _crowd(ask: Ask, each: int) -> list[float]:
    """Ask `DECISIONS_AT_ONCE` at once, each of them `each` times; return milliseconds."""
    taken: list[float] = []

    async def one() -> None:
        for _ in range(each):
            took = await _timed(ask)
            taken.append(took)

    await asyncio.gather(*(one() for _ in range(DECISIONS_AT_ONCE)))
    return taken


async def _timed(ask: Ask) -> float:
    begun = time.perf_counter()
    await ask()
    return (time.perf_counter() - begun) * 1000


class _Kept:
    """Answers at once, with what OPA said before."""

    def __init__(self, decided: Decided) -> None:
        self._decided = decided

    async def decide(self, facts: Facts) -> Decided:
        facts_document(facts)
        return self._decided


class _Overheard:
    """Lets a question through and keeps its text."""

    def __init__(self, opa: OpaClient) -> None:
        self._opa = opa
        self.document = b""

    async def decide(self, facts: Facts) -> Decided:
        self.document = b'{"input":' + facts_document(facts) + b"}"
        return await self._opa.decide(facts)


async def _document(opa: OpaClient, subject: Subject, situation: Situation) -> bytes:
    """Return the request body of the question; it must be one that is allowed."""
    overheard = _Overheard(opa)
    decided = await Deciding(overheard, Place(), wall_ms).call(subject, situation)
    if decided.decision.effect != "allow":
        raise ValueError(f"the benchmark's call is not allowed: {decided.decision.reasons}")
    return overheard.document


@asynccontextmanager
async def _alone(socket: str, token: str) -> AsyncIterator[Callable[[bytes], Awaitable[bytes]]]:
    async with aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(path=socket, limit=DECISIONS_AT_ONCE),
        headers={"Authorization": f"Bearer {token}", **_JSON},
        trust_env=False,
        auto_decompress=False,
    ) as session:

        async def post(body: bytes) -> bytes:
            async with session.post(_URL, data=body) as response:
                return await response.read()

        yield post


def question(project: Project) -> tuple[Subject, Situation]:
    """Return a call in the middle of a plan of ten steps, as enforcement would ask about it."""
    compilation = compile_plan(sequence(10), project.catalogue, Library({}))
    plan = compilation.compiled
    if plan is None:
        raise ValueError(f"the benchmark's plan does not compile: {compilation.diagnostics[:3]}")
    now, root = wall_ms(), "0f8fad5b-d9cb-469f-a165-70867728950e"
    run = RunRow(
        root=root,
        workflow_id="bench-decision",
        plan=f"{plan.name}@{plan.version}",
        plan_digest=plan.plan_digest,
        compiled=compilation.digest,
        agent=plan.agent,
        on_behalf_of=plan.on_behalf_of,
        tenant=plan.tenant,
        owner=plan.owner,
        started_ms=now,
        deadline_ms=now + 3_600_000,
    )
    step = plan.steps[5]
    call = step.call
    if call is None:
        raise ValueError("the benchmark's step calls no tool")
    admission = Admission(root, "", compilation.digest, plan.plan_digest, "decision", "revision")
    subject = Subject(
        key=StepKey(root, "", Segment(step.id)),
        pinned=PinnedPlan(compilation.digest, plan, {one.id: one for one in plan.steps}),
        step=step,
        contract=compilation.contracts[call.contract],
        contract_digest=call.contract,
        arguments={"n": 5},
        run=run,
        admission=admission,
        frame=_frame(root, now),
    )
    return subject, Situation(action=None, undo=None, admission=admission, run=run, totals=Totals())


def _frame(root: str, now: int) -> Frame:
    return Frame(
        workflow_id="bench-decision",
        run_id=root,
        workflow_type="ExecutePlan",
        activity=TOOL,
        attempt=1,
        scheduled_ms=now,
        owner="bench",
        role="orchestrate",
    )
