"""One request, one effect: an operation and its idempotency key in a single transaction.

Owns the answers kept by key. The promise: of all requests with one key, one has an effect and
every other gets the first answer; the same key with other words is refused. Only an answer to
a success is kept, for a refusal had no effect and may turn out otherwise next time.
Must never be entered outside an open transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass

from pydantic import JsonValue
from pydantic_core import from_json

from .contract import Answer, Operation, Operations, Question, Word, Work
from .journal import Asked, note_effects, note_request
from .refusals import KEY_REUSED, RefusedError

DDL = (
    """CREATE TABLE IF NOT EXISTS answers (
        key TEXT PRIMARY KEY, operation TEXT NOT NULL, fingerprint TEXT NOT NULL,
        status INTEGER NOT NULL, body BLOB NOT NULL, at TEXT NOT NULL) STRICT""",
)
TABLES = ("answers",)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the service itself answers, before any injected fault."""

    status: int
    body: bytes
    replayed: bool = False


def _fingerprint(operation: Operation, question: Question) -> str:
    """Digest of what was asked: the operation and every field, in the model's order."""
    words = operation.says.name.encode() + b"\n" + question.model_dump_json().encode()
    return hashlib.sha256(words).hexdigest()


def _replay(db: sqlite3.Connection, key: str | None, fingerprint: str) -> Outcome | None:
    if key is None:
        return None
    kept = db.execute(
        "SELECT fingerprint, status, body FROM answers WHERE key = ?", (key,)
    ).fetchone()
    if kept is None:
        return None
    if kept[0] != fingerprint:
        raise RefusedError(KEY_REUSED, "this key was used for another request; use a new one")
    return Outcome(status=kept[1], body=kept[2], replayed=True)


def _perform(
    db: sqlite3.Connection, operation: Operation, question: Question, asked: Asked
) -> Outcome:
    work = Work(db, asked.at)
    body = operation.perform(work, question).model_dump_json().encode()
    note_effects(db, asked, work.effects)
    return Outcome(operation.says.success, body)


def answer_once(
    db: sqlite3.Connection, operation: Operation, question: Question, asked: Asked, *, keep: bool
) -> Outcome:
    """Answer a request, at most once per key; note it in the journal.

    Args:
        db: A connection inside a transaction, which the caller commits in every case but an
            unexpected exception.
        operation: What to do.
        question: Its validated fields.
        asked: The request, for the journal.
        keep: False rolls the effect back and yet returns the answer (an injected fault).

    Raises:
        RefusedError: The operation or the key was refused; nothing but the refusal is written.
    """
    fingerprint = _fingerprint(operation, question)
    try:
        replay = _replay(db, asked.key, fingerprint)
    except RefusedError as refused:
        note_request(db, asked, "key_conflict", refused.refusal.status)
        raise
    if replay is not None:
        note_request(db, asked, "replayed", replay.status)
        return replay
    db.execute("SAVEPOINT effect")
    try:
        outcome = _perform(db, operation, question, asked)
    except RefusedError as refused:
        db.execute("ROLLBACK TO effect")
        note_request(db, asked, "refused", refused.refusal.status)
        raise
    if not keep:
        db.execute("ROLLBACK TO effect")
    elif asked.key is not None:
        db.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (asked.key, operation.says.name, fingerprint, outcome.status, outcome.body, asked.at),
        )
    note_request(db, asked, "done" if keep else "discarded", outcome.status)
    return outcome


OPERATIONS = Operations()


class FindRequest(Question):
    """The idempotency key of a request that may have happened."""

    key: Word


class FoundRequest(Answer):
    """Whether a request with a key had its effect, and what it was answered."""

    happened: bool
    operation: str | None
    status: int | None
    response: JsonValue


@OPERATIONS.read("requests.find", "/requests")
def find_request(work: Work, asked: FindRequest) -> FoundRequest:
    """Tell whether the request with a key happened, and its answer."""
    kept = work.db.execute(
        "SELECT operation, status, body FROM answers WHERE key = ?", (asked.key,)
    ).fetchone()
    if kept is None:
        return FoundRequest(happened=False, operation=None, status=None, response=None)
    return FoundRequest(
        happened=True, operation=kept[0], status=kept[1], response=from_json(kept[2])
    )
