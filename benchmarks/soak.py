"""Policies that change all the time while runs go: `python -m benchmarks.soak [--minutes 10]`.

Every few seconds a policy is saved that refuses the other half of the calls, and is checked, built,
signed, released and activated as any save is. Afterwards every recorded decision is held against
the policies that it names: the ledger has its facts. Exit code 1 says that one was wrong, that runs
ended otherwise than they were decided, or that nothing was measured.
"""

import argparse
import asyncio
import json
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client, WorkflowFailureError

from benchmarks.arena import ROOT, Arena, arena
from benchmarks.plans import TOOL, plan
from benchmarks.processes import rss_mb
from remit.canonical import JSON, JSONObject
from remit.cli.stack.bundle_status import read_status
from remit.cli.stack.layout import Layout
from remit.cli.stack.state import load

_RULE = """# METADATA
# title: The other half
# description: Refuses odd or even numbers, by data.
package remit.domains.bench.halves

import rego.v2

import data.remit.lib

denies contains lib.reason("bench.barred", "domains.bench.halves", "the number is barred") if {
	input.action.arguments.n % 2 == lib.rule("bench", "barred").half
}
"""
_SAMPLE_S = 10.0
_ARRIVES_S = 120.0
_NEITHER = -1
_AT_ONCE = 4
_PARTS = ("opa", "workers", "keeper", "publisher")


