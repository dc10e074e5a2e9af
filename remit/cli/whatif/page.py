"""A what-if as one page: self-contained, without script, for whoever answers for the policies.

Top down: may it be promoted without further ado, what would have changed, in which plans and why,
what people would be asked, what the data permits besides. Tests and digests are folded away.
"""

from collections.abc import Sequence

from remit.canonical import digest_bytes
from remit.cli.evidence.markup import STYLE, Markup, el, facts, join, table
from remit.cli.evidence.page import pill
from remit.cli.questions.words import moment
from remit.cli.whatif.making import Made
from remit.cli.whatif.meaning import MEANING
from remit.cli.whatif.words import CAUSE, apart, says
from remit.decision.promotion import Divergence, Proof, Report
from remit.decision.whatif import KINDS, Kind

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_TONES: dict[Kind, str] = {
    "breaks": "bad",
    "widens": "wait",
    "removes_gate": "wait",
    "adds_gate": "",
    "error": "bad",
}
_TITLES: dict[Kind, str] = {
    "breaks": "Would be refused",
    "widens": "Would not be refused any more",
    "adds_gate": "Would wait for a person",
    "removes_gate": "Would wait for nobody, or for less",
    "obligation": "Would be made with other arguments",
    "reserve": "Would be held to other limits",
    "error": "Would get no answer",
}


def page(made: Made) -> str:
    """Return the page as an HTML document."""
    report = made.report
    body = el(
        "main",
        el("h1", "What if these policies had been in force?"),
        el("p", _period(report), css="goal"),
        _verdict(made),
        *(_class(kind, made) for kind in KINDS),
        _card("What the data permits besides", _widening(report)),
        _card("What people would have been asked", _approvals(report)),
        _card("Which rules permit and refuse the same", _clashes(report)),
        _card("What was compared", _compared(made)),
        el(
            "footer", "Made by ", el("code", "remit policy what-if"), f", {moment(report.made_ms)}."
        ),
    )
    head = join(
        [
            Markup('<meta charset="utf-8">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
            el("title", "What if"),
            el("style", Markup(STYLE)),
        ]
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _period(report: Report) -> str:
    counts = report.counts
    period = f"since {moment(report.since_ms)}" if report.since_ms else "everything on record"
    return f"{counts.decisions} decisions of {counts.runs} runs, {period}."


def _verdict(made: Made) -> Markup:
    report = made.report
    counts = report.counts
    changed = sum(report.first.values())
    if counts.errors or counts.unreproducible or report.findings or made.gaps:
        css, told = "broken", "These policies cannot be promoted by this comparison."
    elif report.widens:
        css, told = "unknown", "They permit more: a policy owner has to approve this report."
    elif changed:
        css, told = "holds", "They permit nothing more. Look at what they would have stopped."
    else:
        css, told = "holds", "No run would have gone another way."
    rows = [
        el("li", pill(kind, _TONES.get(kind, "")), f" {number}: the call {MEANING[kind]}")
        for kind, number in report.first.items()
    ]
    behind = sum(report.censored.values())
    if behind:
        told_behind = (
            f"{behind} later differences in the same runs are uncertain: behind the first "
        )
        rows.append(el("li", el("span", told_behind + "one they would have been other runs.")))
    rows += [el("li", f"{number} {what}.") for number, what in apart(report)]
    rows += [el("li", line) for line in (*made.unproven, *made.gaps, *report.findings[:20])]
    listed = el("ul", *rows) if rows else Markup("")
    return el("section", el("p", told, css="says"), listed, css=f"card verdict {css}")


def _class(kind: Kind, made: Made) -> Markup:
    found = [one for one in made.report.divergences if one.kind == kind]
    if not found:
        return Markup("")
    shown = [_shown(one, made) for one in found if one.proof]
    rows = [_row(one) for one in found]
    listed = table(("when", "run", "what", "before", "with these policies", "because of"), rows)
    return _card(_TITLES.get(kind, kind), join([listed, *shown]))


def _row(one: Divergence) -> Sequence[str]:
    return (
        moment(one.at_ms)[:16].replace("T", " "),
        join([one.run, Markup("<br>"), el("span", f"record {one.record}", css="faint small")]),
        join([one.about, Markup("<br>"), el("code", one.tool)] if one.tool else [one.about]),
        says(one.before),
        says(one.after),
        CAUSE[one.cause],
    )


def _shown(one: Divergence, made: Made) -> Markup:
    drawing = _alone(made.drawings.get(one.root, ""), one.root)
    proof = one.proof
    told = _proof(proof) if proof else Markup("")
    picture = el("div", Markup(drawing), css="drawing") if drawing else Markup("")
    return join([told, picture])


def _alone(drawing: str, name: str) -> str:
    """Return a drawing whose ids are its own: several stand in one page."""
    suffix = digest_bytes(name.encode())[-8:]
    for id_ in ("title", "tip"):
        drawing = drawing.replace(f'id="{id_}"', f'id="{id_}-{suffix}"')
        drawing = drawing.replace(f'"url(#{id_})"', f'"url(#{id_}-{suffix})"')
        drawing = drawing.replace(f'labelledby="{id_}"', f'labelledby="{id_}-{suffix}"')
    return drawing


def _proof(proof: Proof) -> Markup:
    rows = [(el("code", place), el("code", value)) for place, value in proof.matters.items()]
    runs = "fails" if proof.red_before else "passes"
    then = "passes" if proof.green_after else "fails"
    words = f"As a test, which {runs} under the policies in force and {then} under these"
    return join(
        [
            el("p", el("strong", "Of all that was known, this made the difference:")),
            table(("fact", "value"), rows),
            el("details", el("summary", words), el("pre", proof.test)),
        ]
    )


def _widening(report: Report) -> str:
    return el("ul", *(el("li", line) for line in report.widens_data)) if report.widens_data else ""


def _approvals(report: Report) -> str:
    rows = [(one.day, one.role, str(one.extra), str(one.saved)) for one in report.approvals]
    return table(("day", "role", "more", "less"), rows)


def _clashes(report: Report) -> str:
    rows = [(one.permits, one.refuses, str(one.decisions)) for one in report.clashes]
    return table(("permits", "refuses, and wins", "decisions"), rows)


def _compared(made: Made) -> Markup:
    report = made.report
    head = f"{report.head.log}, {report.head.size} records" if report.head else "nothing signed yet"
    return facts(
        [
            ("These policies", report.candidate),
            ("In force", report.base),
            ("Ledger", head),
            ("Report", report.digest),
        ]
    )


def _card(title: str, content: str) -> Markup:
    return el("section", el("h2", title), content, css="card") if content else Markup("")
