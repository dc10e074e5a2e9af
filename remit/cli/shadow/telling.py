"""`remit policy shadow report`: what a candidate would have decided otherwise, and how often."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from remit.cli.errors import ExitCode, usage
from remit.cli.output import Document, answer
from remit.cli.place import find_project
from remit.cli.questions.words import moment, short, table
from remit.cli.stack.layout import SHADOW, Layout
from remit.cli.whatif.meaning import MEANING
from remit.decision.decision import Decision
from remit.decision.shadow import Difference, Outcome, Summary, summarised
from remit.decision.whatif import KINDS, Kind, compare, per_kind
from remit.stores import shadow

MOST_LISTED = 500
_MISSED: Mapping[Outcome, str] = {
    "dropped": "were never put to the candidate: it was too slow, or too much was asked",
    "unanswered": "were not answered in time",
    "foreign": "were answered by other policies than the announced ones",
}


def report(revision: str | None, project: Path | None, *, as_json: bool) -> int:
    """Print what was found about a candidate.

    Raises:
        CliError: `SHADOW-NONE`: nothing was ever asked, or not of this one; exit code 2.
    """
    folder = Layout(find_project(project)).candidate(SHADOW)
    name = _named(folder, revision)
    summary = summarised(shadow.counts(folder, name), shadow.differences(folder, name))
    answer(_document(name, summary), _lines(name, summary), as_json=as_json)
    return ExitCode.FINDINGS if summary.outcomes.get("error") else ExitCode.OK


def _named(folder: Path, revision: str | None) -> str:
    """Return the candidate that is meant: the named one, else the announced, else the last."""
    told = shadow.announced(folder)
    if revision is None and told is not None:
        return told.revision
    wanted = (revision or "").removeprefix("sha256:")
    for found in shadow.names(folder):
        if found.name.startswith(wanted[: len(found.name)]):
            return found.name
    hint = "`remit policy shadow start DIR` asks one"
    raise usage("SHADOW-NONE", "nothing is known of such a candidate", hint)


def _document(name: str, summary: Summary) -> Document:
    tally = summary.tally
    return {
        "ok": not summary.outcomes.get("error"),
        "candidate": name,
        "base": summary.base,
        "compared": summary.compared,
        "missed": summary.missed,
        "outcomes": summary.outcomes,
        "first": per_kind(tally.first),
        "censored": per_kind(tally.censored),
        "widens": tally.widens,
        "unwritten": summary.unwritten,
        "other_bases": summary.other_bases,
        "approvals": [
            {
                "role": role,
                "day": day,
                "extra": tally.extra.get(at, 0),
                "saved": tally.saved.get(at, 0),
            }
            for at in sorted({*tally.extra, *tally.saved})
            for role, day in [at]
        ],
        "differences": [_difference(one) for one in summary.firsts[:MOST_LISTED]],
        "left_out": max(0, len(summary.firsts) - MOST_LISTED),
    }


def _difference(one: Difference) -> Document:
    return {
        "class": _kind(one),
        "run": one.root,
        "at": datetime.fromtimestamp(one.at_ms / 1000, UTC).isoformat(),
        "kind": one.kind,
        "step": one.step,
        "tool": one.tool,
        "facts": one.facts,
        "was": _said(one.before),
        "now": _said(one.after) if one.after else {"effect": "no answer", "codes": [one.fault]},
    }


def _said(decision: Decision) -> Document:
    return {"effect": decision.effect, "codes": _codes(decision)}


def _codes(decision: Decision) -> list[str]:
    spoke = decision.approvals if decision.effect == "require_approval" else decision.reasons
    return sorted({one.code for one in spoke})


def _lines(name: str, summary: Summary) -> Iterator[str]:
    yield f"candidate {short(name)} beside {short(summary.base)}"
    yield f"  {summary.compared} decisions compared, {summary.outcomes.get('same', 0)} the same"
    for missed, what in _MISSED.items():
        number = summary.outcomes.get(missed, 0)
        if number:
            yield f"  {number} {what}"
    if summary.other_bases:
        yield f"  {summary.other_bases} earlier ones, beside other policies, are left out"
    counted = [(kind, summary.times(kind)) for kind in KINDS if summary.times(kind)]
    if not counted:
        yield "nothing would have come out otherwise"
        return
    yield ""
    yield from table([(str(number), f"{kind}: {MEANING[kind]}") for kind, number in counted])
    if summary.unwritten:
        yield f"  {summary.unwritten} of them were counted only: the files are full"
    behind = sum(summary.tally.censored.values())
    if behind:
        yield f"  {behind} stand behind a run's first one: that run would have been another"
    yield ""
    for one in summary.firsts[:MOST_LISTED]:
        yield from _told(one)
    yield from _asked(summary)
    if summary.tally.widens:
        yield ""
        yield "WIDENS: promotion needs a what-if report that somebody approved"


def _told(one: Difference) -> Iterator[str]:
    about = " ".join(filter(None, (one.tool, one.step)))
    yield f"{_kind(one)}  {one.root or one.kind}  {about}  {moment(one.at_ms)}"
    yield f"    was {_words(one.before)}"
    yield f"    now {_words(one.after) if one.after else f'no answer ({one.fault})'}"


def _words(decision: Decision) -> str:
    codes = ", ".join(_codes(decision))
    return decision.effect.replace("_", " ") + (f" ({codes})" if codes else "")


def _asked(summary: Summary) -> Iterator[str]:
    tally = summary.tally
    rows = [
        (
            day,
            role,
            f"{tally.extra.get((role, day), 0)} more",
            f"{tally.saved.get((role, day), 0)} less",
        )
        for role, day in sorted({*tally.extra, *tally.saved})
    ]
    if rows:
        yield ""
        yield "approvals that people would have been asked for"
        yield from table(rows)


def _kind(one: Difference) -> Kind:
    change = compare(one.before, one.after)
    return change.kind if change else "reason"
