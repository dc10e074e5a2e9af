"""What stands in three places that know nothing of each other, as values to compare.

The shop's journal (`Request`, `Effect`), the ledger (`Deed`, `Attempt`, `Run`, `Gate`, `Chain`) and
Temporal's histories (`End`, `Told`). Nothing here reads anything; `chaos.gather` does.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from remit.canonical import JSONObject


class Key(NamedTuple):
    """A step key in its parts."""

    root: str
    path: str
    direction: str

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Return the key that `root:path:direction` writes; empty parts for anything else."""
        parts = text.split(":")
        return cls(*parts) if len(parts) == 3 else cls("", text, "")

    def __str__(self) -> str:
        return f"{self.root}:{self.path}:{self.direction}"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that reached the shop."""

    number: int
    at_ms: int
    tool: str
    name: str
    key: Key
    body: str
    """SHA-256 of the arguments that arrived."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A change that the shop made."""

    at_ms: int
    request: int
    tool: str
    name: str
    key: Key
    change: int
    """How many things of this name there are more."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What the ledger says of a step key."""

    key: Key
    tool: str
    operation: str
    state: str
    attempts: int
    arguments: str
    """Digest of the enforced arguments."""
    name: str
    """Business identity, from the arguments in the content store."""
    behave: str = ""
    code: str = ""
    faulty: bool = False
    output: str = ""
    decision_id: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a step key."""

    key: Key
    number: int
    begun_ms: int
    ended_ms: int | None
    outcome: str
    """`lost` when taken over, else the state that it left; empty while open."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run in the ledger."""

    root: str
    workflow_id: str
    owner: str
    closed: str


@dataclass(frozen=True, slots=True)
class GateEnd:
    """A gate in the ledger."""

    root: str
    id: str
    key: Key
    state: str
    proposed: str
    expires_ms: int
    consumed_by: str


@dataclass(frozen=True, slots=True)
class Chain:
    """A run's records."""

    records: tuple[JSONObject, ...]
    head: str


@dataclass(frozen=True, slots=True)
class Left:
    """Residue that a run names."""

    path: str
    owner: str


@dataclass(frozen=True, slots=True)
class End:
    """How an execution stands in Temporal."""

    workflow_id: str
    root: str
    """Root chain id; for a repair that of the run it repairs."""
    status: str
    """`RemitStatus`, or Temporal's own word where none of our code ended it."""
    is_over: bool
    residue: tuple[Left, ...] = ()
    waits: tuple[Left, ...] = ()
    """What it waits for, and for whom."""


@dataclass(frozen=True, slots=True)
class Told:
    """An activity that told Temporal `happened`."""

    key: Key
    decision_id: str
    output: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it."""

    started: tuple[str, ...]
    """Workflow ids whose start was acknowledged."""
    rejected: frozenset[str] = frozenset()
    """Workflow ids whose gates were answered with no."""
    requests: tuple[Request, ...] = ()
    effects: tuple[Effect, ...] = ()
    deeds: tuple[Deed, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    runs: tuple[Run, ...] = ()
    gates: tuple[GateEnd, ...] = ()
    chains: dict[str, Chain] = field(default_factory=dict)
    ends: tuple[End, ...] = ()
    told: tuple[Told, ...] = ()
    unreplayable: tuple[str, ...] = ()
    """Executions whose history the code does not replay."""
    leaks: tuple[str, ...] = ()
    """Files in which the shop's secret stands."""
    long_pauses: tuple[tuple[int, int], ...] = ()
    """From and to (ms) of pauses of a worker longer than a lease."""
