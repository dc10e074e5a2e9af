"""The `sql` kind's connections to PostgreSQL.

A statement goes to the server with its values beside it, never inside it. What begins a transaction
is one round trip: read-only for reads, the role, and a deadline that the server keeps even when
nobody here is left to ask for it.
"""

import os
import socket
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress

import psycopg
from psycopg.conninfo import make_conninfo

from activities.tools.sql_session import Columns, Failed, Fault, Place, Rows, Session
from remit.tool.sql import Statement

_AGAIN = frozenset({"40001", "40P01", "55P03", "53300", "57P03"})
_LATE = frozenset({"57014", "25P03", "25P04"})
_NOT_ALLOWED = "42501"
_LOST = ("08", "57P", "58", "XX", "53")
_CERTAIN_AT_COMMIT = ("22", "23", "27", "40", "44", "P0")
"""Classes of errors by which a COMMIT says that it did not; a lost server says other things."""
_UNKNOWN_AT_COMMIT = "40003"
_SPARE_MS = 20
"""By how much the server's deadline comes before ours, in milliseconds."""
_FIXED: Mapping[str, str] = {
    "application_name": "remit-tool",
    # Nothing of the worker's own: no password file, no Kerberos, no options of its environment.
    "passfile": f"{os.devnull}/none",
    "gssencmode": "disable",
    "client_encoding": "UTF8",
}


class NotCommittedError(Exception):
    """The server answered a COMMIT with a ROLLBACK."""


class PostgresSession:
    """One connection to PostgreSQL."""

    def __init__(self, place: Place, left_s: float) -> None:
        """Connect, within `left_s` seconds for each address."""
        self._is_read = place.is_read
        self._connection = psycopg.connect(
            make_conninfo("", **{**dict(place.settings), **_FIXED}),
            autocommit=True,
            connect_timeout=max(2, int(left_s)),
            # Poolers between here and there do not keep prepared statements apart.
            prepare_threshold=None,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=2,
        )

    def begin(self, left_s: float, role: str) -> None:
        """Begin a transaction; the server ends it at the deadline, and when we fall silent."""
        left_ms = max(1, int(left_s * 1000) - _SPARE_MS)
        mode = "READ ONLY" if self._is_read else "READ WRITE"
        lines = [
            f"BEGIN ISOLATION LEVEL READ COMMITTED {mode}",
            f"SET LOCAL statement_timeout = {left_ms}",
            "SET LOCAL standard_conforming_strings = on",
            # One text for one moment, wherever the server stands.
            "SET LOCAL timezone = 'UTC'",
            f"SET LOCAL idle_in_transaction_session_timeout = {left_ms + 1000}",
        ]
        if role:
            lines.append(f'SET LOCAL ROLE "{role}"')
        self._connection.execute("; ".join(lines).encode())

    @contextmanager
    def rows(
        self, statement: Statement, values: Mapping[str, object]
    ) -> Iterator[tuple[Columns, Rows]]:
        """Run a statement, row by row."""
        with self._connection.cursor() as cursor:
            stream = cursor.stream(statement.for_postgresql().encode(), dict(values))
            try:
                first = next(stream, None)
                columns = [column.name for column in cursor.description or ()]
                yield columns, _chained(first, stream)
            finally:
                # Not left to the garbage: the connection is free only after this.
                if isinstance(stream, Generator):
                    stream.close()

    def count(self, statement: Statement, values: Mapping[str, object]) -> int:
        """Run a statement that returns no rows."""
        with self._connection.execute(statement.for_postgresql().encode(), dict(values)) as cursor:
            return cursor.rowcount

    def commit(self) -> None:
        """Commit.

        Raises:
            NotCommittedError: the transaction had failed before.
        """
        if self._connection.execute(b"COMMIT").statusmessage != "COMMIT":
            raise NotCommittedError

    def rollback(self) -> None:
        """Roll back."""
        self._connection.execute(b"ROLLBACK")

    def failed(self, error: Exception) -> Failed | None:
        """Read the SQLSTATE."""
        if isinstance(error, NotCommittedError):
            return Failed(Fault.REFUSED, "the transaction could not be committed")
        if not isinstance(error, psycopg.Error):
            return None
        state = error.sqlstate or ""
        if state in _AGAIN:
            return Failed(Fault.AGAIN, _said(error))
        if state in _LATE:
            return Failed(Fault.LATE, _said(error))
        if state.startswith(_LOST) or self._connection.broken:
            return Failed(Fault.LOST, _said(error))
        if state == _NOT_ALLOWED:
            return Failed(Fault.BARRED, _said(error))
        return Failed(Fault.REFUSED, _said(error))

    def commit_failed(self, error: Exception) -> Failed | None:
        """Believe only an answer of the server that is about the transaction."""
        if isinstance(error, NotCommittedError):
            return self.failed(error)
        state = error.sqlstate or "" if isinstance(error, psycopg.Error) else ""
        if state.startswith(_CERTAIN_AT_COMMIT) and state != _UNKNOWN_AT_COMMIT:
            return self.failed(error)
        return None

    def sever(self) -> None:
        """Shut the socket: the thread that waits hears of an error, the server of its deadline."""
        connection = self._connection
        if connection.closed:
            return
        with (
            suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close."""
        self._connection.close()


def connect(place: Place, left_s: float) -> Session:
    """Open a connection."""
    return PostgresSession(place, left_s)


def unreachable(error: Exception) -> Failed | None:
    """Say why no connection could be opened; nothing was sent."""
    if not isinstance(error, psycopg.Error):
        return None
    # What libpq says holds host and account, and no password; the server's words may hold more.
    state = error.sqlstate or ""
    if state.startswith(("28", "3D", "42")):
        return Failed(Fault.BARRED, f"the server does not let this account in (SQLSTATE {state})")
    return Failed(Fault.LOST, "no connection")


def _chained(first: object, rest: Iterator[object]) -> Iterator[tuple[object, ...]]:
    if isinstance(first, tuple):
        yield first
    for row in rest:
        if isinstance(row, tuple):
            yield row


def _said(error: psycopg.Error) -> str:
    """Return SQLSTATE and names, and the words of a rule that a database's owner wrote."""
    told = error.diag
    state = f"SQLSTATE {error.sqlstate}" if error.sqlstate else type(error).__name__
    names = (("constraint", told.constraint_name), ("column", told.column_name))
    shown = "".join(f", {kind} {name}" for kind, name in names if name)
    words = f": {(told.message_primary or '')[:200]}" if error.sqlstate == "P0001" else ""
    return f"{state}{shown}{words}"
