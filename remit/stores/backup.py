"""A backup of a light stack's two databases, taken while they are used, and its way back.

Temporal's file is copied first and the ledger behind it. So the ledger of a backup knows at least
what Temporal's history knows: a call that the history tells of is found to have happened, and not
made again. The other way round its outcome would be missing, and with it its undo.

A restored ledger is older than the heads that were published, so its log cannot go on: it begins
a new one, in which every record stands again. Copies are SQLite's own online copies; both files
are read through once before anything is replaced.
"""

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from remit.canonical import Digest
from remit.stores.atomic import write_atomically

FORMAT = "remit.backup/v1"
TEMPORAL = "temporal.db"
LEDGER = "ledger.db"
_MANIFEST = "manifest.json"
_LOG_TABLES = ("leaves", "nodes", "checkpoints")
_BUSY_S = 30.0


class BackupError(Exception):
    """A backup cannot be taken or used; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Tally(BaseModel):
    """What a ledger holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    records: int
    runs: int
    open: list[str]
    """Workflow ids of the runs that were not closed."""
    newest_ms: int
    """When its last record was written, in milliseconds of Unix time; 0 without one."""


class Manifest(BaseModel):
    """What a backup says about itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = FORMAT
    at: datetime
    """When the copy of the ledger was complete."""
    files: dict[str, Digest]
    ledger: Tally


def back_up(temporal: Path, ledger: Path, folder: Path) -> Manifest:
    """Copy both databases into the new or empty `folder`; they may be in use.

    Raises:
        BackupError: `BACKUP-FOLDER`, `BACKUP-NOTHING`, `BACKUP-FAILED`.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError("BACKUP-FOLDER", f"{str(folder)!r} is not a new or empty folder")
    for file in (temporal, ledger):
        if not file.is_file():
            raise BackupError("BACKUP-NOTHING", f"{str(file)!r} is not there")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for source, name in ((temporal, TEMPORAL), (ledger, LEDGER)):
            copy(source, folder / name)
        manifest = Manifest(
            at=datetime.now(UTC),
            files={name: _digest(folder / name) for name in (TEMPORAL, LEDGER)},
            ledger=tally(folder / LEDGER),
        )
        write_atomically(folder / _MANIFEST, manifest.model_dump_json(indent=2).encode())
    except (sqlite3.Error, OSError) as error:
        raise BackupError("BACKUP-FAILED", f"the copy was not completed: {error}") from error
    return manifest


def copy(source: Path, target: Path) -> None:
    """Copy a SQLite database that others may be using; the copy is whole, or absent."""
    beside = target.with_name(f".{target.name}.part")
    beside.unlink(missing_ok=True)
    os.close(os.open(beside, os.O_CREAT | os.O_WRONLY, 0o600))
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as old,
        closing(sqlite3.connect(beside)) as new,
    ):
        # In one step: a copy in several begins again whenever somebody writes in between.
        old.backup(new, pages=-1)
        # One file is what is copied, moved and compared: no log beside it.
        new.execute("PRAGMA journal_mode=DELETE")
    with beside.open("rb") as written:
        os.fsync(written.fileno())
    beside.replace(target)


def checked(folder: Path) -> Manifest:
    """Return the manifest of a backup whose files are what it says.

    Raises:
        BackupError: `BACKUP-FORMAT`, `BACKUP-ALTERED`.
    """
    try:
        manifest = Manifest.model_validate_json((folder / _MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        why = f"{str(folder)!r} holds no backup that this version reads"
        raise BackupError("BACKUP-FORMAT", why) from error
    if manifest.format != FORMAT or set(manifest.files) != {TEMPORAL, LEDGER}:
        raise BackupError("BACKUP-FORMAT", f"its format is {manifest.format!r}, not {FORMAT!r}")
    for name, digest in manifest.files.items():
        file = folder / name
        if not file.is_file() or _digest(file) != digest:
            raise BackupError("BACKUP-ALTERED", f"{name} is not the file that was backed up")
        _read_through(file)
    return manifest


def begin_new_log(ledger: Path) -> None:
    """Take every record out of the log it was in, so that all wait for a new one.

    The tables are append-only by triggers, which nobody but this takes away and puts back, in one
    transaction, on a file that nobody uses.
    """
    with closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        guards = _guards(connection)
        for name, _ in guards:
            connection.execute(f'DROP TRIGGER "{name}"')
        for table in (*_LOG_TABLES, "pending"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 (a name of ours)
        connection.execute(
            "INSERT INTO pending (root, seq, hash) SELECT root, seq, hash FROM records "
            "ORDER BY at_ms, root, seq"
        )
        for _, made_by in guards:
            connection.execute(made_by)
        connection.execute("COMMIT")


def tally(ledger: Path) -> Tally:
    """Return what the ledger in a file holds."""
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        records, newest = connection.execute(
            "SELECT COUNT(*), COALESCE(MAX(at_ms), 0) FROM records"
        ).fetchone()
        (runs,) = connection.execute("SELECT COUNT(*) FROM runs").fetchone()
        query = "SELECT workflow_id FROM runs WHERE closed = '' ORDER BY started_ms, root"
        ids = [workflow_id for (workflow_id,) in connection.execute(query)]
    return Tally(records=records, runs=runs, open=ids, newest_ms=newest)


def _guards(connection: sqlite3.Connection) -> Sequence[tuple[str, str]]:
    query = "SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'trigger'"
    return [(name, sql) for name, sql, table in connection.execute(query) if table in _LOG_TABLES]


def _read_through(file: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise BackupError("BACKUP-ALTERED", f"{file.name} cannot be read: {error}") from error
    if said != "ok":
        raise BackupError("BACKUP-ALTERED", f"{file.name} is damaged: {said}")


def _digest(file: Path) -> Digest:
    with file.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
