"""The SQLite file: one connection, one thread, one transaction at a time.

Owns opening, transactions and the deadline for a place in the queue. SQLite has one writer
anyway; a single thread makes two requests with one key take turns, without a lock in sight.
The file is in WAL mode and survives the death of the process with every committed effect.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from .refusals import UNAVAILABLE, RefusedError

T = TypeVar("T")
PASSING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
)
"""Troubles of the file, and not of our SQL."""


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end, also after a refusal (which is noted); roll back on anything else."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except RefusedError:
        db.execute("COMMIT")
        raise
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


class Store:
    """The connection and its thread."""

    def __init__(self, path: Path, *, deadline_s: float = 10.0) -> None:
        self._path = path
        self._deadline_s = deadline_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._db: sqlite3.Connection | None = None

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, isolation_level=None, timeout=5.0)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        return self._db

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        db = self._connection()
        with _transaction(db):
            return work(db)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction on the store's thread.

        Raises:
            RefusedError: What `work` refused; or `UNAVAILABLE` after the deadline, when `work` may
                or may not have committed.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._deadline_s):
                return await loop.run_in_executor(self._thread, self._transact, work)
        except TimeoutError:
            raise RefusedError(UNAVAILABLE, "the store did not answer in time") from None
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in PASSING:
                raise
            raise RefusedError(UNAVAILABLE, f"the store is not available: {error}") from error

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