@dataclass(slots=True)
class Soak:
    """What was seen."""

    halves: dict[str, int] = field(default_factory=dict)
    """By revision, which half it refuses."""
    saved_s: list[float] = field(default_factory=list)
    """From each save to the bundle that the publisher serves."""
    served_ms: list[tuple[str, int]] = field(default_factory=list)
    """Each revision, and when it was served."""
    memory: dict[str, list[float]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def main() -> None:
    """Read the command line, soak, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=5, help="Seconds between two saves.")
    given = parser.parse_args()
    with arena(_say, bare=()) as where:
        found = asyncio.run(_soak(where, given.minutes * 60, given.every))
        told = _told(found, list(_decided(where.project)))
    print(json.dumps(told, indent=1))
    (ROOT / "build" / "soak.json").write_text(json.dumps(told, indent=1))
    sys.exit(1 if told["faults"] or not told["decisions"] else 0)


async def _soak(where: Arena, seconds: float, every_s: float) -> Soak:
    found = Soak()
    client = await where.client()
    layout = Layout(where.project)
    # What is served is active a moment later: until then these decide, and refuse nothing.
    before = str(read_status(layout.bundle).revision)
    (where.project / "policies/domains/bench/halves.rego").write_text(_RULE)
    found.halves[await _served(layout, before)] = found.halves[before] = _NEITHER
    await _save(layout, 0, found)
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as tasks:
        for first in range(_AT_ONCE):
            tasks.create_task(_run(client, found, first, until))
        tasks.create_task(_sample(layout, found, until))
        edition = 0
        while time.monotonic() + every_s < until:
            await asyncio.sleep(every_s)
            edition += 1
            await _save(layout, edition, found)
    return found


async def _served(layout: Layout, before: str | None) -> str:
    """Wait until the publisher serves another revision, and return it."""
    until = time.monotonic() + _ARRIVES_S
    while (now := read_status(layout.bundle)).revision in (before, None):
        if time.monotonic() > until:
            raise TimeoutError(f"what was saved is not served: {now.error}")
        await asyncio.sleep(0.1)
    return str(now.revision)


async def _save(layout: Layout, edition: int, found: Soak) -> None:
    """Save another policy, and wait until the publisher serves it."""
    before = read_status(layout.bundle).revision
    data: JSONObject = {
        "remit": {
            "registry": {
                "agents": {"bencher": {"scopes": ["bench.*"], "tenants": ["bench"]}},
                "thresholds": {"max_calls": 200000},
                "domains": {"bench": {"barred": {"half": edition % 2, "edition": edition}}},
            }
        }
    }
    begun = time.monotonic()
    # JSON is YAML, so the file keeps its name.
    (layout.project / "policies" / "data.yaml").write_text(json.dumps(data))
    revision = await _served(layout, before)
    found.saved_s.append(time.monotonic() - begun)
    found.halves[revision] = edition % 2
    found.served_ms.append((revision, time.time_ns() // 1_000_000))


async def _run(client: Client, found: Soak, first: int, until: float) -> None:
    """Make one run after the other."""
    number = first
    while time.monotonic() < until:
        number += _AT_ONCE + 1
        status = await _ended(client, number, first)
        found.ended[status] = found.ended.get(status, 0) + 1
        if status not in ("completed", "refused"):
            found.faults.append(f"a run ended with {status}")


async def _ended(client: Client, number: int, lane: int) -> str:
    step: JSONObject = {"id": "a", "tool": TOOL, "args": {"n": number}}
    name = f"soak-{lane}-{number}"
    with suppress(WorkflowFailureError):
        result: JSON = await client.execute_workflow(
            "ExecutePlan", plan("soak", [step]), id=name, task_queue="remit"
        )
        return str(result.get("status")) if isinstance(result, dict) else "no result"
    return "failed"


async def _sample(layout: Layout, found: Soak, until: float) -> None:
    started = load(layout.state).components
    while time.monotonic() < until:
        for name in _PARTS:
            found.memory.setdefault(name, []).append(rss_mb(started[name].pid))
        await asyncio.sleep(_SAMPLE_S)


def _decided(project: Path) -> Iterator[tuple[str, str, int, int]]:
    """Yield of each recorded decision about a call: revision, effect, number, moment."""
    query = (
        "SELECT records.body, contents.body FROM records JOIN contents ON contents.digest = "
        "json_extract(records.body, '$.decision.facts') "
        "WHERE records.kind IN ('intent', 'decision') AND contents.key = ''"
    )
    with sqlite3.connect(Layout(project.resolve()).ledger_database, timeout=20) as connection:
        for body, facts in connection.execute(query):
            action = json.loads(facts).get("action")
            if action is not None:
                said = json.loads(body)["decision"]
                number = int(action["arguments"]["n"])
                yield said["revision"], said["effect"], number, said["decided_ms"]


def _told(found: Soak, decided: list[tuple[str, str, int, int]]) -> JSONObject:
    """Return what was seen, every wrong decision among the faults."""
    faults, last = list(found.faults), dict[str, int]()
    for revision, effect, number, at_ms in decided:
        half = found.halves.get(revision)
        last[revision] = max(at_ms, last.get(revision, 0))
        wanted = "deny" if number % 2 == half else "allow"
        if half is None or effect != wanted:
            faults.append(f"{number} under {revision}: {effect}")
    following = zip(found.served_ms, found.served_ms[1:], strict=False)
    behind = [last.get(old, 0) - at_ms for (old, _), (_, at_ms) in following]
    memory: JSONObject = {name: _growth(samples) for name, samples in found.memory.items()}
    ended: JSONObject = dict(found.ended)
    told: list[JSON] = list(faults[:50])
    return {
        "policies": len(found.halves),
        "decisions": len(decided),
        "runs": ended,
        "saved_to_served_s": _spread(found.saved_s),
        "last_decision_behind_the_next_s": _spread([max(0, ms) / 1000 for ms in behind]),
        "memory_mb": memory,
        "faults": told,
    }


def _spread(values: list[float]) -> JSONObject:
    if not values:
        return {}
    return {"median": round(statistics.median(values), 2), "most": round(max(values), 2)}


def _growth(samples: list[float]) -> JSONObject:
    """Return the medians of the second and of the last quarter: the first one warms up."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    return {
        "first": round(samples[0], 1),
        "second_quarter": round(statistics.median(early), 1),
        "last_quarter": round(statistics.median(late), 1),
        "most": round(max(samples), 1),
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
