"""Governed against bare, run beside run: latency, throughput, fan-out.

Pairs are interleaved and their order alternates, so that neither side always has the quieter half.
"""

from collections.abc import Awaitable, Callable, Sequence
from statistics import fmean

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client

from benchmarks.arena import BARE, BEST, GOVERNED, LEAN, Arena
from benchmarks.load import Batch, Work, fan_outs, run_many, run_one, sequences
from benchmarks.processes import CpuMeter
from benchmarks.ratios import Ratio, Spread, ratio_of, spread_of
from benchmarks.scale import AT_ONCE, ITEMS, STEPS, Scale
from remit.cli.stack.install import Report


class Latency(BaseModel):
    """One run at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratio: Ratio
    """Governed over bare: less is better."""
    milliseconds: dict[str, Spread]
    """By contender."""


class Throughput(BaseModel):
    """Many runs at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratio: Ratio
    """Governed over bare: more is better."""
    steps_per_s: dict[str, Spread]
    """By contender, over the pairs."""
    run_ms: dict[str, Spread]
    """How long one run took under this load."""
    cpu_ms_per_step: dict[str, dict[str, float]]
    """By contender, then by process: its own worker, the server, OPA, the load generator."""


async def sequential(client: Client, scale: Scale) -> Latency:
    """Measure `STEPS` sequential steps, one run at a time."""
    return await _latency(client, sequences(STEPS), scale.sequential_pairs)


async def fan_out(client: Client, scale: Scale) -> Latency:
    """Measure one step over `ITEMS` items, one run at a time."""
    return await _latency(client, fan_outs(ITEMS), scale.fan_out_pairs)


async def throughput(client: Client, arena: Arena, scale: Scale, say: Report) -> Throughput:
    """Measure steps per second with `AT_ONCE` runs in flight."""
    work = sequences(STEPS)
    batches: dict[str, list[Batch]] = {name: [] for name in work}
    cpu: dict[str, list[dict[str, float]]] = {name: [] for name in work}

    async def measure(name: str) -> None:
        meter = CpuMeter.start(_processes_of(name, arena))
        batch = await run_many(client, work[name], scale.throughput_runs, AT_ONCE)
        batches[name].append(batch)
        say(f"  {name}: {batch.steps_per_s:.0f} steps/s")
        used = meter.used_s().items()
        cpu[name].append({part: seconds / batch.steps * 1000 for part, seconds in used})

    for pair in range(scale.throughput_pairs):
        await _in_turn(pair, [GOVERNED, BARE], measure)
        if pair % scale.best_every == 0:
            await measure(LEAN)
            await measure(BEST)
    rates = {name: [batch.steps_per_s for batch in made] for name, made in batches.items()}
    return Throughput(
        ratio=ratio_of(rates[GOVERNED], rates[BARE]),
        steps_per_s={name: spread_of(rate) for name, rate in rates.items()},
        run_ms={
            name: spread_of([s * 1000 for batch in made for s in batch.latencies_s])
            for name, made in batches.items()
        },
        cpu_ms_per_step={name: _means(used) for name, used in cpu.items()},
    )


async def warm_up(client: Client, scale: Scale) -> None:
    """Let everybody import, connect and fill caches."""
    for kinds in (sequences(STEPS), fan_outs(ITEMS)):
        for work in kinds.values():
            await run_one(client, work)
    for work in sequences(STEPS).values():
        await run_many(client, work, scale.warm_up, scale.warm_up)


async def _latency(client: Client, work: dict[str, Work], pairs: int) -> Latency:
    taken: dict[str, list[float]] = {name: [] for name in work}

    async def measure(name: str) -> None:
        taken[name].append(await run_one(client, work[name]) * 1000)

    for pair in range(pairs):
        await _in_turn(pair, list(work), measure)
    return Latency(
        ratio=ratio_of(taken[GOVERNED], taken[BARE]),
        milliseconds={name: spread_of(times) for name, times in taken.items()},
    )


async def _in_turn(
    pair: int, names: Sequence[str], measure: Callable[[str], Awaitable[None]]
) -> None:
    for name in names if pair % 2 else reversed(names):
        await measure(name)


def _processes_of(name: str, arena: Arena) -> dict[str, int]:
    parts = {"worker": name, "temporal": "temporal", "opa": "opa", "load": "load"}
    return {part: arena.pids[process] for part, process in parts.items()}


def _means(series: Sequence[dict[str, float]]) -> dict[str, float]:
    parts = series[0] if series else {}
    return {part: fmean(one[part] for one in series) for part in parts}
