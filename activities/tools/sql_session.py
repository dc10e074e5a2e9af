"""What the `sql` kind needs of a database: one open connection, and what its errors mean."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from remit.tool.sql import Dialect, Statement

Columns = Sequence[str]
Rows = Iterator[Sequence[object]]


class Fault(Enum):
    """What an error of a database means for its transaction, which was not committed."""

    REFUSED = "refused"
    """It said no, and would again."""
    BARRED = "barred"
    """It said no to the account, whatever was asked."""
    AGAIN = "again"
    """Somebody was in the way: deadlock, lock, serialisation."""
    LATE = "late"
    """It ended the statement at its deadline."""
    LOST = "lost"
    """There is no connection (any more)."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An error of a database, without a value in its words."""

    fault: Fault
    said: str


@dataclass(frozen=True, slots=True)
class Place:
    """Which database, as whom, for what; connections are kept by it."""

    dialect: Dialect
    settings: tuple[tuple[str, str], ...]
    """What the driver connects with."""
    is_read: bool


class Session(Protocol):
    """One connection. All but `sever` are called in one thread at a time."""

    def begin(self, left_s: float, role: str) -> None:
        """Begin a transaction whose statements end by themselves after `left_s` seconds."""

    def rows(
        self, statement: Statement, values: Mapping[str, object]
    ) -> AbstractContextManager[tuple[Columns, Rows]]:
        """Run a statement; its rows are read from the server one after another."""

    def count(self, statement: Statement, values: Mapping[str, object]) -> int:
        """Run a statement that returns no rows; return how many it met."""

    def commit(self) -> None:
        """Commit; a transaction that was not is an error."""

    def rollback(self) -> None:
        """Undo what was not committed."""

    def failed(self, error: Exception) -> Failed | None:
        """Say what an error of this driver means; `None` if it is not this driver's."""

    def commit_failed(self, error: Exception) -> Failed | None:
        """The same for an error of `commit`; `None` if nobody can tell whether it happened."""

    def sever(self) -> None:
        """End the connection under the thread that waits for it; called from another thread."""

    def close(self) -> None:
        """Close the connection."""


Connect = Callable[[Place, float], Session]
"""Opens a connection within some seconds; raises the driver's error."""
