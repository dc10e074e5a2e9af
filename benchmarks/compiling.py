"""How long compilation takes, by plan size. In this process, nothing else at work."""

import time

from pydantic import BaseModel, ConfigDict

from benchmarks.plans import realistic
from benchmarks.ratios import Spread, spread_of
from remit.canonical import JSONObject
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.scheduling import schedule_of
from remit.stores.project import Project

SIZES = (10, 100, 1000)


class CompileTimes(BaseModel):
    """Milliseconds by number of steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    milliseconds: dict[int, Spread]
    """Document to compiled plan."""
    schedule_ms: dict[int, Spread]
    """Compiled plan to what the workflow needs of it."""


def compile_times(project: Project, repeats: int) -> CompileTimes:
    """Compile plans of all sizes `repeats` times."""
    compiled: dict[int, Spread] = {}
    scheduled: dict[int, Spread] = {}
    for size in SIZES:
        times = [_times(project, realistic(size)) for _ in range(repeats)]
        compiled[size] = spread_of([first for first, _ in times])
        scheduled[size] = spread_of([second for _, second in times])
    return CompileTimes(milliseconds=compiled, schedule_ms=scheduled)


def _times(project: Project, document: JSONObject) -> tuple[float, float]:
    begun = time.perf_counter()
    compilation = compile_plan(document, project.catalogue, Library({}))
    after = time.perf_counter()
    plan = compilation.compiled
    if plan is None:
        raise ValueError(f"the benchmark's plan does not compile: {compilation.diagnostics[:3]}")
    schedule_of(plan, compilation.contracts, compilation.digest)
    return (after - begun) * 1000, (time.perf_counter() - after) * 1000
