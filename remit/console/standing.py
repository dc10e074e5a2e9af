"""How a gate stands, for the eye: whose turn it is, who holds it, what is missing.

Told from what the ballot makes of gate and votes; nothing is decided here. Whether a word counts is
said by the ballot and by policy when it arrives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remit.approval.ballot import standing
from remit.decision.facts import Verb
from remit.ledger.entries import GateRow, VoteRow
from remit.ledger.proofs import proven
from remit.plan.path import Direction

_OF_UNDO: Sequence[Verb] = ("approve", "reject", "claim", "release", "delegate")
"""What may be said about an undo: it was fixed together with what it undoes."""


@dataclass(frozen=True, slots=True)
class Level:
    """One stage of an escalation chain."""

    role: str
    at_ms: int
    """From when on this role may decide too."""
    is_reached: bool


@dataclass(frozen=True, slots=True)
class Stand:
    """A gate at one moment."""

    role: str
    """Whose turn it is."""
    roles: tuple[str, ...]
    """Whoever may answer by now."""
    levels: tuple[Level, ...]
    """The whole chain, the first role included."""
    claimed_by: str
    claimed_until_ms: int
    delegated: Mapping[str, str]
    """Who handed their answer over, and to whom."""
    ayes: tuple[str, ...]
    missing: int
    """How many more must agree."""
    is_open: bool
    verbs: Sequence[Verb]
    """What may be said about it."""
    proven: frozenset[str]
    """Of those who said something here, whose name a token proved."""

    @property
    def delegates(self) -> tuple[str, ...]:
        """Who may answer because somebody handed it over."""
        return tuple(self.delegated.values())


def stand_of(gate: GateRow, votes: Sequence[VoteRow], now_ms: int) -> Stand:
    """Return how a gate stands.

    Args:
        gate: as the ledger has it.
        votes: those that were cast there, in order; refused ones are passed over.
        now_ms: milliseconds of Unix time.
    """
    now = standing(gate, votes, now_ms)
    then = [Level(turn.role, turn.at_ms, turn.at_ms <= now_ms) for turn in gate.then]
    every: Sequence[Verb] = (
        "approve",
        "reject",
        "request_changes",
        "edit",
        "claim",
        "release",
        "delegate",
        "take_over",
    )
    return Stand(
        role=now.role,
        roles=now.roles,
        levels=(Level(gate.role, gate.opened_ms, True), *then),
        claimed_by=now.claimed_by,
        claimed_until_ms=now.claimed_until_ms,
        delegated=now.delegated,
        ayes=tuple(now.ayes),
        missing=now.missing,
        is_open=gate.state == "open" and now_ms < gate.expires_ms,
        verbs=_OF_UNDO if gate.key.direction is Direction.UNDO else every,
        proven=proven(votes),
    )
