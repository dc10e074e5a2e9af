"""A what-if from end to end: bundles, comparison, causes, proofs, and the report of it."""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from remit.cli.errors import CliError, usage
from remit.cli.evidence.place import layout_of
from remit.cli.questions import rules
from remit.cli.stack.bundle import Bundle
from remit.cli.stack.bundle_status import read_status
from remit.cli.stack.bundle_store import ARCHIVE
from remit.cli.whatif.asking import Judge, judging
from remit.cli.whatif.bundles import Parts
from remit.cli.whatif.causes import Cause, causes
from remit.cli.whatif.comparing import Comparison, First, Found, Past, Serve
from remit.cli.whatif.drawing import drawing
from remit.cli.whatif.proving import Prover, codes
from remit.cli.whatif.reading import Source
from remit.decision.decision import Decision
from remit.decision.promotion import Approvals, Clash, Counts, Divergence, Proof, Report, Says
from remit.decision.whatif import per_kind
from remit.decision.widening import widened

MOST_CLASHES = 100
"""Pairs of rules that a report lists."""
MOST_PROVEN = 8
"""Differences whose smallest facts are searched: the first ones of each kind, tool and reason."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    candidate: Path
    """Folder of the candidate's policies."""
    since_ms: int
    base: str
    """Revision to compare with; empty for the one in force."""
    project: Path | None
    until_ms: int = 0
    """End of the period; 0 for now."""
    is_proven: bool = True
    """Whether the smallest facts are searched."""
    temporal: str = ""
    """Address of Temporal, whose histories are looked through for decisions; empty for none."""
    namespace: str = "default"


@dataclass(frozen=True, slots=True)
class Made:
    """A report, and what does not stand in it."""

    report: Report
    took_s: float
    """How long the comparison itself took."""
    unproven: Sequence[str]
    drawings: Mapping[str, str]
    """Plans of runs as SVG, by root: of those with a proof."""
    gaps: Sequence[str]
    """Decisions that Temporal tells of and the ledger does not, in words."""


async def make(source: Source, question: Question) -> Made:
    """Compare a candidate with the policies in force by recorded decisions.

    Raises:
        CliError: the candidate does not build (exit code 1), or there is nothing to compare with.
    """
    opa = rules.opa_binary()
    until_ms = question.until_ms or time.time_ns() // 1_000_000
    candidate = rules.build(question.candidate, opa)
    base = await in_force(source, question)
    async with AsyncExitStack() as opened:
        old = await opened.enter_async_context(judging(opa, base.revision, base.content))
        new = await opened.enter_async_context(judging(opa, candidate.revision, candidate.content))
        past = Past(_serving(opa, source))
        opened.push_async_callback(past.close)
        begun = time.perf_counter()
        found = await Comparison(past, old, new).run(source, question.since_ms, until_ms)
        took_s = time.perf_counter() - begun
        parts = Parts(base.content), Parts(candidate.content)
        why = await causes(opa, *parts, found.firsts)
        asked = found.firsts if question.is_proven else []
        proofs = await _proofs(Prover(opa, old, new, *parts), asked)
        report = Report(
            candidate=candidate.revision,
            base=base.revision,
            made_ms=until_ms,
            since_ms=question.since_ms,
            head=await source.head(),
            counts=_counts(found),
            first=per_kind(found.tally.first),
            censored=per_kind(found.tally.censored),
            widens_data=widened(parts[0].data, parts[1].data),
            divergences=_divergences(found, why, proofs),
            left_out=found.left_out,
            approvals=_approvals(found),
            clashes=_clashes(found),
            findings=found.findings,
        )
        shown = [found.firsts[number] for number in proofs]
        drawings = {one.recorded.root: await drawing(source, one) for one in shown}
        gaps = await _gaps(question, until_ms, found)
        return Made(report, took_s, found.unproven, drawings, gaps)


async def _gaps(question: Question, until_ms: int, found: Found) -> Sequence[str]:
    if not question.temporal:
        return ()
    # Only who asks for it waits for Temporal's client to be loaded.
    from remit.cli.whatif.histories import gaps

    period = question.since_ms, until_ms
    return await gaps(question.temporal, question.namespace, period, found.ids)


