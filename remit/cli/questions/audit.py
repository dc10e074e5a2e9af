"""`remit audit`: who decided, which data was touched, under which rules.

One command with three sections: the questions are asked together, about one run, and each answer
names records that the others name too. `--only` gives one of them.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remit.canonical import JSONObject
from remit.cli.errors import ExitCode
from remit.cli.output import answer
from remit.cli.questions.opening import Opened, Wanted, opened
from remit.cli.questions.people import Said, everything_said, verified
from remit.cli.questions.touched import Touch, touches
from remit.cli.questions.words import doubts, moment, short, table
from remit.evidence.asked import Asked, decisions
from remit.evidence.fields import inner, items, objects, text

WHO, TOUCHED, RULES = "who", "touched", "rules"
SECTIONS = (WHO, TOUCHED, RULES)
_NAMES = ("agent", "on_behalf_of", "tenant", "owner")


@dataclass(frozen=True, slots=True)
class Audit:
    """The answers about one run."""

    run: Opened
    about: JSONObject
    """What the admission says of the run."""
    status: str
    is_verified: bool | None
    """Whether agent, person and tenant were proven when the run was decided about."""
    people: Sequence[Said]
    touched: Sequence[Touch]
    asked: Sequence[Asked]
    kept: frozenset[str]
    """Revisions whose bundles are at hand."""


def audit(wanted: Wanted, only: Sequence[str], *, with_values: bool, as_json: bool) -> int:
    """Print the answers."""
    return asyncio.run(_audit(wanted, only, with_values=with_values, as_json=as_json))


async def _audit(wanted: Wanted, only: Sequence[str], *, with_values: bool, as_json: bool) -> int:
    sections = [one for one in SECTIONS if not only or one in only]
    async with opened(wanted) as run:
        found = await _found(run, with_values=with_values)
        parts = {WHO: _who, TOUCHED: _touched, RULES: _rules}
        document: dict[str, object] = {
            "ok": not run.findings(),
            "run": run.name,
            "root": run.dossier.root,
            "status": found.status,
            **{one: _DOCUMENTS[one](found) for one in sections},
            "findings": list(run.findings()),
        }
        lines = [line for one in sections for line in parts[one](found)]
        head = f"{run.name}  {found.about.get('plan', '')}  {found.status}"
        answer(document, [*doubts(run), head, *lines], as_json=as_json)
    return ExitCode.FINDINGS if run.findings() else ExitCode.OK


async def _found(run: Opened, *, with_values: bool) -> Audit:
    state = run.whole_state()
    asked = list(decisions(run.dossier.records))
    revisions = dict.fromkeys(one.revision for one in asked if one.revision)
    kept = [one for one in revisions if await run.dossier.bundle(one) is not None]
    return Audit(
        run=run,
        about=state.run,
        status=state.status,
        is_verified=await _proven(run, asked),
        people=await everything_said(run.dossier),
        touched=await touches(run, state, asked, with_values=with_values),
        asked=asked,
        kept=frozenset(kept),
    )


async def _proven(run: Opened, asked: Sequence[Asked]) -> bool | None:
    """Return what the first decision with a principal was told of the names."""
    for one in asked:
        facts = await run.dossier.json(one.facts) if one.facts else None
        proven = inner(facts, "principal").get("verified")
        if isinstance(proven, bool):
            return proven
    return None


# who


def _who(found: Audit) -> Iterator[str]:
    yield "who"
    told = {name: str(found.about.get(name) or "-") for name in _NAMES}
    yield (
        f"  agent {told['agent']} on behalf of {told['on_behalf_of']}, tenant {told['tenant']} "
        f"({verified(found.is_verified)}); answerable: {told['owner']}"
    )
    yield from (f"  #{said.seq} {moment(said.at_ms)}  {said.words}" for said in found.people)
    if not found.people:
        yield "  no person voted, ordered or answered anything"


def _who_document(found: Audit) -> dict[str, object]:
    return {
        **{name: found.about.get(name) for name in _NAMES},
        "verified": found.is_verified,
        "people": [said.documented() for said in found.people],
    }


# which data


def _touched(found: Audit) -> Iterator[str]:
    yield "touched"
    for one in found.touched:
        yield f"  {one.about}  {one.tool} {one.version}  {one.operation}  {one.state}"
        classes = ", ".join(one.data_classes) or "none stated"
        to = f", to {', '.join(one.destinations)}" if one.destinations else ""
        yield f"    data classes: {classes}; region {one.region or '-'}{to}"
        given, given_value = short(one.arguments), _value(one.arguments_value)
        yield f"    arguments {given}{given_value}"
        if one.output or one.output_value is not None:
            yield f"    output {short(one.output)}{_value(one.output_value)}"
    if not found.touched:
        yield "  no tool was called"


def _value(value: str | None) -> str:
    return "" if value is None else f"  {value}"


def _touched_document(found: Audit) -> list[dict[str, object]]:
    return [one.documented() for one in found.touched]


# which rules


def _rules(found: Audit) -> Iterator[str]:
    yield "rules"
    revisions = dict.fromkeys(one.revision for one in found.asked if one.revision)
    for revision in revisions:
        count = sum(1 for one in found.asked if one.revision == revision)
        kept = "kept" if revision in found.kept else "NOT kept"
        yield f"  {count} decisions under {short(revision)}, whose bundle is {kept}"
    yield from table([_decision(one) for one in found.asked])
    if not found.asked:
        yield "  nothing was decided"


def _decision(one: Asked) -> tuple[str, str, str, str, str]:
    codes = ", ".join(one.codes) or one.host
    obliged = [text(each, "type") for each in objects(one.decision, "obligations")]
    also = f"; obliged to {', '.join(obliged)}" if obliged else ""
    return f"#{one.seq}", one.effect, one.about, short(one.revision), codes + also


def _rules_document(found: Audit) -> dict[str, object]:
    revisions = dict.fromkeys(one.revision for one in found.asked if one.revision)
    return {
        "revisions": [{"revision": one, "bundle_kept": one in found.kept} for one in revisions],
        "decisions": [
            {
                "record": one.seq,
                "at": moment(one.at_ms),
                "about": one.about,
                "tool": one.tool or None,
                "effect": one.effect,
                "revision": one.revision or None,
                "decision_id": text(one.decision, "decision_id") or None,
                "facts": one.facts or None,
                "risk": text(one.decision, "risk") or None,
                "permits": items(one.decision, "permits"),
                "reasons": items(one.decision, "reasons"),
                "obligations": items(one.decision, "obligations"),
                "host": one.host or None,
            }
            for one in found.asked
        ],
    }


_DOCUMENTS = {WHO: _who_document, TOUCHED: _touched_document, RULES: _rules_document}
