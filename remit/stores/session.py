"""Transactions on one connection: groups of writes, and single reads.

Each write of a group runs in a savepoint, so that one refused or failed write does not spoil the
others. A read sees one snapshot.
"""

from collections.abc import Callable, Collection
from typing import TypeVar

from sqlalchemy import Engine

from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.chain import lock_heads
from remit.stores.database import Database
from remit.stores.statements import Statements, Transaction

R = TypeVar("R")

POLL_S = 0.001
"""How often to ask for a lock that another process holds, in seconds."""


class BusyError(LedgerUnavailableError):
    """Another process holds the lock for a moment; ask again."""


Clock = Callable[[], int]
"""Returns milliseconds of Unix time."""


class Session:
    """One connection and its transactions; used by one thread at a time."""

    def __init__(
        self, engine: Engine, database: Database, statements: Statements, clock: Clock
    ) -> None:
        """Connect.

        Raises:
            LedgerUnavailableError: when the database cannot be opened; `BusyError` for a moment.
        """
        self._database = database
        try:
            self._pooled = engine.raw_connection()
        except database.unavailable as error:
            raise self._unavailable("opened", error) from error
        connection = self._pooled.dbapi_connection
        if connection is None:
            raise LedgerUnavailableError("the ledger gave no connection")
        self._connection = connection
        self._cursor = connection.cursor()
        self._statements = statements
        self._clock = clock

    def begin(self) -> None:
        """Open a group of writes; `BusyError` while another process writes."""
        try:
            self._cursor.execute(self._database.begin_write)
        except self._database.unavailable as error:
            raise self._unavailable("written", error) from error

    def write(self, work: Callable[[Transaction], R]) -> R:
        """Run one write of the group; when it raises, it has written nothing."""
        self._cursor.execute("SAVEPOINT request")
        try:
            result = work(self._transaction())
        except self._database.broken_rule as error:
            self._undo()
            raise LedgerError("LEDGER-BROKEN-RULE", f"the tables refuse it: {error}") from error
        except self._database.unavailable as error:
            raise self._unavailable("written", error) from error
        except BaseException:
            self._undo()
            raise
        self._cursor.execute("RELEASE request")
        return result

    def _undo(self) -> None:
        self._cursor.execute("ROLLBACK TO request")
        self._cursor.execute("RELEASE request")

    def lock(self, roots: Collection[str]) -> None:
        """Lock the chains of a group in one order for all, so that no two groups wait in a ring."""
        try:
            lock_heads(self._transaction(), roots)
        except self._database.unavailable as error:
            raise self._unavailable("written", error) from error

    def abort(self) -> None:
        """Give up a group; nothing of it was written."""
        try:
            self._cursor.execute("ROLLBACK")
        except self._database.unavailable as error:
            raise self._unavailable("written", error) from error

    def sever(self) -> None:
        """End the connection while another thread waits for it."""
        self._database.sever(self._connection)

    def commit(self) -> None:
        """Make the group durable."""
        try:
            self._cursor.execute("COMMIT")
        except self._database.unavailable as error:
            raise self._unavailable("committed", error) from error

    def fold_log(self) -> None:
        """Bring the write-ahead log into the database; may take tens of milliseconds."""
        try:
            self._cursor.execute(self._database.fold_log)
            self._cursor.fetchall()
        except self._database.unavailable as error:
            raise self._unavailable("tidied", error) from error

    def read(self, work: Callable[[Transaction], R]) -> R:
        """Run a read on one snapshot."""
        try:
            self._cursor.execute(self._database.begin_read)
            try:
                return work(self._transaction())
            finally:
                self._cursor.execute("COMMIT")
        except self._database.unavailable as error:
            raise self._unavailable("read", error) from error

    def _transaction(self) -> Transaction:
        return Transaction(
            self._connection,
            self._statements,
            self._clock(),
            lock_rows=self._database.lock_rows,
        )

    def close(self) -> None:
        """Let go of the connection; an open transaction is rolled back."""
        self._pooled.close()

    def _unavailable(self, what: str, error: Exception) -> LedgerUnavailableError:
        kind = BusyError if self._database.is_busy(error) else LedgerUnavailableError
        return kind(f"the ledger cannot be {what}: {error}")
