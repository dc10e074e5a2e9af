"""Everything that only PostgreSQL needs: connections, deadlines, triggers, grants, the lock.

Several processes on several machines share one database. A run's head row is locked by every write
about the run; nothing is locked for all. Every call has a deadline on the server too.
"""

import json
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool

from remit.stores.database import Database
from remit.stores.line import Question
from remit.stores.statements import Parameters, Prepared, Row, Value

CONNECT_S = 3
"""Longest that a connection may take to open, in seconds."""
STATEMENT_MS = 4_000
"""Longest that the server works on one statement, in milliseconds."""
IDLE_MS = 5_000
"""Longest that a transaction whose client fell silent keeps its locks, in milliseconds."""
LOCK_MS = 2_000
"""Longest that a row's lock is waited for, in milliseconds; less than any caller's deadline."""
_MIGRATION = 0x52454D4954
"""The advisory lock of migrations: `REMIT`."""
_BUSY = frozenset({"40001", "40P01", "55P03"})
"""Serialisation failure, deadlock, lock timeout: the transaction may be tried again."""
MUTABLE = (
    *("chains", "runs", "admissions", "actions", "attempts", "barriers", "deeds"),
    *("counters", "reservations", "gates", "votes", "unsealed"),
    *("unindexed", "holdings", "tombstones", "retained", "content_keys", "stops", "sent"),
    *("slots", "breakers", "detected", "quarantine"),
)
"""Tables whose rows the protocol changes."""
_PASSING = (
    *("reservations", "slots", "unindexed", "holdings", "tombstones", "retained", "content_keys"),
)
"""Tables whose rows the protocol takes away again."""
_LOG = ("leaves", "nodes", "checkpoints", "bundles", "releases")
"""Tables that the keeper alone adds to."""


def open_engine(url: str, busy_ms: int) -> Engine:
    """Return an engine for the database of `url`; it keeps no connections itself.

    Raises:
        OSError: the file with the password cannot be read.
        ValueError: a password stands in `url`.
    """
    # Migrations wait longer for each other than a call may take.
    patient = busy_ms > LOCK_MS
    limits = {
        "statement_timeout": busy_ms if patient else STATEMENT_MS,
        "lock_timeout": busy_ms if patient else LOCK_MS,
        "idle_in_transaction_session_timeout": busy_ms if patient else IDLE_MS,
        "synchronous_commit": "on",
        "search_path": "public",
        # Every question of the ledger has an index. A plan made while a table was empty is used
        # when it is large.
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    }
    return create_engine(
        _driver_url(url),
        poolclass=NullPool,
        use_native_hstore=False,
        connect_args={
            "autocommit": True,
            "connect_timeout": CONNECT_S,
            "application_name": "remit-ledger",
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
            "prepare_threshold": 2,
            "tcp_user_timeout": STATEMENT_MS,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
        },
    )


def _driver_url(url: str) -> URL:
    """Return the address with the password that it refers to: none stands in an address itself.

    An address is printed, kept in state files and told to child processes.
    """
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    if parsed.password is not None:
        raise ValueError(
            "the ledger's address holds a password; put it in a file: ?password_file=PATH"
        )
    named = parsed.query.get("password_file")
    if not isinstance(named, str):
        return parsed
    password = Path(named).read_text().strip()
    return parsed.difference_update_query(["password_file"]).set(password=password)


def is_busy(error: BaseException) -> bool:
    """Whether another transaction was in the way."""
    return getattr(error, "sqlstate", None) in _BUSY


def sever(connection: DBAPIConnection) -> None:
    """Shut the connection's socket; a thread that waits for a silent server wakes with an error."""
    if isinstance(connection, psycopg.Connection) and not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as line, suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


