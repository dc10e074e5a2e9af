"""Whether a message about a gate is a vote, and what votes make of a gate. Pure.

The ballot knows gates and votes, no people: who may vote is policy's. It never counts a vote for
another digest, for a closed gate, or twice from one person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from remit.canonical import JSON, JSONObject
from remit.ledger.entries import GateRow, VoteRow

Verdict = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class Cast:
    """A well-formed vote for an open gate; policy has still to say whether the voter may."""

    gate: GateRow
    by: str
    verdict: Verdict
    comment: str
    body: JSONObject


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A message that is no vote: recorded and refused."""

    gate: str
    by: str
    verdict: str
    code: str
    reason: str
    body: JSONObject


def read_vote(name: str, payload: JSON, gates: Sequence[GateRow], now_ms: int) -> Cast | Spoilt:
    """Return the vote that a message casts, or why it casts none.

    Args:
        name: `approve` or `reject`.
        payload: what came with it: `{step, digest, by, comment?}`.
        gates: every gate of the run, oldest first.
        now_ms: milliseconds of Unix time.
    """
    verdict: Verdict = "approve" if name == "approve" else "reject"
    body: JSONObject = payload if isinstance(payload, dict) else {"received": payload}
    step, by, comment = (_text(body, field) for field in ("step", "by", "comment"))
    digest = _text(body, "digest")

    def spoilt(code: str, reason: str, gate: str = "") -> Spoilt:
        return Spoilt(gate, by, verdict, code, reason, body)

    if not step or not by:
        form = '{"step": …, "digest": …, "by": your name}'
        return spoilt("VOTE-MALFORMED", f"a vote is {form}; step and by are missing or no text")
    here = [gate for gate in gates if path_of(gate) == step]
    if not here:
        return spoilt("VOTE-NO-GATE", f"no gate stands at {step!r}; see the query `pending`")
    gate = here[-1]
    if gate.state != "open":
        return spoilt("VOTE-LATE", f"the gate at {step!r} is {gate.state} already", gate.id)
    if now_ms >= gate.expires_ms:
        return spoilt("VOTE-LATE", f"the gate at {step!r} has expired", gate.id)
    if not digest and verdict == "approve":
        reason = f"an approval names what it approves: digest {gate.proposed_digest}"
        return spoilt("VOTE-NO-DIGEST", reason, gate.id)
    if digest and digest != gate.proposed_digest:
        reason = f"it is for another action; this gate is for {gate.proposed_digest}"
        return spoilt("VOTE-DIGEST", reason, gate.id)
    return Cast(gate, by, verdict, comment, body)


def path_of(gate: GateRow) -> str:
    """Return the path under which messages name the gate's call."""
    return gate.id.rpartition("#")[0]


def repeats(cast: Cast, votes: Sequence[VoteRow]) -> bool:
    """Return whether this person has voted here already; distinct people count once."""
    return any(vote.counted and vote.by == cast.by for vote in votes)


def state_after(gate: GateRow, votes: Sequence[VoteRow]) -> str:
    """Return the state that counted votes give a gate: one no rejects, a quorum of ayes grants."""
    counted = [vote for vote in votes if vote.counted]
    if any(vote.verdict == "reject" for vote in counted):
        return "rejected"
    ayes = {vote.by for vote in counted if vote.verdict == "approve"}
    return "granted" if len(ayes) >= gate.quorum else "open"


def _text(body: JSONObject, field: str) -> str:
    value = body.get(field)
    return value[:500] if isinstance(value, str) else ""
