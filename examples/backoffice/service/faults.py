"""Faults that can be injected into each operation, so that failures are real ones.

Owns what is armed, on which operation, for how many requests. It is kept in the SQLite file,
so a fault outlives a restart. How a fault looks on the wire is in `disguise.py`. An operation
knows nothing of faults.
"""

from __future__ import annotations

import sqlite3
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from .contract import Answer, Declaration, Operations, Question, Word, Work
from .refusals import Refusal, RefusedError
from .table import Table

Mode = Literal[
    "delay",
    "status_503",
    "crash_after_effect",
    "lie",
    "drop_answer",
    "html",
    "huge",
    "redirect",
    "bad_schema",
    "alter",
]
NO_EFFECT: frozenset[Mode] = frozenset({"status_503", "lie", "redirect"})
"""Modes that have no effect unless `effect` says otherwise."""
FIXED: dict[Mode, bool] = {"crash_after_effect": True, "lie": False}
"""Modes whose name already says whether there is an effect."""

UNKNOWN_OPERATION = Refusal(404, "UNKNOWN_OPERATION", "No business operation has this name.")
FAULT_CONTRADICTS = Refusal(
    409, "FAULT_CONTRADICTS", "A read cannot lie; a lie has no effect and a crash after it has."
)

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Millis = Annotated[int, Field(ge=0, le=600_000)]


class SetFault(Question):
    """What shall go wrong, when and how often."""

    operation: Word
    mode: Mode
    times: Count | None = None
    """Requests to meet; null is until deleted."""
    skip: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Requests to let pass first."""
    match: dict[str, JsonValue] = Field(default_factory=dict)
    """Meet only requests whose fields (path, query or body) equal these."""
    delay_ms: Millis = 0
    """To wait; with any mode."""
    delay_when: Literal["before_effect", "after_effect"] = "before_effect"
    effect: bool | None = None
    """Whether the effect happens; null is what the mode implies."""
    crash: Literal["status_500", "close"] = "status_500"
    """How `crash_after_effect` looks from outside."""
    url: str = "http://elsewhere.invalid/"
    """Where `redirect` points to."""
    size: Annotated[int, Field(ge=1, le=200_000_000)] = 20_000_000
    """Bytes of a `huge` body."""
    instead: dict[str, JsonValue] = Field(default_factory=dict)
    """With `alter`: fields that are done in place of those that were asked for."""


class Fault(Answer):
    """An armed fault."""

    id: str
    """The operation."""
    mode: Mode
    times: int | None
    skip: int
    match: dict[str, JsonValue]
    delay_ms: int
    delay_when: Literal["before_effect", "after_effect"]
    effect: bool
    crash: Literal["status_500", "close"]
    url: str
    size: int
    instead: dict[str, JsonValue] = Field(default_factory=dict)

    def delay_s(self, when: Literal["before_effect", "after_effect"]) -> float:
        """Seconds to wait at this moment."""
        return self.delay_ms / 1000 if self.delay_when == when else 0.0


class Faults(Answer):
    """What is armed."""

    faults: list[Fault]


class NamedFault(Question):
    """The operation to free of its fault."""

    operation: Word


class AllFaults(Question):
    """Every operation."""


FAULTS = Table("faults", Fault, "flt")
TABLES = (FAULTS,)


def armed(db: sqlite3.Connection) -> frozenset[str]:
    """Names of the operations that have a fault."""
    return frozenset(fault.id for fault in FAULTS.where(db))


def claim(db: sqlite3.Connection, operation: str, fields: dict[str, JsonValue]) -> Fault | None:
    """Return the fault that this request meets, and count it; None when it meets none."""
    fault = FAULTS.get(db, operation)
    if fault is None or any(fields.get(name) != value for name, value in fault.match.items()):
        return None
    if fault.skip:
        FAULTS.change(db, fault, skip=fault.skip - 1)
        return None
    if fault.times == 1:
        FAULTS.delete(db, operation)
    elif fault.times is not None:
        FAULTS.change(db, fault, times=fault.times - 1)
    return fault


def _effect(asked: SetFault, writes: bool) -> bool:
    fixed = FIXED.get(asked.mode)
    if (fixed is not None and asked.effect not in (None, fixed)) or (
        asked.mode == "lie" and not writes
    ):
        raise RefusedError(
            FAULT_CONTRADICTS, f"{asked.mode} cannot be armed so on {asked.operation!r}"
        )
    return asked.mode not in NO_EFFECT if asked.effect is None else asked.effect


def controls(business: dict[str, Declaration]) -> Operations:
    """Return the operations that arm and disarm faults on the `business` operations."""
    operations = Operations()

    @operations.declare(
        Declaration(
            "faults.set", "PUT", "/faults/{operation}", (UNKNOWN_OPERATION, FAULT_CONTRADICTS)
        )
    )
    def set_fault(work: Work, asked: SetFault) -> Fault:
        """Arm a fault on an operation, in place of the one it had."""
        if asked.operation not in business:
            raise RefusedError(
                UNKNOWN_OPERATION, f"{asked.operation!r} is not one of our operations"
            )
        values = asked.model_dump(exclude={"operation", "effect"})
        effect = _effect(asked, business[asked.operation].writes)
        FAULTS.delete(work.db, asked.operation)
        return FAULTS.insert(work.db, Fault(id=asked.operation, effect=effect, **values))

    @operations.read("faults.list", "/faults")
    def list_faults(work: Work, asked: AllFaults) -> Faults:
        """List the armed faults."""
        return Faults(faults=FAULTS.where(work.db))

    @operations.declare(Declaration("faults.clear_one", "DELETE", "/faults/{operation}"))
    def clear_one(work: Work, asked: NamedFault) -> Faults:
        """Disarm one operation; the faults that are left are answered."""
        FAULTS.delete(work.db, asked.operation)
        return Faults(faults=FAULTS.where(work.db))

    @operations.declare(Declaration("faults.clear", "DELETE", "/faults"))
    def clear(work: Work, asked: AllFaults) -> Faults:
        """Disarm every operation."""
        for fault in FAULTS.where(work.db):
            FAULTS.delete(work.db, fault.id)
        return Faults(faults=[])

    return operations
