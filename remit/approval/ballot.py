"""What votes make of a gate. Pure: a gate, its recorded votes and the time give how it stands.

The ballot knows gates and votes, no people: who may vote is policy's. It never counts a vote for
another digest, for a closed gate, or twice from one person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from remit.decision.facts import Verb
from remit.ledger.entries import GateRow, VoteRow

VERBS: tuple[Verb, ...] = get_args(Verb)
CLAIM_MS = 30 * 60 * 1000
"""How long a claim keeps others away; whoever forgets it blocks nobody for ever."""
_ENDS: Mapping[str, str] = {
    "reject": "rejected",
    "edit": "edited",
    "request_changes": "changes_requested",
    "take_over": "taken_over",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a gate stands at a moment."""

    role: str
    """Whom it asks at this moment, the last of `roles`."""
    roles: tuple[str, ...]
    """Whoever may answer by now."""
    state: str
    """What the votes give it: `open` while they give it no end."""
    missing: int
    """Approvals that are still needed."""
    ayes: Mapping[str, str] = field(default_factory=dict)
    """Who approved, and in whose place; empty for their own."""
    claimed_by: str = ""
    claimed_until_ms: int = 0
    delegated: Mapping[str, str] = field(default_factory=dict)
    """Who handed their vote over, and to whom."""

    def place_of(self, person: str) -> str:
        """Return in whose place a person would vote; empty for their own."""
        taken = set(self.ayes.values())
        places = (giver for giver, to in self.delegated.items() if to == person)
        return next((giver for giver in places if giver not in taken), "")

    def is_claimed_from(self, person: str) -> bool:
        """Whether somebody else has the gate in hand, and it needs nobody besides."""
        return self.claimed_by not in ("", person) and self.missing <= 1


def standing(gate: GateRow, votes: Sequence[VoteRow], now_ms: int) -> Standing:
    """Return how `gate` stands at `now_ms`, milliseconds of Unix time, after its recorded votes.

    Args:
        gate: as the ledger fixed it.
        votes: its recorded votes in the order in which they came; refused ones change nothing.
        now_ms: the moment that is asked about.
    """
    roles = roles_at(gate, now_ms)
    claim: tuple[str, int] = ("", 0)
    delegated: dict[str, str] = {}
    ayes: dict[str, str] = {}
    state = "open"
    for vote in votes:
        if not vote.counted:
            continue
        if vote.verdict in ("approve", "take_over"):
            seen = Standing(roles[-1], roles, state, 0, ayes, "", 0, delegated)
            ayes = {**ayes, vote.by: seen.place_of(vote.by)}
        if vote.verdict in _ENDS and state == "open":
            state = _ENDS[vote.verdict]
        elif vote.verdict == "claim":
            claim = (vote.by, vote.at_ms + CLAIM_MS)
        elif vote.verdict == "delegate":
            delegated = {**delegated, vote.by: str(vote.body.get("to", ""))}
        elif vote.verdict == "release":
            delegated = {giver: to for giver, to in delegated.items() if giver != vote.by}
        if vote.by == claim[0] and vote.verdict != "claim":
            claim = ("", 0)
    missing = max(gate.quorum - len(ayes), 0)
    if state == "open" and missing == 0:
        state = "granted"
    by, until_ms = claim if now_ms < claim[1] else ("", 0)
    return Standing(roles[-1], roles, state, missing, ayes, by, until_ms, delegated)


def roles_at(gate: GateRow, now_ms: int) -> tuple[str, ...]:
    """Return the roles that a gate asks at a moment: a later one joins, none is let go."""
    return (gate.role, *(turn.role for turn in gate.then if turn.at_ms <= now_ms))


def path_of(gate: GateRow) -> str:
    """Return the path under which messages name the gate's call."""
    return gate.id.rpartition("#")[0]
