"""Transactions on one connection: groups of writes, and single reads.

Every write of a group is tried without a savepoint. One that is refused before it sent anything is
forgotten; where it sent something, or the tables refuse the whole group, the group is given up and
its writes are done again one by one. A read sees one snapshot.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from sqlalchemy import Engine

from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.database import Database
from remit.stores.foresight import Wanted, foresee
from remit.stores.statements import Statements
from remit.stores.transaction import Transaction

R = TypeVar("R")

POLL_S = 0.001
"""How often to ask for a lock that another process holds, in seconds."""


class BusyError(LedgerUnavailableError):
    """Another process holds the lock for a moment; ask again."""


class SpoiltError(Exception):
    """A write failed in a way that spoils its group: do each of them by itself."""


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
        self._line = database.line(connection)
        self._statements = statements
        self._clock = clock
        self._tx = self._transaction()

    def begin(self, wanted: Sequence[Wanted] = ()) -> Collection[str]:
        """Open a group of writes on these; return the runs that another transaction holds.

        Raises:
            BusyError: while another process writes.
        """
        try:
            self._line.send(self._database.begin_write)
            self._tx = self._transaction()
            if not self._database.lock_rows:
                return ()
            held = foresee(self._tx, wanted)
            self._line.settle()
        except self._database.unavailable as error:
            raise self._unavailable("written", error) from error
        return held

    def write(self, work: Callable[[Transaction], R]) -> R:
        """Try one write of the group; when it raises, it has written nothing.

        Raises:
            SpoiltError: the whole group has to be given up.
        """
        self._tx.now_ms = self._clock()
        try:
            result = work(self._tx)
        except self._database.broken_rule as error:
            raise SpoiltError from error
        except self._database.unavailable as error:
            raise self._unavailable("written", error) from error
        except Exception as error:
            if not self._tx.refuse():
                raise SpoiltError from error
            raise
        self._tx.accept()
        return result

    def write_alone(self, work: Callable[[Transaction], R]) -> R:
        """Run one write of the group in a savepoint, when trying has spoilt the group before.

        Raises:
            SpoiltError: the tables refuse what other writes of the group kept.
        """
        # What others kept is theirs: when the tables refuse it, that is not this write's fault.
        self.flush()
        tx = self._tx
        tx.now_ms = self._clock()
        self._line.send("SAVEPOINT request")
        try:
            result = work(tx)
            tx.send()
            self._line.settle()
        except self._database.broken_rule as error:
            self._undo()
            raise LedgerError("LEDGER-BROKEN-RULE", f"the tables refuse it: {error}") from error
        except self._database.unavailable as error:
            raise self._unavailable("written", error) from error
        except Exception:
            self._undo()
            raise
        tx.accept()
        self._line.send("RELEASE request")
        return result

    def _undo(self) -> None:
        self._tx.refuse()
        try:
            self._line.send("ROLLBACK TO request")
            self._line.send("RELEASE request")
            self._line.settle()
        except self._database.unavailable as error:
            raise self._unavailable("written", error) from error

    def abort(self) -> None:
        """Give up a group; nothing of it was written."""
        try:
            self._line.send("ROLLBACK")
            self._line.settle()
        except self._database.unavailable as error:
            raise self._unavailable("written", error) from error

    def sever(self) -> None:
        """End the connection while another thread waits for it."""
        self._database.sever(self._connection)

    def flush(self) -> None:
        """Have the database take what the group kept, short of making it durable.

        Raises:
            SpoiltError: the tables, or the driver, refuse some of it.
        """
        self._settle("")

    def commit(self) -> None:
        """Make the group durable, with whatever it still kept.

        Raises:
            SpoiltError: as `flush`.
        """
        self._settle("COMMIT")

    def _settle(self, order: str) -> None:
        try:
            self._tx.send()
            if order:
                self._line.send(order)
            self._line.settle()
        except self._database.broken_rule as error:
            raise SpoiltError from error
        except self._database.unavailable as error:
            raise self._unavailable("written", error) from error
        except (ValueError, OverflowError) as error:
            raise SpoiltError from error

    def fold_log(self) -> None:
        """Bring the write-ahead log into the database; may take tens of milliseconds."""
        try:
            self._line.send(self._database.fold_log)
        except self._database.unavailable as error:
            raise self._unavailable("tidied", error) from error

    def read(self, work: Callable[[Transaction], R]) -> R:
        """Run a read on one snapshot."""
        try:
            self._line.send(self._database.begin_read)
            try:
                return work(self._transaction())
            finally:
                self._line.send("COMMIT")
                self._line.settle()
        except self._database.unavailable as error:
            raise self._unavailable("read", error) from error

    def _transaction(self) -> Transaction:
        lock_rows = self._database.lock_rows
        return Transaction(self._line, self._statements, self._clock(), lock_rows=lock_rows)

    def close(self) -> None:
        """Let go of the connection; an open transaction is rolled back."""
        self._pooled.close()

    def _unavailable(self, what: str, error: Exception) -> LedgerUnavailableError:
        kind = BusyError if self._database.is_busy(error) else LedgerUnavailableError
        return kind(f"the ledger cannot be {what}: {error}")
