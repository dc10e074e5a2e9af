"""The load generator: starts runs, waits for their ends, takes the time."""

import asyncio
import itertools
import os
import time
from collections import Counter
from dataclasses import dataclass

from temporalio.client import Client

from benchmarks.arena import BARE, BEST, GOVERNED, LEAN
from benchmarks.bare import FAN_OUT, SEQUENCE
from benchmarks.plans import fan_out, sequence
from remit.canonical import JSON

_numbers = itertools.count()
made: Counter[str] = Counter()
"""Runs made so far, by contender."""


class UnexpectedEndError(Exception):
    """A run did not end as it must, so its time means nothing."""


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of run of one contender."""

    contender: str
    workflow: str
    queue: str
    document: JSON
    steps: int

    def check(self, outcome: JSON) -> None:
        """Raise when a run did not make all its steps."""
        is_governed = self.contender == GOVERNED
        reached = outcome.get("status") if isinstance(outcome, dict) else outcome
        if reached != ("completed" if is_governed else self.steps):
            raise UnexpectedEndError(f"{self.contender} {self.workflow} ended with {outcome}")


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs that were made at once."""

    seconds: float
    latencies_s: list[float]
    steps: int

    @property
    def steps_per_s(self) -> float:
        """Steps per second, from the first start to the last end."""
        return self.steps / self.seconds


def sequences(steps: int) -> dict[str, Work]:
    """Return sequential work of every contender, by its name."""
    return {
        GOVERNED: Work(GOVERNED, "ExecutePlan", "remit", sequence(steps), steps),
        BARE: Work(BARE, SEQUENCE, BARE, steps, steps),
        LEAN: Work(LEAN, SEQUENCE, LEAN, steps, steps),
        BEST: Work(BEST, SEQUENCE, BEST, steps, steps),
    }


def fan_outs(items: int) -> dict[str, Work]:
    """Return fan-outs of every contender, by its name."""
    return {
        GOVERNED: Work(GOVERNED, "ExecutePlan", "remit", fan_out(items), items),
        BARE: Work(BARE, FAN_OUT, BARE, items, items),
        BEST: Work(BEST, FAN_OUT, BEST, items, items),
    }


def new_id(work: Work) -> str:
    """Return a workflow id that nobody had."""
    return f"bench-{work.contender}-{os.getpid()}-{next(_numbers)}"


async def run_one(client: Client, work: Work, workflow_id: str = "") -> float:
    """Make one run; return its seconds from the start's request to the result."""
    begun = time.perf_counter()
    outcome: JSON = await client.execute_workflow(
        work.workflow, work.document, id=workflow_id or new_id(work), task_queue=work.queue
    )
    took = time.perf_counter() - begun
    work.check(outcome)
    made[work.contender] += 1
    return took


async def run_many(client: Client, work: Work, runs: int, at_once: int) -> Batch:
    """Make `runs` runs, at most `at_once` in flight."""
    latencies: list[float] = []
    left = iter(range(runs))

    async def lane() -> None:
        for _ in left:
            took = await run_one(client, work)
            latencies.append(took)

    begun = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(at_once)))
    return Batch(time.perf_counter() - begun, latencies, runs * work.steps)
