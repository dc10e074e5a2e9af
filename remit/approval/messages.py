"""Whether a message about a gate is a vote. Pure; policy has still to say whether its sender may.

Whatever cannot count is told apart by a stable code, and recorded as it came.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from remit.approval.ballot import Standing, path_of
from remit.canonical import JSON, Digest, JSONObject
from remit.decision.facts import Verb
from remit.ledger.entries import GateRow
from remit.plan.path import Direction

MOST_STEPS = 100
"""Gates that one message may answer."""
_MOST_TEXT = 500
_SHOWN = 100
_BOUND = ("approve", "edit", "take_over")
"""Verbs that lead to a call, and so must name which."""
_EXCLUSIVE = ("approve", "reject", "edit", "request_changes", "take_over", "claim")
"""Verbs that a standing claim keeps others from."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A well-formed vote for an open gate."""

    gate: GateRow
    by: str
    verdict: Verb
    comment: str
    body: JSONObject
    standing: Standing

    @property
    def instead_of(self) -> str:
        """In whose place it is cast; empty for the sender's own."""
        return self.standing.place_of(self.by)

    @property
    def to(self) -> str:
        """Of `delegate`: who is to vote."""
        return _text(self.body, "to")


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A message that is no vote: recorded and refused."""

    gate: str
    by: str
    verdict: str
    code: str
    reason: str
    body: JSONObject


def steps_of(payload: JSON) -> Sequence[str]:
    """Return the paths of the calls that a message names.

    One empty path when it names none, or more than can be answered at once.
    """
    body = payload if isinstance(payload, dict) else {}
    several = body.get("steps")
    if isinstance(several, list) and several and "step" not in body:
        named = list(dict.fromkeys(one if isinstance(one, str) else "" for one in several))
        return named if len(named) <= MOST_STEPS else [""]
    return [_text(body, "step")]


def newest(gates: Sequence[GateRow], step: str) -> GateRow | None:
    """Return the gate that messages about the call at path `step` mean; `gates` oldest first."""
    found = [gate for gate in gates if path_of(gate) == step] if step else []
    return found[-1] if found else None


def read_vote(
    verdict: Verb,
    payload: JSON,
    step: str,
    gate: GateRow | None,
    now: Standing | None,
    now_ms: int,
) -> Cast | Spoilt:
    """Return the vote that a message casts about one call, or why it casts none.

    Args:
        verdict: what is said, the message's name.
        payload: what came with it: `{step | steps, digest?, by, comment?, args?, to?, output?}`.
        step: path of the call, one of `steps_of(payload)`.
        gate: the newest one of that call.
        now: how it stands.
        now_ms: milliseconds of Unix time.
    """
    body: JSONObject = payload if isinstance(payload, dict) else {"received": payload}
    by = _text(body, "by")

    def spoilt(code: str, reason: str) -> Spoilt:
        return Spoilt(gate.id if gate else "", by, verdict, code, reason, body)

    several = body.get("steps")
    if not step and isinstance(several, list) and len(several) > MOST_STEPS:
        return spoilt("VOTE-MALFORMED", f"at most {MOST_STEPS} steps are answered at once")
    if not step or not by:
        form = '{"step": …, "digest": …, "by": your name}'
        what = "step and by are missing or no text" if isinstance(payload, dict) else _came(payload)
        return spoilt("VOTE-MALFORMED", f"a vote is {form}; {what}")
    if gate is None or now is None:
        return spoilt("VOTE-NO-GATE", f"no gate stands at {step!r}; see the query `pending`")
    fault = _late(gate, now_ms) or _digest(verdict, body, gate) or _form(verdict, body, gate)
    fault = fault or _turn(verdict, by, now)
    if fault:
        return spoilt(*fault)
    return Cast(gate, by, verdict, _text(body, "comment"), body, now)


_Fault = tuple[str, str] | None


def _late(gate: GateRow, now_ms: int) -> _Fault:
    path = path_of(gate)
    if gate.state != "open":
        return "VOTE-LATE", f"the gate at {path!r} is {gate.state} already"
    if now_ms >= gate.expires_ms:
        return "VOTE-LATE", f"the gate at {path!r} has expired"
    return None


def _digest(verdict: Verb, body: JSONObject, gate: GateRow) -> _Fault:
    given = _text(body, "digest")
    fits: Digest = gate.request_digest if "steps" in body else gate.proposed_digest
    if not given and verdict in _BOUND:
        return "VOTE-NO-DIGEST", f"{verdict} names what it is about: digest {fits}"
    if given and given != fits:
        return "VOTE-DIGEST", f"it is for another action; this gate is for {fits}"
    return None


def _form(verdict: Verb, body: JSONObject, gate: GateRow) -> _Fault:
    if verdict in ("edit", "take_over") and "steps" in body:
        return "VOTE-MALFORMED", f"{verdict} is about one step: name it as `step`"
    if verdict == "edit" and not isinstance(body.get("args"), dict):
        return "VOTE-MALFORMED", "`args` are the call's new arguments, all of them, as an object"
    if verdict == "take_over" and "output" not in body:
        return "VOTE-MALFORMED", "`output` is what the tool would have answered"
    if verdict == "delegate" and _text(body, "to") in ("", _text(body, "by")):
        return "VOTE-MALFORMED", "`to` is the person who is to vote instead"
    undo = gate.key.direction is Direction.UNDO
    if undo and verdict in ("edit", "request_changes", "take_over"):
        reason = "an undo was fixed with what it undoes: approve or reject it, or order a `repair`"
        return "VOTE-UNDO", reason
    return None


def _turn(verdict: Verb, by: str, now: Standing) -> _Fault:
    if by in now.ayes or by in now.ayes.values():
        return "VOTE-REPEATED", f"{by} has voted on this gate already"
    if verdict == "release":
        if by in (now.claimed_by, *now.delegated):
            return None
        return "VOTE-NOT-HELD", f"{by} holds no claim and handed nothing over"
    if by in now.delegated:
        return "VOTE-DELEGATED", f"{by} handed this vote to {now.delegated[by]}; `release` first"
    if verdict in _EXCLUSIVE and now.is_claimed_from(by):
        return "VOTE-CLAIMED", f"{now.claimed_by} has it in hand; wait, or ask for a `release`"
    if verdict == "delegate" and now.place_of(by):
        return "VOTE-DELEGATED", "what was handed over is not handed on"
    if verdict == "take_over" and now.missing > 1:
        return "VOTE-QUORUM", f"{now.missing - 1} further approvals come first"
    return None


def _came(payload: JSON) -> str:
    """Say what came in an object's place; a text says itself what could not be read."""
    if isinstance(payload, str):
        return f"this came: {payload[:_SHOWN]}"
    return "a list came" if isinstance(payload, list) else "no object came"


def _text(body: JSONObject, field: str) -> str:
    value = body.get(field)
    return value[:_MOST_TEXT] if isinstance(value, str) else ""
