"""What a database must bring to hold the ledger; `sqlite` and `postgresql` each bring one.

Whatever differs between them stands in those two modules. The rest of `remit.stores` is the same.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection

from remit.stores.line import Line


@dataclass(frozen=True, slots=True)
class Database:
    """How one kind of database is opened, written and told apart when it fails."""

    name: str
    """SQLAlchemy's name of its dialect."""
    open_engine: Callable[[str, int], Engine]
    """URL, and for how many milliseconds a lock is waited for."""
    migration_lock: Callable[[str], AbstractContextManager[None]]
    line: Callable[[DBAPIConnection], Line]
    """How statements go through a connection."""
    begin_write: str
    begin_read: str
    lock_rows: bool
    """Whether transactions run side by side, so that rows must be locked."""
    in_threads: bool
    """Whether a call may take longer than the event loop can spare."""
    fold_log: str
    """Statement that tidies up now and then; empty: none."""
    unavailable: tuple[type[Exception], ...]
    """What the driver raises when the database cannot be used."""
    broken_rule: tuple[type[Exception], ...]
    """What it raises (also `unavailable`) when a write breaks a rule of the tables."""
    is_busy: Callable[[BaseException], bool]
    """Whether it was only another process's lock, so that the same may be tried again."""
    sever: Callable[[DBAPIConnection], None]
    """Ends a connection under the thread that waits for it, which then hears of an error."""
    append_only: Callable[[str], Sequence[str]]
    """Statements that make a table refuse updates and deletions."""
    empty_log: Callable[[Engine], bool]
    """Clears away what is left of overwritten bodies; false when somebody is in the way."""
    compact: Callable[[Engine], bool]
    """The same for everything that was ever overwritten, with nobody else at work."""


def database_of(url: str) -> Database:
    """Return the database that a URL names.

    Raises:
        ValueError: for one that cannot hold a ledger.
    """
    return named(make_url(url).get_backend_name())


def named(dialect: str) -> Database:
    """Return a database by SQLAlchemy's name of its dialect."""
    # A driver is imported only by who uses it: PostgreSQL's is an extra.
    if dialect == "sqlite":
        from remit.stores.sqlite import SQLITE

        return SQLITE
    if dialect == "postgresql":
        from remit.stores.postgresql import POSTGRESQL

        return POSTGRESQL
    raise ValueError(
        f"the ledger lives at sqlite:///FILE or postgresql+psycopg://..., not in {dialect}"
    )
