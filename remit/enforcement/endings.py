"""How a governed call may end inside the pipeline, and how its answer is judged."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from remit.canonical import JSON, Digest, JSONObject
from remit.decision.decision import Decided
from remit.ledger.entries import Action, Content, FrozenUndo
from remit.ledger.quarantine import Quarantined


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the caller makes of an answer, before the outcome is recorded."""

    code: str = ""
    """Empty when the answer is as it must be; else why it is a failure with effect."""
    message: str = ""
    undo: FrozenUndo | None = None
    contents: tuple[Content, ...] = ()
    spent: int | None = None
    """Micros that it cost, where the answer tells."""
    tokens: int | None = None
    """Of models that it took, likewise."""
    quarantined: Quarantined | None = None
    is_withheld: bool = False
    """The step is done, without an output: a code then says why, and is no failure."""
    passed: str = ""
    """By whose release it stands although it misses bounds: a reference."""


Judgement = Callable[[JSON, JSONObject], Awaitable[Verdict]]
"""Judges an output, given the enforced arguments: schema, `ensure`, read-back, what undoes it."""


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """Policy wants a person first; nothing was called."""

    decided: Decided
    enforced_digest: Digest


@dataclass(frozen=True, slots=True)
class Performed:
    """It happened, and its outcome is recorded."""

    action: Action
    output: JSON
    decided: Decided | None


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Nobody can tell whether it happened."""

    action: Action
    message: str
