"""`remit decision replay`: past decisions under the rules of their time, and under today's.

A decision is said to be the same only when its facts, named by their digest, were put to OPA
again. Whatever is absent makes it not reproducible, never equal.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.cli.errors import CliError, ExitCode, usage
from remit.cli.evidence.place import layout_of
from remit.cli.output import Document, answer
from remit.cli.questions import rules
from remit.cli.questions.judging import (
    DIFFERENT,
    LOOSER,
    NOT_REPRODUCIBLE,
    SAME,
    STRICTER,
    Judged,
    under_other,
    under_then,
)
from remit.cli.questions.opening import Opened, Wanted, opened
from remit.cli.questions.words import doubts, moment, short, table
from remit.evidence.asked import Asked, decisions
from remit.evidence.fields import objects, text
from remit.evidence.recompiling import Recompiled, recompile

THEN, TODAY = "then", "today"


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of asking again under one set of rules."""

    rules: str
    """As they were named: `then`, `today` or a folder."""
    revision: str
    """Of the one bundle that was asked; empty for `then`, where each has its own."""
    judged: Sequence[Judged]

    @property
    def counts(self) -> dict[str, int]:
        """How many decisions came out how."""
        verdicts = [one.verdict for one in self.judged]
        known = (SAME, DIFFERENT, STRICTER, LOOSER, NOT_REPRODUCIBLE)
        return {verdict: verdicts.count(verdict) for verdict in known if verdict in verdicts}

    @property
    def overtaken(self) -> list[Judged]:
        """Actions that were taken, and that these rules would refuse or gate."""
        if self.rules == THEN:
            return []
        return [one for one in self.judged if one.is_made and one.verdict == STRICTER]

    @property
    def is_clean(self) -> bool:
        """Whether every decision was reproduced, and no action would be stopped."""
        bad = (DIFFERENT, NOT_REPRODUCIBLE) if self.rules == THEN else (NOT_REPRODUCIBLE,)
        return not self.overtaken and not any(one.verdict in bad for one in self.judged)


def replay(wanted: Wanted, step: str | None, under: Sequence[str], *, as_json: bool) -> int:
    """Ask again and print how the answers compare."""
    return asyncio.run(_replay(wanted, step, under, as_json=as_json))


async def _replay(wanted: Wanted, step: str | None, under: Sequence[str], *, as_json: bool) -> int:
    chosen = list(dict.fromkeys(under)) or _usual(wanted)
    async with opened(wanted) as run:
        asked = [one for one in decisions(run.dossier.records) if not step or one.is_about(step)]
        if step and not asked:
            hint = "`remit state` lists the run's steps"
            raise usage("STEP-NOT-RECORDED", f"no decision of this run is about {step!r}", hint)
        opa = rules.opa_binary()
        replays = [await _under(run, asked, each, opa, wanted.project) for each in chosen]
        plans = await recompile(run.dossier)
        is_clean = all(one.is_clean for one in replays) and all(one.is_same for one in plans)
        findings = run.findings()
        document = _document(run, replays, plans, is_clean=is_clean and not findings)
        answer(document, _lines(run, replays, plans), as_json=as_json)
    return ExitCode.OK if is_clean and not findings else ExitCode.FINDINGS


def _usual(wanted: Wanted) -> list[str]:
    """Return both kinds of rules; an archive alone knows those of its time only."""
    if wanted.archive is None:
        return [THEN, TODAY]
    try:
        layout_of(wanted.project)
    except CliError:
        return [THEN]
    return [THEN, TODAY] if wanted.project else [THEN]


async def _under(
    run: Opened, asked: Sequence[Asked], chosen: str, opa: Path, project: Path | None
) -> Replay:
    if chosen == THEN:
        return Replay(THEN, "", await under_then(run.dossier, asked, opa))
    folder = layout_of(project).project / "policies" if chosen == TODAY else Path(chosen)
    if not folder.is_dir():
        hint = "`then`, `today`, or a folder of policies"
        raise usage("FILE-UNREADABLE", f"{chosen!r} is no folder of policies", hint)
    bundle = await asyncio.to_thread(rules.build, folder, opa)
    judged = await under_other(run.dossier, asked, opa, bundle.content)
    return Replay(chosen, bundle.revision, judged)


def _document(
    run: Opened, replays: Sequence[Replay], plans: Sequence[Recompiled], *, is_clean: bool
) -> Document:
    return {
        "ok": is_clean,
        "run": run.name,
        "root": run.dossier.root,
        "replays": [
            {
                "rules": one.rules,
                "revision": one.revision or None,
                "counts": one.counts,
                "overtaken": [each.asked.seq for each in one.overtaken],
                "decisions": [_judged(each) for each in one.judged],
            }
            for one in replays
        ],
        "plans": [
            {
                "record": one.seq,
                "compiled": one.compiled,
                "again": one.again or None,
                "same": one.is_same,
                "why": one.why,
            }
            for one in plans
        ],
        "findings": list(run.findings()),
    }


def _judged(one: Judged) -> dict[str, object]:
    asked = one.asked
    return {
        "record": asked.seq,
        "at": moment(asked.at_ms),
        "about": asked.about,
        "tool": asked.tool or None,
        "facts": asked.facts or None,
        "revision": asked.revision or None,
        "recorded": asked.effect,
        "now": text(one.now, "effect") or None,
        "verdict": one.verdict,
        "why": one.why,
        "reasons": one.now.get("reasons", []),
        "taken": one.is_made,
    }


def _lines(run: Opened, replays: Sequence[Replay], plans: Sequence[Recompiled]) -> Iterator[str]:
    yield from doubts(run)
    yield run.name
    for one in replays:
        named = f" ({short(one.revision)})" if one.revision else ""
        yield f"under the rules of {_when(one.rules)}{named}"
        yield from table([_row(each) for each in one.judged])
        counted = ", ".join(f"{number} {_said(verdict)}" for verdict, number in one.counts.items())
        yield f"  {counted or 'nothing was decided'}"
        if one.rules != THEN:
            yield from _overtaken(one)
    yield "the plan, compiled again from what was recorded"
    yield from table([_plan(one) for one in plans])


def _when(chosen: str) -> str:
    return {THEN: "their time", TODAY: "today"}.get(chosen, chosen)


def _said(verdict: str) -> str:
    return verdict.replace("_", " ")


def _row(one: Judged) -> tuple[str, str, str, str, str]:
    now = text(one.now, "effect")
    effect = one.asked.effect if now in ("", one.asked.effect) else f"{one.asked.effect} → {now}"
    return f"#{one.asked.seq}", _said(one.verdict), effect, one.asked.about, one.why


def _overtaken(one: Replay) -> Iterator[str]:
    if not one.overtaken:
        yield "  no action that was taken would be refused or gated"
        return
    yield "  actions that were taken, and would not be taken so:"
    for each in one.overtaken:
        word = "refused" if text(each.now, "effect") == "deny" else "gated"
        yield f"    #{each.asked.seq} {each.asked.path}  {each.asked.tool}  {word}"
        for reason in objects(each.now, "reasons"):
            yield f"      {text(reason, 'code')}: {text(reason, 'message')}"


def _plan(one: Recompiled) -> tuple[str, str, str]:
    verdict = "same" if one.is_same else "different" if one.again else "not reproducible"
    return f"#{one.seq}", verdict, f"{short(one.compiled)}  {one.why}".rstrip()
