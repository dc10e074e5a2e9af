"""What people are to be told of, as the ledger knows it; never what a call is given.

A message about it leaves the house, so none of these holds an argument, a card or a comment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from remit.ledger.entries import Turn

State = Literal["sent", "given_up"]
"""What became of a message to one channel."""


@dataclass(frozen=True, slots=True)
class Place:
    """The run that something is about."""

    root: str
    workflow_id: str
    plan: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A gate, without its card."""

    place: Place
    gate: str
    """`path#n`."""
    role: str
    tool: str
    digest: str
    """What a vote names: the call as it was proposed."""
    opened_ms: int
    expires_ms: int
    then: Sequence[Turn] = ()
    remind_every_ms: int = 0
    """How often whoever is asked is told again; 0: never."""

    @property
    def step(self) -> str:
        """Path of the call."""
        return self.gate.rpartition("#")[0]


@dataclass(frozen=True, slots=True)
class Ended:
    """A gate that is open no more."""

    asked: Asked
    state: str
    at_ms: int
    seq: int


@dataclass(frozen=True, slots=True)
class Noted:
    """A call that somebody is told of."""

    place: Place
    step: str
    role: str
    at_ms: int
    seq: int


@dataclass(frozen=True, slots=True)
class Broken:
    """An undo that waits for a person."""

    place: Place
    step: str
    tool: str
    attempt: int


@dataclass(frozen=True, slots=True)
class News:
    """Everything of which people may have to be told."""

    open: Sequence[Asked]
    ended: Sequence[Ended]
    noted: Sequence[Noted]
    broken: Sequence[Broken]
    is_all: bool = True
    """Whether nothing behind these was left for the next question."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one message to one channel."""

    notice: str
    channel: str
    state: State
