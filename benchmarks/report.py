"""What was measured: a document for machines, and a table for people with targets beside it."""

import os
import platform
from collections.abc import Iterator
from datetime import datetime
from statistics import median

from pydantic import BaseModel, ConfigDict

from benchmarks.arena import BARE, BEST, GOVERNED, LEAN
from benchmarks.bulkhead import Bulkheads
from benchmarks.compiling import CompileTimes
from benchmarks.connecting import OPERATIONS, TOOLS, Connecting
from benchmarks.crowding import DOMAINS200, RULES200
from benchmarks.deciding import Decisions
from benchmarks.histories import Histories
from benchmarks.memory import Memory
from benchmarks.pipeline import Pipeline
from benchmarks.ratios import Spread
from benchmarks.recording import Rate, Recording
from benchmarks.replaying import Replaying
from benchmarks.runs import Latency, Throughput
from benchmarks.scale import AT_ONCE, DECISIONS_AT_ONCE, ITEMS, STEPS
from remit.canonical import JSON, JSONObject

RECORDS_PER_S = {"sqlite": 1000, "postgresql": 2000}
"""Durable records that are aimed at, by database."""


class Machine(BaseModel):
    """Where it was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cores: int
    load_before: float
    """One-minute load average before anything was started: other people's work is noise here."""
    load_after: float
    """The same at the end: beyond the cores, it is the benchmark's own or others'."""
    python: str
    system: str
    versions: dict[str, str]
    """Of `temporal` and `opa`."""

    @classmethod
    def here(cls, versions: dict[str, str], load_before: float) -> "Machine":
        """Return this machine."""
        return cls(
            cores=os.cpu_count() or 0,
            load_before=load_before,
            load_after=os.getloadavg()[0],
            python=platform.python_version(),
            system=platform.platform(terse=True),
            versions=versions,
        )


