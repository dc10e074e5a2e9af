"""One page of a run's evidence: self-contained, without script, readable by somebody in a hurry.

Top down: does it hold, who did what for whom, the plan's graph, what was done and what is left, who
agreed, why each call was allowed, everything in order. Raw records are folded away, not left out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from remit.canonical import JSON
from remit.cli.evidence.markup import STYLE, Markup, el, facts, join, table
from remit.evidence import forgetting
from remit.evidence.finding import Code, Verdict
from remit.evidence.history import Execution
from remit.evidence.story import MOST_MOMENTS, Deed, GateStory, Moment, Story, Told

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CLOSED = {"completed": "good", "": "wait"}
_SHORT = 19
"""Characters of a digest that are shown: `sha256:` and twelve."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What the page shows."""

    story: Story
    verdict: Verdict
    is_checked: bool
    """Whether there was a key to check signatures with."""
    drawing: str
    """The plan's graph as SVG, made by us; empty when there is none."""
    goal: str
    proposed: str
    """Which proposal the plan says that it came out of; empty when it says none."""
    reasons: dict[str, str]
    """Why each step is in the plan."""
    documents: Sequence[tuple[str, JSON]]
    """Plan, inputs and such, each with what it is."""
    executions: Sequence[Execution]
    policies: Sequence[str]
    """Revisions whose bundles the archive holds."""
    checkpoint: str


