"""What one tool that hangs costs all others: the same runs, with it sick and with it well.

Sick means that twice as many of its calls as a worker has slots have been begun: those that hold a
place hang, the others are handed back and come again. Both halves of a pair stand next to each
other in time, in alternating order.
"""

import asyncio

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client

from benchmarks.arena import GOVERNED, Arena
from benchmarks.load import Work, run_many, sequences
from benchmarks.plans import hang
from benchmarks.ratios import Ratio, Spread, ratio_of, spread_of
from benchmarks.scale import STEPS, Scale
from remit.cli.stack.install import Report
from workers.settings import WorkerSettings

AT_ONCE = 4
"""Runs of the tools that are well, in flight at a time."""
_ONSET_S = 6
"""How long the sick tool is left to itself before anything counts."""


class Bulkheads(BaseModel):
    """Runs of ten steps beside a tool that hangs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratio: Ratio
    """The p95 of a run's time, sick over well: less is better."""
    milliseconds: dict[str, Spread]
    hung: int
    """Calls of the sick tool that were begun in each pair."""


async def bulkhead(client: Client, arena: Arena, scale: Scale, say: Report) -> Bulkheads:
    """Measure runs of other tools while one tool hangs, and while none does."""
    switch = arena.project / ".remit" / "hang"
    slots = WorkerSettings(ledger_url=arena.environment.ledger_url).max_calls
    taken: dict[str, list[list[float]]] = {"well": [], "sick": []}

    async def measure(name: str) -> None:
        batch = await run_many(client, sequences(STEPS)[GOVERNED], scale.bulkhead_runs, AT_ONCE)
        taken[name].append([seconds * 1000 for seconds in batch.latencies_s])
        say(f"  {name}: p95 {spread_of(taken[name][-1]).p95:.0f} ms")

    async def sick() -> None:
        switch.touch()
        work = Work(GOVERNED, "ExecutePlan", "remit", hang(2 * slots), 2 * slots)
        hung = asyncio.create_task(run_many(client, work, 1, 1))
        try:
            await asyncio.sleep(_ONSET_S)
            await measure("sick")
            if hung.done():
                raise RuntimeError("nothing hung, so nothing was measured")
        finally:
            switch.unlink(missing_ok=True)
            await hung

    for pair in range(scale.bulkhead_pairs):
        if pair % 2:
            await sick()
            await measure("well")
        else:
            await measure("well")
            await sick()
    p95 = {name: [spread_of(times).p95 for times in made] for name, made in taken.items()}
    return Bulkheads(
        ratio=ratio_of(p95["sick"], p95["well"]),
        milliseconds={
            name: spread_of([one for times in made for one in times])
            for name, made in taken.items()
        },
        hung=2 * slots,
    )
