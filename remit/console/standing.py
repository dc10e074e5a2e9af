"""How a gate stands, for the eye: whose turn it is, who holds it, what is missing.

Told from the gate and the votes that count; it decides nothing. Whether a word counts is said by
the ballot and by policy when it arrives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from remit.canonical import JSON
from remit.client.voting import Verb
from remit.ledger.entries import GateRow, VoteRow

VERBS: tuple[Verb, ...] = (
    "approve",
    "reject",
    "edit",
    "request_changes",
    "claim",
    "release",
    "delegate",
    "take_over",
)


@dataclass(frozen=True, slots=True)
class Level:
    """One stage of an escalation chain."""

    role: str
    at_ms: int
    """From when on this role decides."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A gate at one moment."""

    role: str
    """Whose turn it is."""
    levels: tuple[Level, ...]
    """The whole chain, the first role included."""
    claimed_by: str
    delegates: tuple[str, ...]
    """Who may answer because somebody handed it on."""
    ayes: tuple[str, ...]
    missing: int
    """How many more must agree."""
    is_open: bool

    @property
    def next(self) -> Level | None:
        """Whose turn it will be if nobody answers."""
        at = [level.role for level in self.levels].index(self.role) if self.levels else -1
        return self.levels[at + 1] if self.is_open and at + 1 < len(self.levels) else None


def stand_of(gate: GateRow, votes: Sequence[VoteRow], now_ms: int) -> Stand:
    """Return how a gate stands.

    Args:
        gate: as the ledger has it.
        votes: those that were cast there, in order; refused ones are passed over.
        now_ms: milliseconds of Unix time.
    """
    counted = [vote for vote in votes if vote.counted]
    levels = _levels(gate)
    reached = [level for level in levels if level.at_ms <= now_ms]
    ayes = tuple(dict.fromkeys(vote.by for vote in counted if vote.verdict == "approve"))
    holder = ""
    delegates: dict[str, None] = {}
    for vote in counted:
        if vote.verdict == "claim":
            holder = vote.by
        elif vote.verdict == "release":
            holder = ""
        elif vote.verdict == "delegate":
            delegates[str(vote.body.get("to", ""))[:200]] = None
    return Stand(
        role=reached[-1].role if reached else gate.role,
        levels=levels,
        claimed_by=holder,
        delegates=tuple(delegates),
        ayes=ayes,
        missing=max(gate.quorum - len(ayes), 0),
        is_open=gate.state == "open" and now_ms < gate.expires_ms,
    )


def _levels(gate: GateRow) -> tuple[Level, ...]:
    first = Level(gate.role, gate.opened_ms)
    chain: JSON = getattr(gate, "chain", [])
    told = [
        Level(str(one.get("role", "")), int(str(one.get("at_ms", 0))))
        for one in (chain if isinstance(chain, (list, tuple)) else [])
        if isinstance(one, dict)
    ]
    return (first, *(level for level in told if level.at_ms > gate.opened_ms))
