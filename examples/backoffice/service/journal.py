"""The journal: what happened in the business world, and what was asked for, counted apart.

Owns two append-only lists. *Effects* are counted by business identity (one purchase of one
requester from one supplier under one reference), *requests* by idempotency key. A thing done
twice under two keys therefore shows: as one identity with a net of two. Must never be written
outside the transaction of what it records.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from .contract import Answer, Direction, Effect, Operations, Question, Work

DDL = (
    """CREATE TABLE IF NOT EXISTS effects (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, identity TEXT NOT NULL,
        direction TEXT NOT NULL, operation TEXT NOT NULL, key TEXT, request_id TEXT NOT NULL,
        at TEXT NOT NULL) STRICT""",
    "CREATE INDEX IF NOT EXISTS effects_identity ON effects (kind, identity)",
    """CREATE TABLE IF NOT EXISTS requests (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT NOT NULL, key TEXT,
        request_id TEXT NOT NULL, outcome TEXT NOT NULL, status INTEGER NOT NULL, fault TEXT,
        at TEXT NOT NULL) STRICT""",
    "CREATE INDEX IF NOT EXISTS requests_key ON requests (key)",
)
TABLES = ("effects", "requests")

Outcome = Literal["done", "replayed", "refused", "key_conflict", "discarded"]
"""`discarded`: an injected fault rolled the effect back, whatever the answer said."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the journal sees it."""

    operation: str
    key: str | None
    request_id: str
    fault: str | None
    """The mode of the injected fault that met it."""
    at: str


def note_request(db: sqlite3.Connection, asked: Asked, outcome: Outcome, status: int) -> None:
    """Append a request; `status` is the service's own, before a fault disguised it."""
    db.execute(
        "INSERT INTO requests (operation, key, request_id, outcome, status, fault, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (asked.operation, asked.key, asked.request_id, outcome, status, asked.fault, asked.at),
    )


def note_effects(db: sqlite3.Connection, asked: Asked, effects: list[Effect]) -> None:
    """Append the effects of a request."""
    db.executemany(
        "INSERT INTO effects (kind, identity, direction, operation, key, request_id, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                e.kind,
                e.identity,
                e.direction,
                asked.operation,
                asked.key,
                asked.request_id,
                asked.at,
            )
            for e in effects
        ],
    )


class EffectEntry(Answer):
    """One effect."""

    seq: int
    kind: str
    identity: str
    direction: Direction
    operation: str
    key: str | None
    request_id: str
    at: str


class EffectPage(Answer):
    """Effects in the order in which they happened."""

    entries: list[EffectEntry]
    next_after: int | None
    """Pass as `after` for the next page; null at the end."""


class RequestEntry(Answer):
    """One request to a business operation."""

    seq: int
    operation: str
    key: str | None
    request_id: str
    outcome: Outcome
    status: int
    fault: str | None
    at: str


class RequestPage(Answer):
    """Requests in the order in which they were answered."""

    entries: list[RequestEntry]
    next_after: int | None


class IdentityCount(Answer):
    """How often one thing was done and undone."""

    kind: str
    identity: str
    done: int
    undone: int
    net: int
    peak: int
    """The highest net there ever was: above 1, the thing stood twice at some moment."""


class KeyCount(Answer):
    """How often one key was used, and how many effects it had."""

    key: str
    operation: str
    requests: int
    effects: int


class OperationCount(Answer):
    """How often one operation was asked for."""

    operation: str
    requests: int


class Summary(Answer):
    """The journal, counted."""

    effects: list[IdentityCount]
    keys: list[KeyCount]
    operations: list[OperationCount]


After = Annotated[int, Field(ge=0)]
Limit = Annotated[int, Field(ge=1, le=10_000)]


class ListEffects(Question):
    """Which effects; without filters all of them."""

    kind: str | None = None
    identity: str | None = None
    key: str | None = None
    after: After = 0
    limit: Limit = 1000


class ListRequests(Question):
    """Which requests; without filters all of them."""

    operation: str | None = None
    key: str | None = None
    after: After = 0
    limit: Limit = 1000


class Summarise(Question):
    """The journal as a whole."""


OPERATIONS = Operations()


def _select(
    db: sqlite3.Connection, table: str, model: type[Answer], asked: ListEffects | ListRequests
) -> list[dict[str, str | int | None]]:
    columns = tuple(model.model_fields)
    filters = asked.model_dump(exclude={"after", "limit"}, exclude_none=True)
    where = "".join(f" AND {column} = :{column}" for column in filters)
    sql = f"SELECT {', '.join(columns)} FROM {table} WHERE seq > :after{where} ORDER BY seq"
    rows = db.execute(f"{sql} LIMIT :limit", asked.model_dump())
    return [dict(zip(columns, row, strict=True)) for row in rows]


@OPERATIONS.read("journal.list", "/journal")
def list_effects(work: Work, asked: ListEffects) -> EffectPage:
    """List effects in order."""
    rows = _select(work.db, "effects", EffectEntry, asked)
    entries = [EffectEntry.model_validate(row) for row in rows]
    more = len(entries) == asked.limit
    return EffectPage(entries=entries, next_after=entries[-1].seq if more else None)


@OPERATIONS.read("journal.list_requests", "/journal/requests")
def list_requests(work: Work, asked: ListRequests) -> RequestPage:
    """List requests to business operations in order."""
    rows = _select(work.db, "requests", RequestEntry, asked)
    entries = [RequestEntry.model_validate(row) for row in rows]
    more = len(entries) == asked.limit
    return RequestPage(entries=entries, next_after=entries[-1].seq if more else None)


_IDENTITIES = """
    WITH steps AS (
        SELECT kind, identity, direction, seq,
               sum(iif(direction = 'do', 1, -1))
                   OVER (PARTITION BY kind, identity ORDER BY seq) AS net
        FROM effects)
    SELECT kind, identity, sum(direction = 'do'), sum(direction = 'undo'),
           sum(iif(direction = 'do', 1, -1)), max(net)
    FROM steps GROUP BY kind, identity ORDER BY min(seq)"""
_KEYS = """
    SELECT r.key, min(r.operation), count(*),
           (SELECT count(*) FROM effects e WHERE e.key = r.key)
    FROM requests r WHERE r.key IS NOT NULL GROUP BY r.key ORDER BY min(r.seq)"""
_OPERATIONS = "SELECT operation, count(*) FROM requests GROUP BY operation ORDER BY operation"


@OPERATIONS.read("journal.summary", "/journal/summary")
def summarise(work: Work, asked: Summarise) -> Summary:
    """Count effects by business identity, requests by key and by operation."""
    db = work.db
    return Summary(
        effects=[
            IdentityCount(kind=k, identity=i, done=d, undone=u, net=n, peak=p)
            for k, i, d, u, n, p in db.execute(_IDENTITIES)
        ],
        keys=[
            KeyCount(key=k, operation=o, requests=r, effects=e) for k, o, r, e in db.execute(_KEYS)
        ],
        operations=[OperationCount(operation=o, requests=r) for o, r in db.execute(_OPERATIONS)],
    )