class PostgresLine:
    """Whatever nobody waits for goes along with the next question: one round trip for all of it."""

    def __init__(self, connection: DBAPIConnection) -> None:
        if not isinstance(connection, psycopg.Connection):
            raise TypeError(f"{connection!r} is no connection of psycopg")
        self._connection: psycopg.Connection[Row] = connection
        self._sent: list[tuple[str, Parameters]] = []

    def send(self, text: str) -> None:
        """Run a statement with the next question."""
        self._sent.append((text, ()))

    def put(self, prepared: Prepared, rows: Sequence[Mapping[str, Value]]) -> None:
        """Write rows with the next question."""
        given = json.dumps(rows, ensure_ascii=False, default=_as_text)
        self._sent.append((prepared.text, prepared.parameters({"rows": given})))

    def ask(self, questions: Sequence[Question]) -> Sequence[Sequence[Row]]:
        """Return the rows of each question."""
        return [cursor.fetchall() for cursor in self._run(questions)]

    def run(self, prepared: Prepared, values: Mapping[str, Value]) -> int:
        """Run a statement; return how many rows it met."""
        return self._run([(prepared, values)])[0].rowcount

    def settle(self) -> None:
        """Wait for whatever was sent."""
        if self._sent:
            self._run([])

    def _run(self, questions: Sequence[Question]) -> Sequence[psycopg.Cursor[Row]]:
        sent, self._sent = self._sent, []
        with self._connection.pipeline():
            for text, values in sent:
                self._connection.execute(text.encode(), values or None)
            return [
                self._connection.execute(prepared.text.encode(), prepared.parameters(values))
                for prepared, values in questions
            ]


def _as_text(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} is nothing that a ledger holds")
    return f"\\x{value.hex()}"


@contextmanager
def migration_lock(url: str) -> Iterator[None]:
    """Keep other processes from migrating the same database at the same time."""
    engine = open_engine(url, 60_000)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION})
            connection.commit()
            yield
    finally:
        # The lock goes with its session.
        engine.dispose()


def append_only(table: str) -> Sequence[str]:
    """Return the statements that make a table refuse updates, deletions and truncation."""
    return [
        "CREATE OR REPLACE FUNCTION remit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION remit_append_only()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION remit_append_only()",
    ]


def _vacuum(engine: Engine) -> bool:
    """Free the rows that were overwritten; whoever does not own the table only gets a warning."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM contents")
    except psycopg.Error:
        return False
    finally:
        connection.close()
    return True


def grants(role: str, *, keeper: bool = False, reader: bool = False) -> Sequence[str]:
    """Return what the owner grants to the role that workers, or the keeper, write as; nothing more.

    A `reader`, such as the console, writes nothing at all.

    Raises:
        ValueError: `role` is no plain name.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", role):
        raise ValueError(f"{role!r} is no plain role name")
    every = "ALL TABLES IN SCHEMA public"
    made = [
        f"REVOKE ALL ON {every} FROM {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT ON {every} TO {role}",
    ]
    if reader:
        return made
    made += [
        f"GRANT INSERT ON contents, records, nonces, {', '.join(MUTABLE)} TO {role}",
        f"GRANT UPDATE ON {', '.join(MUTABLE)} TO {role}",
        f"GRANT DELETE ON {', '.join(_PASSING)} TO {role}",
        # A body may be written anew under another key, or overwritten beside a tombstone.
        f"GRANT UPDATE (body, key) ON contents TO {role}",
    ]
    if keeper:
        made.append(f"GRANT INSERT ON {', '.join(_LOG)} TO {role}")
        made.append(f"GRANT DELETE ON pending, unsealed TO {role}")
    return made


def grant(url: str, role: str, *, keeper: bool = False, reader: bool = False) -> None:
    """Give `role` what the protocol needs; `url` is the owner's, after `migrate`."""
    engine = open_engine(url, 30_000)
    try:
        with engine.begin() as connection:
            for statement in grants(role, keeper=keeper, reader=reader):
                connection.execute(text(statement))
    finally:
        engine.dispose()


POSTGRESQL = Database(
    name="postgresql",
    open_engine=open_engine,
    migration_lock=migration_lock,
    line=PostgresLine,
    begin_write="BEGIN ISOLATION LEVEL READ COMMITTED",
    begin_read="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    lock_rows=True,
    in_threads=True,
    fold_log="",
    unavailable=(psycopg.Error,),
    broken_rule=(psycopg.IntegrityError, psycopg.DataError),
    is_busy=is_busy,
    sever=sever,
    append_only=append_only,
    empty_log=_vacuum,
    compact=_vacuum,
)
