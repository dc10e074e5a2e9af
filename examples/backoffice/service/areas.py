"""All areas together: the business operations, the whole state, and the seeded start.

Owns the list of areas and what concerns all of them. A new area is added here and nowhere
else.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from . import (
    analytics,
    billing,
    credit,
    crm,
    crm_fields,
    erp,
    faults,
    finance,
    identity,
    journal,
    lending,
    mail,
    once,
    records,
)
from .contract import Answer, Declaration, Operation, Operations, Question, Shown, Work

SCHEMA_VERSION = 2


class Relation(Protocol):
    """What is needed of a table to create it and to empty it."""

    @property
    def name(self) -> str:
        """Its name in SQL."""

    @property
    def ddl(self) -> tuple[str, ...]:
        """What creates it."""


@dataclass(frozen=True, slots=True)
class Area:
    """One part of the back office."""

    name: str
    operations: Operations
    tables: tuple[Relation, ...]
    state: Callable[[sqlite3.Connection], Shown]
    """Equal after a full undo: leaves out closed things, versions and what merely counts."""
    seed: Callable[[sqlite3.Connection], None] | None = None


AREAS = (
    Area("finance", finance.OPERATIONS, finance.TABLES, finance.state, finance.seed),
    Area("finance", billing.OPERATIONS, billing.TABLES, billing.state),
    Area("erp", erp.OPERATIONS, erp.TABLES, erp.state, erp.seed),
    Area("erp", records.OPERATIONS, records.TABLES, records.state, records.seed),
    Area("crm", crm.OPERATIONS, crm.TABLES, crm.state, crm.seed),
    Area("crm", crm_fields.OPERATIONS, crm_fields.TABLES, crm_fields.state),
    Area("identity", identity.OPERATIONS, identity.TABLES, identity.state, identity.seed),
    Area("mail", mail.OPERATIONS, mail.TABLES, mail.state),
    Area("analytics", analytics.OPERATIONS, analytics.TABLES, analytics.state),
    Area("credit", credit.OPERATIONS, credit.TABLES, credit.state, credit.seed),
    Area("credit", lending.OPERATIONS, lending.TABLES, lending.state),
)


def business() -> Iterable[Operation]:
    """Every business operation: journaled, once per key, and open to faults."""
    for area in AREAS:
        yield from area.operations
    yield from once.OPERATIONS


def controls() -> Iterable[Operation]:
    """Every operation on the service itself: not journaled, and never at fault."""
    says: dict[str, Declaration] = {o.says.name: o.says for o in business()}
    yield from journal.OPERATIONS
    yield from faults.controls(says)
    yield from OPERATIONS


def _tables() -> tuple[Relation, ...]:
    return tuple(table for area in AREAS for table in area.tables)


def _seed(db: sqlite3.Connection) -> None:
    for area in AREAS:
        if area.seed is not None:
            area.seed(db)


def prepare(db: sqlite3.Connection) -> None:
    """Create and seed a new file; leave an existing one as it is.

    Raises:
        RuntimeError: The file was made by another version of the service.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION:
        return
    if version != 0:
        raise RuntimeError(f"the file has schema {version}, this service has {SCHEMA_VERSION}")
    ddl = [statement for table in (*_tables(), *faults.TABLES) for statement in table.ddl]
    for statement in (*ddl, *journal.DDL, *once.DDL):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    _seed(db)


def _read_state(db: sqlite3.Connection) -> Shown:
    state: Shown = {}
    for area in AREAS:
        state.update({f"{area.name}.{part}": value for part, value in area.state(db).items()})
    return state


class State(Answer):
    """The business world as it stands, without what is closed or undone."""

    digest: str
    """SHA-256 of the state as JSON with sorted keys: equal digests, equal states."""
    state: dict[str, JsonValue]


class GetState(Question):
    """Everything."""


class Reset(Question):
    """Everything."""


OPERATIONS = Operations()


def _state(db: sqlite3.Connection) -> State:
    state = _read_state(db)
    digest = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
    return State.model_validate({"digest": digest, "state": state})


@OPERATIONS.read("state.get", "/state")
def get_state(work: Work, asked: GetState) -> State:
    """Read the canonical business state."""
    return _state(work.db)


@OPERATIONS.declare(Declaration("state.reset", "POST", "/reset"))
def reset(work: Work, asked: Reset) -> State:
    """Forget everything, journal, keys and faults included, and start from the seed."""
    db = work.db
    names = [table.name for table in (*_tables(), *faults.TABLES)]
    for name in (*names, *journal.TABLES, *once.TABLES):
        db.execute(f"DELETE FROM {name}")
    db.execute("DELETE FROM sqlite_sequence")
    _seed(db)
    return _state(db)
