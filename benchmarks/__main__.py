"""Measure what governance costs: `python -m benchmarks [--quick] [--only NAME …]`.

Starts a stack of its own, measures governed runs beside bare ones, prints one table and writes
`build/bench.json`. Exit code 0 says that it was measured, not that every target was reached.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel
from temporalio.client import Client

from benchmarks.arena import BARE, BEST, LEAN, PROJECT, ROOT, Arena, arena
from benchmarks.bulkhead import bulkhead
from benchmarks.compiling import compile_times
from benchmarks.connecting import connecting
from benchmarks.crowding import DOMAINS200, RULES200
from benchmarks.deciding import decisions, ruled
from benchmarks.histories import histories
from benchmarks.memory import memory
from benchmarks.pipeline import pipeline
from benchmarks.recording import recording
from benchmarks.replaying import replaying
from benchmarks.report import Machine, Report
from benchmarks.runs import fan_out, sequential, throughput, warm_up
from benchmarks.scale import FULL, QUICK, Scale
from remit.cli.stack.layout import Layout
from remit.cli.stack.state import load
from remit.stores.project import Project, load_project

NAMES = (
    "compiling",
    "connecting",
    "recording",
    "sequential",
    "throughput",
    "fan_out",
    "decisions",
    "rules200",
    "domains200",
    "what_if",
    "pipeline",
    "histories",
    "bulkhead",
    "memory",
)
_CROWDS = {"rules200": RULES200, "domains200": DOMAINS200}
_ALONE = frozenset({"compiling", "connecting", "recording", "what_if", *_CROWDS})
"""What needs no stack, or one with other policies."""
_COUNTED = frozenset({"histories"})
"""What is counted, not timed: nobody need be warm, and one bare worker is enough."""
_PASSES = 5
"""How often what was recorded is asked again."""

Found = dict[str, BaseModel]


def say(line: str) -> None:
    """Tell what is done, on standard error."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Read the command line, measure, print, write."""
    given = _arguments()
    # What was started is stopped then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    wanted = given.only or list(NAMES)
    scale = QUICK if given.quick else FULL
    began, load_before = datetime.now(UTC), os.getloadavg()[0]
    project = load_project(PROJECT)
    found: Found = {}
    if "compiling" in wanted:
        say("compiling")
        found["compiling"] = compile_times(project, scale.compilations)
    if "connecting" in wanted:
        say("connecting")
        found["connecting"] = connecting(scale.decisions)
    if "recording" in wanted:
        say("recording")
        found["recording"] = recording(scale.recorded_steps, given.ledger)
    for name, crowd in _CROWDS.items():
        if name in wanted:
            say(f"{name}: {crowd}")
            found[name] = ruled(say, project, crowd, scale.decisions)
    if "what_if" in wanted:
        say("what_if")
        found["what_if"] = replaying(project, scale.replayed, _PASSES)
    versions: dict[str, str] = {}
    if set(wanted) - _ALONE:
        timed = set(wanted) - _ALONE - _COUNTED
        with arena(say, (BARE, LEAN, BEST) if timed else (BARE,)) as place:
            versions = load(Layout(place.project.resolve()).state).versions
            found |= asyncio.run(_measured(place, project, scale, wanted))
    machine = Machine.here(versions, load_before)
    values = {"began": began, "quick": given.quick, "machine": machine, **found}
    report = Report.model_validate(values)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report.document(), indent=2) + "\n")
    print(report.table())
    sys.stdout.flush()
    os._exit(0)  # the SDK's native threads may crash the interpreter while it is torn down


async def _measured(place: Arena, project: Project, scale: Scale, wanted: Collection[str]) -> Found:
    client = await place.client()
    found: Found = {}
    if set(wanted) - _ALONE - _COUNTED:
        say("warming up")
        await warm_up(client, scale)
    for name, measure in _measures(client, place, project, scale).items():
        if name in wanted:
            say(name)
            begun = time.perf_counter()
            found[name] = await measure()
            say(f"{name}: {time.perf_counter() - begun:.0f} s")
    return found


def _measures(
    client: Client, place: Arena, project: Project, scale: Scale
) -> dict[str, Callable[[], Awaitable[BaseModel]]]:
    return {
        "sequential": lambda: sequential(client, scale),
        "throughput": lambda: throughput(client, place, scale, say),
        "fan_out": lambda: fan_out(client, scale),
        "decisions": lambda: decisions(place, project, scale.decisions),
        "pipeline": lambda: pipeline(place.environment, project, scale.pipeline_runs),
        "histories": lambda: histories(client),
        "bulkhead": lambda: bulkhead(client, place, scale, say),
        "memory": lambda: memory(client, place, scale),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a first look in a minute")
    parser.add_argument("--only", action="append", choices=NAMES, help="measure this; repeatable")
    parser.add_argument(
        "--ledger",
        action="append",
        default=[],
        help="record to a ledger at this address too, say in PostgreSQL; it stays there",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
