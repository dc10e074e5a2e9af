"""The `sql` kind's connections to SQLite files.

The file must be there: nothing is created. Reads open it read-only, twice over (`mode=ro` and
`query_only`); writes take the file's one write lock at once, so that none of them deadlocks later.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from activities.tools.sql_session import Columns, Failed, Fault, Place, Rows, Session
from remit.tool.sql import Statement

_AGAIN = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_LOST = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL})


class SqliteSession:
    """One connection to a file."""

    def __init__(self, place: Place, left_s: float) -> None:
        """Open the file, which must exist."""
        self._is_read = place.is_read
        file = Path(dict(place.settings)["file"])
        mode = "ro" if place.is_read else "rw"
        self._connection = sqlite3.connect(
            f"file:{quote(str(file))}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=left_s,
            cached_statements=64,
        )
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.execute("PRAGMA trusted_schema = OFF")
        if place.is_read:
            self._connection.execute("PRAGMA query_only = ON")

    def begin(self, left_s: float, role: str) -> None:
        """Begin; another's write lock is waited for until the deadline."""
        self._connection.execute(f"PRAGMA busy_timeout = {max(1, int(left_s * 1000) - 20)}")
        self._connection.execute("BEGIN" if self._is_read else "BEGIN IMMEDIATE")

    @contextmanager
    def rows(
        self, statement: Statement, values: Mapping[str, object]
    ) -> Iterator[tuple[Columns, Rows]]:
        """Run a statement, row by row."""
        cursor = self._connection.execute(statement.for_sqlite(), _used(statement, values))
        try:
            yield [column[0] for column in cursor.description or ()], cursor
        finally:
            cursor.close()

    def count(self, statement: Statement, values: Mapping[str, object]) -> int:
        """Run a statement that returns no rows."""
        return self._connection.execute(statement.for_sqlite(), _used(statement, values)).rowcount

    def commit(self) -> None:
        """Commit."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Roll back."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def failed(self, error: Exception) -> Failed | None:
        """Read SQLite's code."""
        if not isinstance(error, sqlite3.Error):
            return None
        code = getattr(error, "sqlite_errorcode", 0)
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if code & 0xFF in _AGAIN:
            return Failed(Fault.AGAIN, name)
        if code == sqlite3.SQLITE_INTERRUPT:
            return Failed(Fault.LATE, name)
        if code & 0xFF in _LOST:
            return Failed(Fault.LOST, name)
        return Failed(Fault.REFUSED, name)

    def commit_failed(self, error: Exception) -> Failed | None:
        """While the transaction is still open it was not committed."""
        return self.failed(error) if self._connection.in_transaction else None

    def sever(self) -> None:
        """Interrupt the statement that runs."""
        with suppress(sqlite3.ProgrammingError):
            self._connection.interrupt()

    def close(self) -> None:
        """Close."""
        self._connection.close()


def connect(place: Place, left_s: float) -> Session:
    """Open a connection."""
    return SqliteSession(place, left_s)


def unreachable(error: Exception) -> Failed | None:
    """Say why the file could not be opened."""
    if not isinstance(error, sqlite3.Error):
        return None
    return Failed(Fault.LOST, f"no such file, or none of SQLite ({type(error).__name__})")


def _used(statement: Statement, values: Mapping[str, object]) -> dict[str, object]:
    return {name: values[name] for name in statement.names}
