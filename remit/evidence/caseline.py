"""An answered gate as a labelled case: `remit.case/v1`.

Pure. What was asked, what people said, how the run ended, as one line for whoever measures or
improves planners and policies. The form is a promise: fields may be added, none changes or goes.
Values of the call are given when contents are wanted, and then as `remit policy log` gives them:
never of data that has a class. What people wrote about such a call is withheld too.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from remit.canonical import JSON, JSONObject
from remit.diagnostic import escaped
from remit.evidence.asked import Asked
from remit.evidence.decisionline import contents_of
from remit.evidence.fields import inner, objects, text
from remit.ledger.entries import GateRow, RunRow, VoteRow

SCHEMA = "remit.case/v1"
LABELS = ("granted", "taken_over", "edited", "changes_requested", "rejected", "expired")
"""States of a gate that say what people thought of the call; silence is an answer."""


def case_of(
    run: RunRow,
    gate: GateRow,
    votes: Sequence[VoteRow],
    asked: Asked | None,
    facts: JSONObject | None,
) -> JSONObject:
    """Return the case of an answered gate, without the call's values.

    Args:
        run: The gate's run.
        gate: As it ended.
        votes: What people said about it, in order.
        asked: The decision that opened it.
        facts: What that was made on; `None` when they are not kept any more.
    """
    decision = asked.decision if asked else {}
    action = inner(facts, "action") if facts else {}
    withheld = withheld_of(decision, facts)
    said = [_said(vote, action, hushed=bool(withheld)) for vote in votes if vote.counted]
    return {
        "schema": SCHEMA,
        "label": gate.state,
        "run": gate.root,
        "workflow": run.workflow_id,
        "plan": run.plan,
        "agent": run.agent,
        "on_behalf_of": run.on_behalf_of,
        "tenant": run.tenant,
        "gate": gate.id,
        "step": gate.id.rpartition("#")[0],
        "direction": gate.key.direction.value,
        "tool": gate.tool,
        "domain": gate.domain,
        "request": gate.request_digest,
        "proposed": gate.proposed_digest,
        "code": gate.code,
        "role": gate.role,
        "quorum": gate.quorum,
        "rules": [text(one, "code") for one in objects(decision, "reasons")],
        "risk": text(decision, "risk"),
        "confidence": action.get("confidence"),
        "revision": text(decision, "revision"),
        "decision_id": text(decision, "decision_id"),
        "opened": _moment(gate.opened_ms),
        "answered_ms": _answered(gate, votes),
        "said": [*said],
        "withheld": [*withheld],
        "ended": run.closed,
    }


def withheld_of(decision: JSONObject, facts: JSONObject | None) -> Sequence[str]:
    """Return why values and comments of a call are told to nobody; nothing when they may be."""
    found = contents_of(decision, facts)["withheld"]
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def values_of(
    votes: Sequence[VoteRow], decision: JSONObject, facts: JSONObject | None
) -> JSONObject:
    """Return what a case has besides when contents are wanted: the arguments, and edited ones."""
    told = contents_of(decision, facts)["contents"]
    if not isinstance(told, dict):
        return {"contents": None}
    edits: list[JSON] = [
        inner(vote.body, "args") for vote in votes if vote.counted and vote.verdict == "edit"
    ]
    return {"contents": {**told, "edits": edits}}


def _said(vote: VoteRow, action: JSONObject, *, hushed: bool) -> JSONObject:
    told: JSONObject = {
        "verb": vote.verdict,
        "by": vote.by,
        "verified": vote.is_verified,
        "at": _moment(vote.at_ms),
        "comment": "" if hushed else text(vote.body, "comment"),
    }
    if vote.verdict == "edit":
        changes = _differences(action.get("arguments"), vote.body.get("args"), "")
        told["edited"] = [*dict.fromkeys(changes)]
    return told


def _differences(old: JSON, new: JSON, place: str) -> Iterator[str]:
    """Yield pointers to what is not the same; members that came or went among them."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            member = f"{place}/{escaped(name)}"
            if name not in old or name not in new:
                yield member
            else:
                yield from _differences(old[name], new[name], member)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{place}/{at}")
    elif old != new or type(old) is not type(new):
        yield place


def _answered(gate: GateRow, votes: Sequence[VoteRow]) -> int | None:
    """Return the milliseconds from the opening to the answer; `None` for silence."""
    if gate.state == "expired":
        return None
    moments = [vote.at_ms for vote in votes if vote.counted]
    return max(moments) - gate.opened_ms if moments else None


def _moment(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
