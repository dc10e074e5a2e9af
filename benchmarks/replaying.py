"""How many recorded decisions a what-if asks again in a second.

The same call with other arguments is decided many times by a real OPA, and recorded as a run does;
then the policies in force are their own candidate, so each decision is asked twice and comes out
the same. What is counted is the comparison: reading, asking both, comparing; not what is built and
started before it. Beside it stands what asking the two OPAs takes by itself.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmarks.arena import PROJECT
from benchmarks.deciding import question
from benchmarks.plans import TOOL
from benchmarks.ratios import Ratio, ratio_of
from remit.cli.questions import rules
from remit.cli.stack.bundle import Bundle
from remit.cli.whatif.asking import judging
from remit.cli.whatif.making import Question, make
from remit.cli.whatif.reading import source
from remit.enforcement.deciding import Deciding, facts_of, recorded
from remit.enforcement.frame import Place
from remit.ledger.entries import Record
from remit.stores.ledger import open_ledger, wall_ms
from remit.stores.project import Project

_EACH = 25
"""Decisions of one run."""


class Replaying(BaseModel):
    """Decisions asked again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decisions: int
    per_s: list[float]
    """Of each pass."""
    over_asking: Ratio
    """Time of a pass over that of asking alone."""


def replaying(project: Project, count: int, passes: int) -> Replaying:
    """Record `count` decisions, and ask them again `passes` times."""
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder:
        place = Path(folder) / "bench"
        shutil.copytree(PROJECT, place, ignore=shutil.ignore_patterns("__pycache__", ".remit"))
        (place / ".remit" / "data").mkdir(parents=True)
        return asyncio.run(_replaying(place, project, count, passes))


async def _replaying(place: Path, project: Project, count: int, passes: int) -> Replaying:
    bundle = await asyncio.to_thread(rules.build, place / "policies", rules.opa_binary())
    documents = await _record(place, project, bundle, count)
    took: list[float] = []
    alone: list[float] = []
    for _ in range(passes):
        took.append(await _asked_again(place, count))
        alone.append(await _alone(bundle, documents))
    return Replaying(
        decisions=count,
        per_s=[count / seconds for seconds in took],
        over_asking=ratio_of(took, alone),
    )


async def _record(place: Path, project: Project, bundle: Bundle, count: int) -> Sequence[bytes]:
    """Have a real OPA decide, and keep what it said; return the facts."""
    subject, situation = question(project)
    documents: list[bytes] = []
    ledger = await open_ledger(f"sqlite:///{place}/.remit/data/ledger.db")
    await ledger.log.keep_bundle(bundle.revision, bundle.content)
    async with rules.serving(rules.opa_binary(), bundle.content) as opa:
        deciding = Deciding(opa, Place(), wall_ms)
        for run in range(0, count, _EACH):
            records = []
            for number in range(run, min(run + _EACH, count)):
                asked = replace(subject, arguments={"n": number})
                decided = await deciding.call(asked, situation)
                documents.append(decided.facts)
                step = str(asked.key)
                body = {"step_key": step, "tool": TOOL, "decision": recorded(decided)}
                records.append(Record("decision", body, [facts_of(decided)]))
            await ledger.append(f"run-{run}", records)
    await ledger.close()
    return documents


async def _asked_again(place: Path, count: int) -> float:
    """Return how many seconds a what-if compared for; every decision comes out as it did."""
    async with source(place, None) as opened:
        made = await make(opened, Question(place / "policies", 0, "", place))
    counts = made.report.counts
    if (counts.decisions, counts.same, counts.unreproducible) != (count, count, 0):
        raise ValueError(f"decisions did not come out again: {counts}")
    return made.took_s


async def _alone(bundle: Bundle, documents: Sequence[bytes]) -> float:
    """Return how many seconds two OPAs are asked for, each about all facts."""
    opa = rules.opa_binary()
    async with (
        judging(opa, bundle.revision, bundle.content) as one,
        judging(opa, bundle.revision, bundle.content) as other,
    ):
        begun = time.perf_counter()
        await asyncio.gather(one.ask(documents), other.ask(documents))
        return time.perf_counter() - begun
