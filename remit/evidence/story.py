"""A run as its archive tells it: who, what, when, why, who agreed, and what is left behind.

Reads records one by one and keeps what a person wants to see. It judges nothing and trusts nothing:
a record may say anything, and what has not the expected form is passed over. Nothing here does I/O.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from remit.canonical import JSON, Digest, JSONObject
from remit.evidence.fields import inner, items, objects, path_of, text, whole
from remit.ledger.proofs import is_proven, proven

MOST_MOMENTS = 3000
"""Records that are told one by one; of a longer run the rest is counted."""
_EFFECTS = ("write", "delete", "trigger", "spend")


@dataclass(frozen=True, slots=True)
class Moment:
    """One record, in a line."""

    seq: int
    at_ms: int
    kind: str
    place: str
    """Step, gate or activity that it is about."""
    words: str
    tone: str
    """`good`, `bad`, `wait` or empty."""
    hash: Digest
    body: JSONObject


@dataclass(frozen=True, slots=True)
class Told:
    """One policy decision."""

    seq: int
    at_ms: int
    about: str
    tool: str
    effect: str
    reasons: tuple[tuple[str, str, str], ...]
    """Code, message, policy."""
    obligations: tuple[str, ...]
    revision: str
    risk: str
    decision_id: str
    is_system: bool
    """About one of Remit's own activities."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's answer."""

    seq: int
    by: str
    verdict: str
    counted: bool
    why: str
    is_verified: bool
    """Whether the record holds a proof of the name."""


@dataclass(slots=True)
class GateStory:
    """A wait for people."""

    gate: str
    path: str
    tool: str
    role: str
    quorum: int
    code: str
    opened_ms: int
    expires_ms: int
    state: str = "open"
    votes: list[Vote] = field(default_factory=list)

    @property
    def proven(self) -> frozenset[str]:
        """The people of whose votes none that counts is a mere claim."""
        return proven(self.votes)


@dataclass(slots=True)
class Deed:
    """One call and its undoing."""

    path: str
    tool: str
    operation: str
    state: str = "begun"
    code: str = ""
    attempts: int = 0
    undo_tool: str = ""
    undo: str = ""
    """State of its undoing; empty when there was none."""

    @property
    def has_effect(self) -> bool:
        """Whether it changes something outside."""
        return self.operation in _EFFECTS

    @property
    def stands(self) -> bool:
        """Whether its effect is, or may be, still there."""
        return (
            self.has_effect
            and self.state in ("happened", "in_doubt", "open", "begun")
            and (self.undo != "happened")
        )


@dataclass(slots=True)
class Story:
    """All of it."""

    root: str
    run: Mapping[str, str] = field(default_factory=dict)
    """Of the admission: plan, agent, person, tenant, owner, workflow id, digests."""
    started_ms: int = 0
    ended_ms: int = 0
    status: str = ""
    records: int = 0
    moments: list[Moment] = field(default_factory=list)
    decisions: list[Told] = field(default_factory=list)
    gates: dict[str, GateStory] = field(default_factory=dict)
    deeds: dict[str, Deed] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    """Policy revisions, and how many decisions each made."""
    seal: JSONObject = field(default_factory=dict)

    @property
    def residue(self) -> list[Deed]:
        """Effects of a run that did not complete which nobody undid."""
        if self.status in ("", "completed"):
            return []
        return [deed for deed in self.deeds.values() if deed.stands]


def tell(root: str, records: Iterable[tuple[JSONObject, Digest]]) -> Story:
    """Return the story of records, each with its hash."""
    story = Story(root)
    for record, sealed in records:
        body = record["body"]
        if isinstance(body, dict):
            _take(story, record, body, sealed)
    return story


def _take(story: Story, record: JSONObject, body: JSONObject, sealed: Digest) -> None:
    kind, seq, at_ms = text(record, "kind"), whole(record, "seq"), whole(record, "at_ms")
    story.records += 1
    story.started_ms = story.started_ms or at_ms
    if kind == "admission" and isinstance(body.get("run"), dict):
        story.run = {name: str(value) for name, value in inner(body, "run").items()}
    if kind == "closed":
        story.status, story.ended_ms = text(body, "status"), at_ms
    if kind == "seal":
        story.seal = body
    _decide(story, kind, seq, at_ms, body)
    _act(story, kind, body)
    _ask(story, kind, seq, body)
    if len(story.moments) < MOST_MOMENTS:
        place, words, tone = _words(kind, body)
        story.moments.append(Moment(seq, at_ms, kind, place, words, tone, sealed, body))


def _decide(story: Story, kind: str, seq: int, at_ms: int, body: JSONObject) -> None:
    decision = inner(body, "decision") or (body if kind == "decision" else {})
    effect = text(decision, "effect")
    if not effect:
        return
    revision = text(decision, "revision")
    if revision:
        story.revisions[revision] = story.revisions.get(revision, 0) + 1
    story.decisions.append(
        Told(
            seq,
            at_ms,
            about=_about(kind, body),
            tool=text(body, "tool") or text(body, "activity"),
            effect=effect,
            reasons=tuple(
                (text(one, "code"), text(one, "message"), text(one, "policy"))
                for one in objects(decision, "reasons")
            )
            or (
                ((text(decision, "host"), "the host's own refusal", "host"),)
                if "host" in decision
                else ()
            ),
            obligations=tuple(_brief(one) for one in items(decision, "obligations")),
            revision=revision,
            risk=text(decision, "risk"),
            decision_id=text(decision, "decision_id"),
            is_system=bool(text(body, "activity")),
        )
    )


def _about(kind: str, body: JSONObject) -> str:
    if text(body, "activity"):
        return "Remit's own activity"
    if text(body, "about") == "admission":
        return "the whole plan"
    if text(body, "about") == "amendment":
        return f"an amendment by {text(body, 'by') or 'somebody unnamed'}"
    if text(body, "about") == "proposal":
        return "a proposal"
    if text(body, "about"):
        return "a vote"
    path = path_of(body)
    purpose = text(body, "purpose").replace("_", " ")
    if text(body, "direction") == "undo":
        purpose = "undo"
    return f"{path}, {purpose}" if purpose else path or kind


def _act(story: Story, kind: str, body: JSONObject) -> None:
    path = text(body, "path")
    if not path or kind not in ("intent", "outcome", "resolve", "repair", "part", "takeover"):
        return
    if text(body, "direction") == "undo":
        deed = story.deeds.get(path)
        if deed is not None:
            deed.undo = (
                "begun" if kind in ("intent", "takeover") else text(body, "state") or (deed.undo)
            )
        return
    if kind == "intent":
        deed = story.deeds.setdefault(path, Deed(path, text(body, "tool"), text(body, "operation")))
        deed.attempts = max(deed.attempts, whole(body, "attempt"))
        return
    deed = story.deeds.setdefault(path, Deed(path, text(body, "tool"), text(body, "operation")))
    deed.state = text(body, "state") or deed.state
    deed.code = text(body, "code") or deed.code
    deed.attempts = max(deed.attempts, whole(body, "attempt"))
    deed.undo_tool = text(inner(body, "undo"), "tool") or deed.undo_tool


def _ask(story: Story, kind: str, seq: int, body: JSONObject) -> None:
    name = text(body, "gate")
    if kind == "gate" and "opened_ms" in body:
        story.gates[name] = GateStory(
            gate=name,
            path=text(body, "path"),
            tool=text(body, "tool"),
            role=text(body, "role"),
            quorum=whole(body, "quorum"),
            code=text(body, "code"),
            opened_ms=whole(body, "opened_ms"),
            expires_ms=whole(body, "expires_ms"),
        )
    gate = story.gates.get(name)
    if gate is None:
        return
    if kind == "vote":
        why = text(body, "reason") or text(body, "code")
        counted = body.get("counted") is True
        by, verdict = text(body, "by"), text(body, "verdict")
        gate.votes.append(Vote(seq, by, verdict, counted, why, is_proven(body)))
    elif kind == "gate_end":
        gate.state = text(body, "state")


def _words(kind: str, body: JSONObject) -> tuple[str, str, str]:
    """Return place, words and tone of a record."""
    path = path_of(body) or text(body, "gate")
    undo = " (undo)" if text(body, "direction") == "undo" else ""
    match kind:
        case "admission":
            return path or "the run", "admitted", "good"
        case "amendment":
            return path or "the run", "amended", "good"
        case "decision" if items(body, "refused"):
            code = text(items(body, "refused")[0], "code")
            return _about(kind, body), f"refused: {code}", "bad"
        case "decision":
            decision = inner(body, "decision") or body
            effect = text(decision, "effect")
            tone = {"deny": "bad", "require_approval": "wait"}.get(effect, "")
            about = text(body, "activity") or _about(kind, body)
            return about, f"policy: {effect.replace('_', ' ')}", tone
        case "intent":
            return path + undo, f"about to call {text(body, 'tool')}", ""
        case "outcome" | "resolve" | "repair":
            return path + undo, *_outcome(body)
        case "gate" | "vote" | "gate_end":
            return _asked(kind, path, body)
        case "closed" | "seal":
            status = text(body, "status") if kind == "closed" else "completed"
            return "the run", status if kind == "closed" else "sealed", _tone(status)
        case "forgotten" | "retention" | "quarantine_end":
            return path or "the run", _tended(body), "wait"
        case _:
            return path or "the run", kind.replace("_", " "), ""


def _asked(kind: str, path: str, body: JSONObject) -> tuple[str, str, str]:
    gate = text(body, "gate")
    if kind == "gate":
        asks = "waits for" if "opened_ms" in body else "policy asks for"
        return path, f"{asks} {text(body, 'role')}", "wait"
    if kind == "gate_end":
        return gate, text(body, "state"), _tone(text(body, "state"))
    counted = "" if body.get("counted") is True else ", does not count"
    verdict = text(body, "verdict")
    tone = "bad" if counted or verdict == "reject" else "good" if verdict == "approve" else "wait"
    return gate, f"{text(body, 'by')}: {verdict.replace('_', ' ')}{counted}", tone


def _tended(body: JSONObject) -> str:
    """Return what became of a run's contents, or of an answer in quarantine."""
    if "state" in body:
        return f"{text(body, 'state')} by {text(body, 'by')}"
    count = len(items(body, "contents"))
    return f"{count} contents forgotten, {text(body, 'how')} by {text(body, 'by')}"


def _outcome(body: JSONObject) -> tuple[str, str]:
    state, code = text(body, "state"), text(body, "code")
    words = f"{state.replace('_', ' ')}{f', but {code}' if code else ''}"
    faulty = body.get("faulty") is True
    return words, "bad" if faulty else _tone(state)


def _tone(state: str) -> str:
    if state in ("happened", "granted", "completed"):
        return "good"
    return "wait" if state in ("open", "in_doubt") else "bad"


def _brief(value: JSON) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)[:300]
