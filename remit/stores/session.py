"""Transactions on one connection of one thread: a group of writes, or a group of reads.

Writes: each request runs in a savepoint, so that one refused or failed request does not spoil the
group. Reads: the whole group sees one snapshot, taken after its last request was queued.
"""

from collections.abc import Callable

from sqlalchemy import Engine

from remit.ledger.protocol import LedgerUnavailableError
from remit.stores import sqlite
from remit.stores.lane import Request
from remit.stores.statements import Statements, Transaction

Clock = Callable[[], int]
"""Returns milliseconds of Unix time."""


class SqlSession:
    """A `remit.stores.lane.Session` on a connection of its own."""

    def __init__(
        self, engine: Engine, statements: Statements, clock: Clock, *, writes: bool
    ) -> None:
        self._pooled = engine.raw_connection()
        if self._pooled.dbapi_connection is None:
            raise LedgerUnavailableError("the database gave no connection")
        self._connection = self._pooled.dbapi_connection
        self._cursor = self._connection.cursor()
        self._statements = statements
        self._clock = clock
        self._writes = writes

    def begin(self) -> None:
        """Open a transaction; a writing one waits for other processes' writes."""
        try:
            self._cursor.execute(sqlite.BEGIN_WRITE if self._writes else sqlite.BEGIN_READ)
        except sqlite.UNAVAILABLE as error:
            raise LedgerUnavailableError(f"the ledger cannot be opened: {error}") from error

    def execute(self, request: Request[Transaction]) -> None:
        """Execute a request; what it raises is kept for its caller, what it wrote is undone."""
        if self._writes:
            self._cursor.execute("SAVEPOINT request")
        transaction = Transaction(self._connection, self._statements, self._clock())
        try:
            request.work(transaction)
        except sqlite.UNAVAILABLE as error:
            request.error = LedgerUnavailableError(f"the ledger failed: {error}")
        except Exception as error:
            request.error = error
        if not self._writes:
            return
        if request.error is not None:
            self._cursor.execute("ROLLBACK TO request")
        self._cursor.execute("RELEASE request")

    def commit(self) -> None:
        """Make the group durable."""
        try:
            self._cursor.execute("COMMIT")
        except sqlite.UNAVAILABLE as error:
            raise LedgerUnavailableError(f"the ledger could not commit: {error}") from error

    def close(self) -> None:
        """Let go of the connection; an open transaction is rolled back."""
        self._pooled.close()