async def in_force(source: Source, question: Question) -> Bundle:
    """Return the bundle to compare with: the one named, else the one in force.

    Raises:
        CliError: `WHATIF-NO-BASE`; exit code 2.
    """
    layout = None
    try:
        layout = layout_of(question.project)
    except CliError:
        if source.log is not None:
            raise
    served = read_status(layout.bundle).revision if layout else None
    revision = question.base or served or await _last(source)
    found = await source.bundle(revision) if revision else None
    if found is None and layout is not None and revision and revision == served:
        # The keeper may not have taken it into the ledger yet.
        found = (layout.bundle / ARCHIVE).read_bytes()
    if found is None:
        what = (
            f"the bundle {revision} is not kept" if revision else "no policies were ever in force"
        )
        hint = "`remit up` publishes the project's policies; `--base` names a revision that is kept"
        raise usage("WHATIF-NO-BASE", f"there is nothing to compare with: {what}", hint)
    return Bundle(revision, found)


async def _last(source: Source) -> str:
    """Return the revision of the newest decision."""
    newest = (0, "")
    async for page in source.pages(0, sys.maxsize - 1):
        newest = max([newest, *((d.asked.at_ms, d.asked.revision) for d in page.decisions)])
    return newest[1]


def _serving(opa: Path, source: Source) -> Serve:
    async def serve(revision: str, opened: AsyncExitStack) -> Judge | None:
        bundle = await source.bundle(revision)
        if bundle is None:
            return None
        return await opened.enter_async_context(judging(opa, revision, bundle))

    return serve


async def _proofs(prover: Prover, firsts: Sequence[First]) -> dict[int, Proof]:
    """Return proofs of the first difference of each kind, by its number."""
    seen: set[tuple[str, ...]] = set()
    proofs: dict[int, Proof] = {}
    for number, one in enumerate(firsts):
        said = codes(one.after) if one.after else []
        name = (one.change.kind, one.recorded.tool, *said)
        if name in seen or len(seen) == MOST_PROVEN:
            continue
        seen.add(name)
        proof = await prover.prove(one)
        if proof is not None:
            proofs[number] = proof
    return proofs


def _counts(found: Found) -> Counts:
    tally, apart = found.tally, found.apart
    return Counts(
        decisions=tally.decisions,
        runs=tally.runs,
        same=tally.same,
        reworded=tally.reworded,
        unreproducible=apart.get("absent", 0) + apart.get("differs", 0),
        forgotten=apart.get("forgotten", 0),
        unjudged=apart.get("unjudged", 0),
        overtaken=found.overtaken,
        widens=tally.widens,
        errors=tally.errors,
    )


def _divergences(
    found: Found, why: Sequence[Cause], proofs: Mapping[int, Proof]
) -> list[Divergence]:
    """Return the first differences in the order of their moments, with what is known of each."""
    told = (
        _divergence(one, cause, proofs.get(number), found)
        for number, (one, cause) in enumerate(zip(found.firsts, why, strict=True))
    )
    return sorted(told, key=lambda one: (one.at_ms, one.root))


def _divergence(one: First, cause: Cause, proof: Proof | None, found: Found) -> Divergence:
    asked = one.recorded.asked
    return Divergence(
        run=one.recorded.run,
        root=one.recorded.root,
        record=asked.seq,
        at_ms=asked.at_ms,
        about=asked.about,
        path=asked.path,
        tool=one.recorded.tool,
        kind=one.change.kind,
        permits_more=one.change.permits_more,
        recorded=asked.effect,
        before=_says(one.before),
        after=_says(one.after),
        cause="" if one.change.kind == "error" else cause,
        facts=asked.facts,
        censored=found.behind.get(one.recorded.root, 0),
        proof=proof,
    )


def _says(said: Decision | None) -> Says:
    if said is None:
        return Says(effect="error", codes=[], message="no answer that could be trusted")
    told = said.approvals if said.effect == "require_approval" else said.reasons
    return Says(effect=said.effect, codes=codes(said), message=told[0].message if told else "")


def _clashes(found: Found) -> list[Clash]:
    """Return the most frequent pairs first; of as many, by their codes."""
    ranked = sorted(found.clashes.items(), key=lambda one: (-one[1], one[0]))
    return [
        Clash(permits=permit, refuses=refusal, decisions=count)
        for (permit, refusal), count in ranked[:MOST_CLASHES]
    ]


def _approvals(found: Found) -> list[Approvals]:
    extra, saved = found.tally.extra, found.tally.saved
    return [
        Approvals(
            role=role, day=day, extra=extra.get((role, day), 0), saved=saved.get((role, day), 0)
        )
        for role, day in sorted({*extra, *saved}, key=lambda place: (place[1], place[0]))
    ]
