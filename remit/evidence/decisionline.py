"""A recorded decision as one line for other systems: `remit.decision/v1`.

Pure. The form is a promise: fields may be added, none changes its meaning or goes. What stands in
it by default is what a rule is about, never what somebody wrote: no arguments, no messages.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from remit.canonical import JSON, JSONObject
from remit.evidence.asked import Asked, decisions
from remit.evidence.fields import inner, items, objects, text
from remit.ledger.entries import RunRow

SCHEMA = "remit.decision/v1"


def lines_of(position: int, record: JSONObject, run: RunRow | None) -> Iterator[JSONObject]:
    """Yield the line of the decision that a record holds, if it holds one.

    Args:
        position: The record's place in the signed log.
        record: As the ledger keeps it.
        run: Its run, as far as there is one.
    """
    body = inner(record, "body")
    for asked in decisions([record]):
        yield {
            "schema": SCHEMA,
            "position": position,
            "time": _moment(asked.at_ms),
            "run": text(record, "root"),
            "record": asked.seq,
            **_of_run(run),
            "kind": _kind(asked.kind, body),
            "step": asked.path,
            "about": asked.about,
            "tool": asked.tool,
            "effect": asked.effect,
            "reasons": _rules(asked.decision, "reasons"),
            "permits": [one for one in items(asked.decision, "permits") if isinstance(one, str)],
            "risk": text(asked.decision, "risk"),
            "obligations": _types(asked.decision),
            "host": asked.host,
            "revision": asked.revision,
            "decision_id": text(asked.decision, "decision_id"),
            "facts": asked.facts,
        }


def contents_of(decision: JSONObject, facts: JSONObject | None) -> JSONObject:
    """Return what a line has besides when contents are wanted: messages, and a call's arguments.

    Nothing of a call is given whose tool has data classes, or whose arguments hold data of tools
    that have some, or of which policy had something redacted: `withheld` names why.

    Args:
        decision: As the ledger keeps it.
        facts: What it was made on; `None` when they are not kept any more.
    """
    if facts is None:
        return {"contents": None, "withheld": ["facts_absent"]}
    action = inner(facts, "action")
    classes = [*items(action, "data_classes"), *items(action, "inflow")]
    kept = {one for one in classes if isinstance(one, str)}
    if "redact" in _types(decision):
        kept.add("redacted")
    if kept:
        return {"contents": None, "withheld": [*sorted(kept)]}
    messages: list[JSON] = [text(one, "message") for one in objects(decision, "reasons")]
    told: JSONObject = {"messages": messages}
    if action:
        told["arguments"] = action.get("arguments")
    return {"contents": told, "withheld": []}


def asked_of(record: JSONObject) -> Asked | None:
    """Return the decision that a record holds."""
    return next(decisions([record]), None)


def _of_run(run: RunRow | None) -> JSONObject:
    if run is None:
        names = ("workflow", "plan", "agent", "on_behalf_of", "tenant")
        return dict.fromkeys(names, "")
    return {
        "workflow": run.workflow_id,
        "plan": run.plan,
        "agent": run.agent,
        "on_behalf_of": run.on_behalf_of,
        "tenant": run.tenant,
    }


def _kind(record_kind: str, body: JSONObject) -> str:
    if text(body, "activity"):
        return "system"
    about = text(body, "about")
    if record_kind == "order" or about in ("amendment", "promotion", "proposal"):
        return about or "order"
    if about:
        # A vote's decision is the record's body itself; an admission's stands in it.
        return "vote" if "effect" in body else "admission"
    return "call"


def _rules(decision: JSONObject, name: str) -> list[JSON]:
    return [
        {"code": text(one, "code"), "policy": text(one, "policy"), "step": text(one, "step")}
        for one in objects(decision, name)
    ]


def _types(decision: JSONObject) -> list[JSON]:
    found: Sequence[JSONObject] = objects(decision, "obligations")
    return [text(one, "type") for one in found]


def _moment(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