def page(shown: Exhibit) -> str:
    """Return the page as an HTML document."""
    story = shown.story
    title = story.run.get("plan", "") or story.root
    body = el(
        "main",
        el("h1", title, " ", pill(story.status or "open", _CLOSED.get(story.status, "bad"))),
        el("p", shown.goal, css="goal"),
        _verdict(shown),
        _about(shown),
        _card("The plan", el("div", Markup(shown.drawing), css="drawing") if shown.drawing else ""),
        _card("What was done", _deeds(shown)),
        _card("Who was asked", _gates(story)),
        _card("Why it was allowed", _decisions(story)),
        _card("Everything in order", _timeline(story)),
        _card("Rules and documents", _documents(shown)),
        _card("The proof in detail", _proof(shown)),
        el("footer", "Made by ", el("code", "remit evidence show"), " from the archive alone."),
    )
    head = join(
        [
            Markup('<meta charset="utf-8">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
            el("title", f"Evidence: {title}"),
            el("style", Markup(STYLE)),
        ]
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def pill(text: str, tone: str) -> Markup:
    """Return a word with a colour."""
    return el("span", text.replace("_", " "), css=f"pill {tone}".strip())


def _card(title: str, content: str) -> Markup:
    return el("section", el("h2", title), content, css="card") if content else Markup("")


def _verdict(shown: Exhibit) -> Markup:
    verdict = shown.verdict
    unsigned = () if shown.is_checked else (Code.SIGNATURE,)
    refuted = [one for one in verdict.findings if not one.is_note and one.code not in unsigned]
    if refuted:
        css, says = "broken", "This evidence does not hold."
    elif not shown.is_checked:
        css, says = "unknown", "Nobody's signature was checked: no public key was given."
    elif verdict.findings:
        css, says = "holds", "This evidence holds. What it does not prove is listed."
    else:
        css, says = "holds", "This evidence holds."
    told = (
        f"{verdict.covered} of {verdict.records} records stand in the signed log of {verdict.size}."
    )
    ordered = sorted(verdict.findings, key=lambda one: one.is_note)
    found = [
        el(
            "li",
            pill(one.code.value, "wait" if one.is_note else "bad"),
            " ",
            el("strong", _place(one.place)),
            Markup("<br>"),
            one.message,
        )
        for one in ordered
    ]
    gone = join(el("div", line) for line in forgetting.told(verdict.forgotten))
    listed = el("ul", *found) if found else Markup("")
    said = el("p", says, css="says")
    return el("section", said, el("div", told), gone, listed, css=f"card verdict {css}")


def _about(shown: Exhibit) -> Markup:
    story, run = shown.story, shown.story.run
    left = [
        ("Agent", run.get("agent", "")),
        ("On behalf of", run.get("on_behalf_of", "")),
        ("Tenant", run.get("tenant", "")),
        ("Owner", run.get("owner", "")),
        ("Began", moment(story.started_ms)),
        ("Closed", moment(story.ended_ms) if story.ended_ms else "it was open when exported"),
    ]
    right = [
        ("Workflow", run.get("workflow_id", "")),
        ("Run", story.root),
        ("Plan", run.get("plan_digest", "")),
        ("Compiled", run.get("compiled", "")),
    ]
    if shown.proposed:
        right.append(("Proposed by", shown.proposed))
    return el("section", el("div", facts(left), facts(right), css="columns"), css="card")


def _deeds(shown: Exhibit) -> str:
    story = shown.story
    rows = [_deed(deed, shown.reasons) for deed in story.deeds.values()]
    heads = ("step", "call", "how it ended", "undone")
    left = story.residue
    said: str = Markup("")
    if story.status and story.status != "completed":
        said = (
            el(
                "p",
                pill("left behind", "bad"),
                f" {', '.join(deed.path for deed in left)}: ",
                f"{story.run.get('owner', 'its owner')} must look after it.",
            )
            if left
            else el("p", pill("nothing is left behind", "good"), " Every effect was undone.")
        )
    return join([said, table(heads, rows)])


def _deed(deed: Deed, reasons: dict[str, str]) -> Sequence[str]:
    tone = {"happened": "good", "in_doubt": "wait", "begun": "wait"}.get(deed.state, "bad")
    ended = [pill(deed.state, "bad" if deed.code else tone)]
    if deed.code:
        ended += [Markup(" "), el("code", deed.code)]
    if deed.attempts > 1:
        ended.append(el("div", f"{deed.attempts} attempts", css="faint small"))
    why = reasons.get(deed.path.partition("/")[0].partition("[")[0], "")
    undo: str = Markup("")
    if deed.undo:
        undo = pill("undone", "good") if deed.undo == "happened" else pill(deed.undo, "bad")
    elif not deed.has_effect:
        undo = el("span", "reads only", css="faint")
    return (
        el("strong", deed.path),
        join([el("code", deed.tool), el("div", why, css="faint small")]),
        join(ended),
        undo,
    )


def _gates(story: Story) -> str:
    return join(_gate(gate) for gate in story.gates.values())


def _gate(gate: GateStory) -> Markup:
    tone = {"granted": "good", "open": "wait"}.get(gate.state, "bad")
    people = f"{gate.quorum} people, " if gate.quorum > 1 else ""
    head = el(
        "p",
        el("strong", gate.path),
        " waited for ",
        el("strong", f"{people}{gate.role}"),
        " before ",
        el("code", gate.tool),
        " ",
        pill(gate.state, tone),
        Markup("<br>"),
        el(
            "span",
            f"rule {gate.code}; opened {moment(gate.opened_ms)}, silence would refuse at "
            f"{moment(gate.expires_ms)}",
            css="faint small",
        ),
    )
    rows = [
        (
            str(vote.seq),
            join([vote.by, " ", _named(vote.is_verified)]),
            pill(vote.verdict, "good" if vote.verdict == "approve" else "bad"),
            pill("counted", "good") if vote.counted else pill("does not count", "bad"),
            vote.why,
        )
        for vote in gate.votes
    ]
    return join([head, table(("record", "who", "said", "", "why"), rows)])


def _named(is_verified: bool) -> str:
    return pill("verified", "good") if is_verified else pill("unverified", "wait")


def _decisions(story: Story) -> str:
    heads = ("record", "about", "decision", "reasons")
    actions = [_decision(one) for one in story.decisions if not one.is_system]
    system = [_decision(one) for one in story.decisions if one.is_system]
    folded: str = Markup("")
    if system:
        summary = el("summary", f"{len(system)} decisions about Remit's own activities")
        folded = el("details", summary, table(heads, system))
    return join([table(heads, actions), folded])


def _decision(told: Told) -> Sequence[str]:
    tone = {"allow": "good", "deny": "bad"}.get(told.effect, "wait")
    reasons = [
        el(
            "p",
            message or code,
            " ",
            el("code", code),
            el("span", f" {policy}", css="faint small"),
            css="reason",
        )
        for code, message, policy in told.reasons
    ]
    reasons += [el("p", "obliged: ", el("code", one), css="reason") for one in told.obligations]
    about = [el("strong", told.about)]
    if told.tool:
        about.append(el("div", el("code", told.tool)))
    risk = el("div", f"risk {told.risk}", css="faint small") if told.risk else ""
    return str(told.seq), join(about), join([pill(told.effect, tone), risk]), join(reasons)


def _timeline(story: Story) -> str:
    rows = [_moment(one, story.started_ms) for one in story.moments]
    more = story.records - len(story.moments)
    note = f"{more} later records are in the archive; {MOST_MOMENTS} are shown." if more > 0 else ""
    return join([table(("record", "after", "about", "what", ""), rows), el("p", note)])


def _moment(one: Moment, began_ms: int) -> Sequence[str]:
    raw = json.dumps(one.body, indent=2, ensure_ascii=False, sort_keys=True)
    folded = el(
        "details",
        el("summary", one.kind),
        el("pre", raw),
        el("code", one.hash),
    )
    what = pill(one.words, one.tone) if one.tone else one.words
    return str(one.seq), _after(one.at_ms - began_ms), one.place, what, folded


def _documents(shown: Exhibit) -> str:
    rows = [
        (
            el("code", short(revision)),
            str(count),
            "its bundle is in the archive" if revision in shown.policies else "not in the archive",
        )
        for revision, count in shown.story.revisions.items()
    ]
    folded = [
        el(
            "details",
            el("summary", name),
            el("pre", json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)),
        )
        for name, value in shown.documents
    ]
    return join([table(("policy revision", "decisions", ""), rows), *folded])


def _proof(shown: Exhibit) -> str:
    rows = [
        (
            el("code", one.workflow_id),
            one.type,
            el("code", one.run_id),
            f"{len(one.events)} events",
        )
        for one in shown.executions
    ]
    histories = table(("workflow", "type", "run", "history, as sealed"), rows)
    note = el("pre", shown.checkpoint) if shown.checkpoint else ""
    return join([histories, el("p", "The signed tree head:"), note] if note else [histories])


def moment(at_ms: int) -> str:
    """Return a moment for people; empty for one that no calendar knows."""
    try:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at_ms else ""


def short(digest: str) -> str:
    """Return the beginning of a digest."""
    return digest[:_SHORT]


def _place(place: str) -> str:
    words = [short(word) if word.startswith("sha256:") else word for word in place.split(" ")]
    return " ".join(words)


def _after(ms: int) -> str:
    if ms < 60_000:
        return f"{ms / 1000:.3f} s"
    minutes, rest = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
