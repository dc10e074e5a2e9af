"""Runs the plans and the faults together, waits for quiet, and gathers the evidence.

Plans begin as faults come, and faults as plans begin, so that neither is over before the other.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field

from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import RPCError

from chaos.answers import BOSS, Answers
from chaos.arena import SECRET, Arena
from chaos.evidence import Evidence
from chaos.exhaustive import Crash, run_all
from chaos.fleet import Fleet
from chaos.gather import Places, gather, read_only
from chaos.injector import Injected, Injector
from chaos.plans import Case
from chaos.proxy import Proxy
from chaos.schedule import LONG_PAUSE_S, Fault, Schedule
from workers.builder import connect
from workers.settings import WorkerSettings

_AT_ONCE = 24
"""Most plans that run at the same time, where there are many."""
_ARMED = 3
"""Most points that are armed at the same time."""
_TRIES = 5
_POLL_S = 0.5
_QUEUE = "remit"
_OPEN = "ExecutionStatus = 'Running'"


@dataclass(slots=True)
class Course:
    """What one run of the machine did."""

    cases: Sequence[Case]
    began: float = field(default_factory=time.monotonic)
    started: dict[str, float] = field(default_factory=dict)
    faults_done: int = 0
    faults_planned: int = 0
    in_vain: int = 0
    """Armings that nobody came to: more plans may begin, so that somebody does."""
    last_fault: float = 0.0
    quiet_after_s: float = 0.0
    is_quiet: bool = False

    @property
    def at_once(self) -> int:
        """Most plans that run at the same time: a few plans must last for all faults."""
        return min(_AT_ONCE, max(3, len(self.cases) // 4))

    def allowed(self) -> int:
        """Return how many plans may have begun by now: the rest waits for faults to come."""
        if not self.faults_planned:
            return len(self.cases)
        rest = max(len(self.cases) - self.at_once, 0)
        due = self.at_once + int(rest * self.faults_done / self.faults_planned) + self.in_vain
        return min(due, len(self.cases))


@dataclass(slots=True)
class Driver:
    """The machine at work on one arena."""

    place: Arena
    fleet: Fleet
    proxy: Proxy
    client: Client
    say: Callable[[str], None]
    quiet_within_s: float

    async def run(self, cases: Sequence[Case], planned: Schedule) -> tuple[Course, list[Injected]]:
        """Run all plans under all faults; return when everything is over, or time is up."""
        course = Course(cases, faults_planned=len(planned.at_points) + len(planned.timed))
        injector = Injector(self.place, self.fleet, self.proxy, self.say)
        starting = asyncio.create_task(self._start_all(course))
        try:
            async with self._answered(cases):
                lanes = [
                    self._lane(injector, course, planned.at_points, _ARMED),
                    self._lane(injector, course, planned.timed, 1),
                ]
                await asyncio.gather(*lanes)
                course.last_fault = time.monotonic()
                self.say("the last fault has come; waiting for quiet")
                # Whatever hangs, hangs no longer than this; the checker then names it.
                with suppress(TimeoutError):
                    await asyncio.wait_for(starting, self.quiet_within_s)
                await self._quiet(course)
        finally:
            starting.cancel()
        return course, injector.came

    async def exhaust(self, found: Sequence[Crash]) -> tuple[Course, list[Injected], list[str]]:
        """Run one plan for every point; also return the points that nobody came to."""
        course = Course([crash.case for crash in found])
        injector = Injector(self.place, self.fleet, self.proxy, self.say)
        async with self._answered(course.cases):
            missed = await run_all(found, injector, lambda case: self._one(course, case))
            course.last_fault = time.monotonic()
            await self._quiet(course)
        return course, injector.came, missed

    @asynccontextmanager
    async def _answered(self, cases: Sequence[Case]) -> AsyncIterator[None]:
        answers = Answers(self.place, self.client, {each.workflow_id: each for each in cases})
        answering = asyncio.create_task(answers.run())
        try:
            yield
        finally:
            answering.cancel()

    async def evidence(self, course: Course, came: Sequence[Injected], replays: int) -> Evidence:
        """Return everything that stands anywhere."""
        data = self.place.project / ".remit"
        places = Places(
            journal=self.place.journal,
            ledger=self.place.ledger,
            searched=(data / "logs", self.place.databases, self.place.ledger.parent),
            secret=SECRET,
        )
        long_pauses = [(i.at_ms, i.until_ms) for i in came if i.fault.kind == "long_pause"]
        evidence = Evidence(
            started=tuple(course.started),
            rejected=frozenset(c.workflow_id for c in course.cases if c.verdict == "reject"),
            long_pauses=tuple((at, until + int(LONG_PAUSE_S * 1000)) for at, until in long_pauses),
        )
        return await gather(self.client, places, evidence, replays)

    # faults

    async def _lane(
        self, injector: Injector, course: Course, faults: Sequence[Fault], at_once: int
    ) -> None:
        waiting = asyncio.Semaphore(at_once)

        async def one(position: int, fault: Fault) -> None:
            async with waiting:
                # Due in proportion to the plans that have begun, while more may begin.
                due = position * len(course.cases) / len(faults)
                while len(course.started) < min(due, course.allowed()):
                    await asyncio.sleep(_POLL_S)
                for _ in range(_TRIES):
                    if await injector.inject(fault):
                        break
                    course.in_vain += 1
                course.faults_done += 1

        await asyncio.gather(*(one(n, fault) for n, fault in enumerate(faults)))

    # plans

    async def _start_all(self, course: Course) -> None:
        running: set[asyncio.Task[None]] = set()
        for case in course.cases:
            while len(running) >= course.at_once or len(course.started) >= course.allowed():
                running = {task for task in running if not task.done()}
                await asyncio.sleep(0.1)
            running.add(asyncio.create_task(self._one(course, case)))
            await asyncio.sleep(0.05)
        await asyncio.gather(*running)

    async def _one(self, course: Course, case: Case) -> None:
        handle = await self._start(case)
        course.started[case.workflow_id] = time.monotonic()
        if case.order:
            await asyncio.sleep(case.order_after_s)
            await self._order(handle, case)
        while await self._is_open(handle):
            await asyncio.sleep(_POLL_S)

    async def _start(self, case: Case) -> WorkflowHandle[object, object]:
        """Start a plan until the server says that it is started."""
        while True:
            try:
                return await self.client.start_workflow(
                    "ExecutePlan", case.document, id=case.workflow_id, task_queue=_QUEUE
                )
            except WorkflowAlreadyStartedError:
                return self.client.get_workflow_handle(case.workflow_id)
            except RPCError:
                await asyncio.sleep(_POLL_S)

    async def _order(self, handle: WorkflowHandle[object, object], case: Case) -> None:
        for _ in range(20):
            try:
                if case.order == "terminate":
                    await handle.terminate("the machine did")
                elif case.order == "cancel":
                    await handle.cancel()
                else:
                    body = {"reason": "the machine says so", "by": BOSS}
                    await handle.signal("rollback", body)
            except RPCError as error:
                if "already completed" in str(error):
                    return
                await asyncio.sleep(_POLL_S)
            else:
                return

    async def _is_open(self, handle: WorkflowHandle[object, object]) -> bool:
        try:
            return (await handle.describe()).close_time is None
        except RPCError:
            return True

    # the end

    async def _quiet(self, course: Course) -> None:
        """Wait until nothing is open, in Temporal and in the ledger."""
        until = time.monotonic() + self.quiet_within_s
        while time.monotonic() < until:
            if await self._nothing_open() and not await self._unclosed():
                course.is_quiet = True
                break
            await asyncio.sleep(_POLL_S)
        course.quiet_after_s = time.monotonic() - course.last_fault

    async def _nothing_open(self) -> bool:
        try:
            async for _ in self.client.list_workflows(_OPEN):
                return False
        except RPCError:
            return False
        return True

    async def _unclosed(self) -> bool:
        with closing(read_only(self.place.ledger)) as ledger:
            (count,) = ledger.execute("SELECT COUNT(*) FROM runs WHERE closed = ''").fetchone()
        return bool(count)


async def client_of(place: Arena) -> Client:
    """Return a client as workers have it."""
    told = place.environment
    settings = WorkerSettings(temporal_address=told.temporal_address, ledger_url=told.ledger_url)
    # The SDK would tell of every retry while the server is dead, on standard output.
    return await connect(settings, Runtime(telemetry=TelemetryConfig(logging=None)))
