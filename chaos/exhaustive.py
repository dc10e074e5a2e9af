"""Every instrumented point once: one short plan per point, and one kill of the worker at it.

Which points there are for which kind of tool is written down here; a point that no worker came to
is reported, so the list cannot grow stale in silence. Pure but for `run_all`.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass

from chaos.injector import Injector
from chaos.plans import GUARDED, Case, Sketch, document_of
from chaos.schedule import Fault, Window
from remit.enforcement.faultpoints import Point

_WAY = (Point.LOOKED, Point.DECIDED, Point.INTENT, Point.SENDING, Point.ANSWERED)
_END = (Point.JUDGED, Point.RECORDED)
_GATE = (Point.GATING, Point.GATED, Point.VOTING, Point.VOTED)
_LOST = frozenset({Point.UNKNOWN, Point.TAKEN, Point.PROBED, Point.DOUBTED})
"""Points that a call comes to only when an answer was lost before."""
_DO: dict[str, tuple[Point, ...]] = {
    "keyed": (*_WAY, *_GATE, *_END, Point.UNKNOWN, Point.TAKEN),
    "natural": (*_WAY, *_END),
    "probed": (*_WAY, *_END, Point.UNKNOWN, Point.TAKEN, Point.PROBED),
    "careless": (*_WAY, *_END, Point.UNKNOWN, Point.DOUBTED),
}
_WINDOWS: dict[Point, Window] = {
    Point.DECIDED: "decide-intent",
    Point.INTENT: "intent-send",
    Point.SENDING: "send-outcome",
    Point.ANSWERED: "send-outcome",
    Point.JUDGED: "send-outcome",
    Point.RECORDED: "outcome-answer",
}
_AT_ONCE = 3
_PLAN_S = 120.0


@dataclass(frozen=True, slots=True)
class Crash:
    """One plan and the one point at which its worker dies."""

    case: Case
    fault: Fault


def crashes(seed: int) -> list[Crash]:
    """Return a crash for every point of every kind, doing and undoing."""
    found: list[Crash] = []

    def add(kind: str, direction: str, point: Point, at: str = "{step}") -> None:
        number = len(found)
        # Steps have names of their own, so that one plan's point is not another's.
        step = f"x{number}"
        case = _case(seed, number, kind, step, direction, point)
        name = f"{direction}.{point}@{at.format(step=step)}"
        found.append(Crash(case, Fault(number, "kill_worker", _window(direction, point), name)))

    for kind, points in _DO.items():
        for point in points:
            add(kind, "do", point)
        for point in (*_WAY, *_END):
            add(kind, "undo", point)
    add("keyed", "do", Point.REFUSAL, "last{step}")
    for point in (Point.FENCED, Point.LISTED):
        add("keyed", "undo", point, "")
    return found


def _case(seed: int, number: int, kind: str, step: str, direction: str, point: Point) -> Case:
    name = f"crash-{seed}-{number:03d}"
    sketch = Sketch(random.Random(name), name)  # noqa: S311 (the same plan for the same seed)
    behave = "lose" if point in _LOST else ""
    prefix = GUARDED if point in _GATE else ""
    sketch.make(step, kind, behave=behave, prefix=prefix)
    if direction == "undo" or point is Point.REFUSAL:
        sketch.make(f"last{step}", "keyed", [step], "refuse")
    document = document_of(name, f"{kind} {direction}.{point}", sketch.steps)
    return Case(number, "chain", document, "approve", "", 0.0)


def _window(direction: str, point: Point) -> Window:
    if direction == "undo":
        return "unwind"
    return "gate" if point in _GATE else _WINDOWS.get(point, "any")


async def run_all(
    found: Sequence[Crash], injector: Injector, run: Callable[[Case], Coroutine[None, None, None]]
) -> list[str]:
    """Run every crash; return the points that no worker came to."""
    room = asyncio.Semaphore(_AT_ONCE)
    missed: list[str] = []

    async def one(crash: Crash) -> None:
        async with room:
            injecting = asyncio.create_task(injector.inject(crash.fault))
            # Armed before the plan begins.
            await asyncio.sleep(0)
            running = asyncio.create_task(run(crash.case))
            if not await injecting:
                missed.append(f"{crash.case.document['goal']}")
            with suppress(TimeoutError):
                await asyncio.wait_for(running, _PLAN_S)

    await asyncio.gather(*(one(crash) for crash in found))
    return missed
