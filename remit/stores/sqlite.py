"""Everything that only SQLite needs: connections, transactions, triggers, the migration lock.

Several processes share one file: write-ahead log, every commit synced, one writer at a time.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from remit.stores.database import Database
from remit.stores.line import Question
from remit.stores.statements import Prepared, Row, Value


def open_engine(url: str, busy_ms: int) -> Engine:
    """Return an engine for the SQLite file of `url`; every connection waits `busy_ms` for a lock.

    Raises:
        ValueError: `url` is not `sqlite:///` and a file: in memory nothing is durable.
    """
    parsed = make_url(url)
    path = _file(parsed)
    _create(path)
    engine = create_engine(
        parsed,
        poolclass=NullPool,
        connect_args={
            "isolation_level": None,
            "timeout": busy_ms / 1000,
            "cached_statements": 256,
            "check_same_thread": False,
        },
    )

    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        # What is deleted is overwritten: contents that are forgotten must be gone from the file.
        cursor.execute("PRAGMA secure_delete=ON")
        # The writer folds the log in itself, where that stops nobody; this is for stragglers.
        cursor.execute("PRAGMA wal_autocheckpoint=20000")
        cursor.close()

    event.listen(engine, "connect", prepare)
    return engine


def _create(path: Path) -> None:
    """Make an absent file that nobody else reads (it holds arguments and outputs).

    A file that is there is left alone: closing any handle on it drops the POSIX locks that this
    process's other connections hold, and then another process may delete the log under them.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def empty_log(engine: Engine) -> bool:
    """Bring the whole write-ahead log into the database and cut it; return whether that worked.

    Whatever stood in it is then nowhere in the two files. Another process that reads or writes at
    this moment is in the way: ask again.
    """
    return _cut_log(engine)


def compact(engine: Engine) -> bool:
    """Write the database anew and empty its log; return whether nobody was in the way."""
    return _cut_log(engine, "PRAGMA busy_timeout=10000", "VACUUM")


def _cut_log(engine: Engine, *before: str) -> bool:
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        for order in (*before, "PRAGMA wal_checkpoint(TRUNCATE)"):
            cursor.execute(order)
        found = cursor.fetchone()
        return found is not None and found[0] == 0
    except sqlite3.Error:
        return False
    finally:
        connection.close()


def is_busy(error: BaseException) -> bool:
    """Whether another process holds the lock that was asked for."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _file(url: URL) -> Path:
    if url.get_backend_name() != "sqlite":
        raise ValueError(f"{url.render_as_string()!r}: the ledger speaks sqlite:///FILE only")
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ValueError("the ledger needs a file: 'sqlite:///ledger.db'")
    return Path(url.database)


class SqliteLine:
    """Statements run at once: there is nothing to wait for but the disk."""

    def __init__(self, connection: DBAPIConnection) -> None:
        self._connection = connection

    def send(self, text: str) -> None:
        """Run a statement."""
        self._connection.cursor().execute(text)

    def put(self, prepared: Prepared, rows: Sequence[Mapping[str, Value]]) -> None:
        """Write rows."""
        given: Any = [prepared.parameters(row) for row in rows]
        self._connection.cursor().executemany(prepared.text, given)

    def ask(self, questions: Sequence[Question]) -> Sequence[Sequence[Row]]:
        """Return the rows of each question."""
        answers: list[Sequence[Row]] = []
        for prepared, values in questions:
            cursor = self._connection.cursor()
            cursor.execute(prepared.text, prepared.parameters(values))
            answers.append(cursor.fetchall())
        return answers

    def run(self, prepared: Prepared, values: Mapping[str, Value]) -> int:
        """Run a statement; return how many rows it met."""
        cursor = self._connection.cursor()
        cursor.execute(prepared.text, prepared.parameters(values))
        return int(cursor.rowcount)

    def settle(self) -> None:
        """Nothing is under way."""


@contextmanager
def migration_lock(url: str) -> Iterator[None]:
    """Keep other processes from migrating the same file at the same time."""
    path = _file(make_url(url))
    handle = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _stay(connection: DBAPIConnection) -> None:
    """A file never falls silent."""


def append_only(table: str) -> Sequence[str]:
    """Return the statements that make a table refuse updates and deletions."""
    return [
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for verb in ("update", "delete")
    ]


SQLITE = Database(
    name="sqlite",
    open_engine=open_engine,
    migration_lock=migration_lock,
    line=SqliteLine,
    begin_write="BEGIN IMMEDIATE",
    begin_read="BEGIN",
    lock_rows=False,
    in_threads=False,
    fold_log="PRAGMA wal_checkpoint(PASSIVE)",
    unavailable=(sqlite3.Error,),
    broken_rule=(sqlite3.IntegrityError,),
    is_busy=is_busy,
    sever=_stay,
    append_only=append_only,
    empty_log=empty_log,
    compact=compact,
)