class Report(BaseModel):
    """Everything; what was not asked for is absent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    began: datetime
    quick: bool
    machine: Machine
    sequential: Latency | None = None
    throughput: Throughput | None = None
    fan_out: Latency | None = None
    decisions: Decisions | None = None
    rules200: Decisions | None = None
    domains200: Decisions | None = None
    what_if: Replaying | None = None
    pipeline: Pipeline | None = None
    compiling: CompileTimes | None = None
    connecting: Connecting | None = None
    recording: Recording | None = None
    histories: Histories | None = None
    bulkhead: Bulkheads | None = None
    memory: Memory | None = None

    def document(self) -> JSONObject:
        """Return `bench.json`: the headline numbers on top, everything else under `detail`."""
        headline: JSONObject = {"ratio": _ratios(self)}
        own = _decision(self.decisions) if self.decisions else {}
        under: JSONObject = {
            name: _decision(found)
            for name, found in (("rules200", self.rules200), ("domains200", self.domains200))
            if found
        }
        if own or under:
            headline["decision"] = {**own, **under}
        if self.compiling:
            spreads = self.compiling.milliseconds.items()
            headline["compile_ms"] = {f"steps_{size}": s.p50 for size, s in spreads}
        if self.memory:
            headline["worker_rss_mb"] = self.memory.worker_peak_mb
        if self.bulkhead:
            headline["bulkhead_p95"] = self.bulkhead.ratio.mean
        if self.histories:
            headline["history"] = _history(self.histories)
        return {**headline, "detail": self.model_dump(mode="json")}

    def table(self) -> str:
        """Return the table."""
        rows = [("measured", "value", "target", "")]
        rows += [*_run_rows(self), *_other_rows(self)]
        widths = [max(len(row[at]) for row in rows) for at in range(4)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        return "\n".join([*lines, "", *_notes(self)])


def _ratios(report: Report) -> JSONObject:
    found: JSONObject = {}
    if report.sequential:
        found["sequential_latency"] = report.sequential.ratio.mean
        found["sequential_latency_interval"] = _interval(report.sequential)
    if report.throughput:
        found["throughput"] = report.throughput.ratio.mean
        found["throughput_interval"] = _interval(report.throughput)
    if report.fan_out:
        found["fan_out_latency"] = report.fan_out.ratio.mean
        found["fan_out_latency_interval"] = _interval(report.fan_out)
    return found


def _interval(measured: Latency | Throughput) -> JSON:
    return [measured.ratio.low, measured.ratio.high] if measured.ratio.pairs > 1 else None


def _decision(found: Decisions) -> JSONObject:
    return {
        "p50_ms": found.one.p50,
        "added_p50_ms": found.added.p50,
        "opa_alone_p50_ms": found.one_opa.p50,
        "p99_at_64_ms": found.crowd.p99,
        "opa_alone_p99_at_64_ms": found.crowd_opa.p99,
        "p99_over_opa_alone": found.crowd_p99_ratio.mean,
    }


def _history(found: Histories) -> JSONObject:
    return {
        "events": {GOVERNED: found.governed.events, BARE: found.bare.events},
        "events_per_step": {
            GOVERNED: found.governed.events_per_step,
            BARE: found.bare.events_per_step,
        },
        "bytes_per_step": {
            GOVERNED: found.governed.bytes_per_step,
            BARE: found.bare.bytes_per_step,
        },
        "more": dict(found.more),
    }


Row = tuple[str, str, str, str]


def _row(name: str, value: str, target: str = "", ok: bool | None = None) -> Row:
    return (name, value, target, "" if ok is None else "reached" if ok else "MISSED")


def _run_rows(report: Report) -> Iterator[Row]:
    if found := report.sequential:
        name = f"{STEPS} sequential steps, governed / bare"
        yield _row(name, str(found.ratio), "<= 1.3", found.ratio.mean <= 1.3)
        yield from _spreads(found.milliseconds, "ms")
    if rate := report.throughput:
        name = f"steps per second, {AT_ONCE} runs at once, governed / bare"
        yield _row(name, str(rate.ratio), ">= 0.7", rate.ratio.mean >= 0.7)
        yield from _spreads(rate.steps_per_s, "steps/s")
        yield from _spreads(rate.run_ms, "ms per run")
        for contender, parts in rate.cpu_ms_per_step.items():
            said = ", ".join(f"{part} {ms:.2f}" for part, ms in parts.items())
            yield _row(f"  {contender}: CPU ms per step", said)
    if found := report.fan_out:
        yield _row(f"fan-out of {ITEMS}, governed / bare", str(found.ratio))
        yield from _spreads(found.milliseconds, "ms")
    if report.bulkhead:
        yield from _bulkhead_rows(report.bulkhead)


def _spreads(spreads: dict[str, Spread], unit: str) -> Iterator[Row]:
    for contender, spread in spreads.items():
        said = f"p50 {spread.p50:.1f}, p95 {spread.p95:.1f} {unit}"
        yield _row(f"  {contender}", said)


def _other_rows(report: Report) -> Iterator[Row]:
    if found := report.decisions:
        yield from _decision_rows(found, "a decision")
    for crowd, found in ((RULES200, report.rules200), (DOMAINS200, report.domains200)):
        if found:
            yield from _decision_rows(found, f"a decision under {crowd}")
    if again := report.what_if:
        yield from _what_if_rows(again)
    if calls := report.pipeline:
        yield from _pipeline_rows(calls)
    if times := report.compiling:
        yield from _compile_rows(times)
    yield from _connecting_rows(report.connecting)
    if recorded := report.recording:
        yield from map(_rate_row, recorded.rates)
    if history := report.histories:
        yield from _history_rows(history)
    if memory := report.memory:
        said = f"peak {memory.worker_peak_mb:.0f}, now {memory.worker_mb[-1]:.0f} MB"
        said += f" after {memory.runs} runs"
        yield _row("worker's memory", said, "<= 300 MB", memory.worker_peak_mb <= 300)
        said = f"bare worker {memory.bare_worker_mb:.0f}, OPA {memory.opa_mb:.0f}, "
        yield _row("  beside it", said + f"Temporal {memory.temporal_mb:.0f} MB")


def _bulkhead_rows(found: Bulkheads) -> Iterator[Row]:
    # The interval's upper end is judged: it holds also when the luck of the pairs does not.
    judged = found.ratio.high <= 1.25 if found.ratio.pairs > 1 else None
    name = f"p95 of other tools' runs while {found.hung} calls of one hang, over without"
    yield _row(name, str(found.ratio), "<= 1.25 (upper end)", judged)
    yield from _spreads(found.milliseconds, "ms")


def _connecting_rows(found: Connecting | None) -> Iterator[Row]:
    if found is None:
        return
    said = f"{found.import_s:.2f} s, {found.import_cpu_s:.2f} s of CPU"
    yield _row(f"import of {OPERATIONS} operations", said, "<= 5 s", found.import_s <= 5)
    said = f"{found.load_s:.2f} s, {found.load_cpu_s:.2f} s of CPU"
    yield _row(f"catalogue of {TOOLS} tools", said, "<= 2 s", found.load_s <= 2)
    said = f"p50 {found.added_ms.p50:.2f}, p95 {found.added_ms.p95:.2f} ms"
    is_reached = found.added_ms.p50 <= 1.5
    yield _row("HTTP adapter over its bare client", said, "p50 <= 1.5 ms", is_reached)
    said = f"p50 {found.adapter_ms.p50:.2f}, bare {found.bare_ms.p50:.2f} ms"
    yield _row("  a call", said)
    said = f"p50 {found.check_us.p50:.0f}, p95 {found.check_us.p95:.0f} us"
    is_reached = found.check_us.p50 <= 50
    yield _row("a schema checks 5 kB", said, "p50 <= 50 us", is_reached)


def _rate_row(rate: Rate) -> Row:
    least = RECORDS_PER_S[rate.database]
    said = f"{rate.per_s:.0f} records/s, {rate.cpu_us:.0f} us CPU, {rate.per_commit:.0f} a commit"
    name = f"durable records, {rate.database}, {rate.callers} callers"
    return _row(name, said, f">= {least}/s", rate.per_s >= least)


def _decision_rows(found: Decisions, what: str) -> Iterator[Row]:
    one = f"p50 {found.one.p50:.2f}, p95 {found.one.p95:.2f} ms"
    yield _row(f"{what}, one at a time", one)
    yield _row("  OPA alone", f"p50 {found.one_opa.p50:.2f}, p95 {found.one_opa.p95:.2f} ms")
    added = f"p50 {found.added.p50:.2f}, p95 {found.added.p95:.2f} ms"
    yield _row("  added to OPA", added, "p50 <= 1 ms", found.added.p50 <= 1)
    ratio = found.crowd_p99_ratio
    name = f"p99 of {DECISIONS_AT_ONCE} at once, over OPA alone"
    yield _row(name, str(ratio), "<= 1.5", ratio.mean <= 1.5)
    yield _row("  decided", f"p50 {found.crowd.p50:.1f}, p99 {found.crowd.p99:.1f} ms")
    yield _row("  OPA alone", f"p50 {found.crowd_opa.p50:.1f}, p99 {found.crowd_opa.p99:.1f} ms")


def _what_if_rows(found: Replaying) -> Iterator[Row]:
    rate = median(found.per_s)
    said = f"{rate:.0f} a second, median of {len(found.per_s)} passes over {found.decisions}"
    yield _row("decisions that a what-if asks again", said, ">= 1000/s", rate >= 1000)
    yield _row("  time over that of asking alone", str(found.over_asking))


def _pipeline_rows(found: Pipeline) -> Iterator[Row]:
    said = f"{found.calls_per_s:.0f} calls/s, {found.cpu_ms_per_call:.2f} CPU ms per call"
    yield _row("governed calls without Temporal", said)
    yield _row("  one at a time", f"p50 {found.one_ms.p50:.2f}, p95 {found.one_ms.p95:.2f} ms")


def _compile_rows(found: CompileTimes) -> Iterator[Row]:
    for size, spread in found.milliseconds.items():
        said = f"p50 {spread.p50:.1f}, p95 {spread.p95:.1f} ms"
        is_judged = size == 1000
        yield _row(
            f"compile {size} steps",
            said,
            "<= 300 ms" if is_judged else "",
            spread.p50 <= 300 if is_judged else None,
        )


def _history_rows(found: Histories) -> Iterator[Row]:
    for name, written in ((GOVERNED, found.governed), (BARE, found.bare)):
        said = (
            f"{written.events} events, {written.bytes} bytes; per further step "
            f"{written.events_per_step:.1f} events, {written.bytes_per_step:.0f} bytes"
        )
        yield _row(f"history of {STEPS} steps, {name}", said)
    more = ", ".join(f"{count:+d} {kind}" for kind, count in found.more.items())
    yield _row("  governed has", more or "the same events")


def _notes(report: Report) -> Iterator[str]:
    machine = report.machine
    loads = f"load {machine.load_before:.1f} before, {machine.load_after:.1f} after"
    programs = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    yield f"{machine.cores} cores, {loads}; Python {machine.python}, {programs}"
    yield (
        f"{BARE}: hand-written workflow, same server and worker options, the SDK's Pydantic "
        f"converter and sandbox; {LEAN}: the same with Remit's leaner converter and sandbox; "
        f"{BEST}: without sandbox, on the default converter. Brackets: 95 % interval of the pairs' "
        "geometric mean. The load generator shares the cores."
    )
    if report.quick:
        yield "A quick look: few pairs, wide intervals."
