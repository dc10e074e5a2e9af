"""`remit backup` and `remit restore`: a light stack's databases out of the folder, and back in."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from remit.cli.errors import CliError, ExitCode, Finding, usage
from remit.cli.output import Document, answer, note
from remit.cli.place import find_project
from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.cli.stack.lock import hold
from remit.stores.backup import (
    LEDGER,
    TEMPORAL,
    BackupError,
    Manifest,
    back_up,
    begin_new_log,
    checked,
)

_LOCK_WAIT_S = 10.0
_SHOWN = 10
_HINTS = {
    "BACKUP-FOLDER": "name a folder that is not there yet",
    "BACKUP-NOTHING": "`remit up` makes them; the profile `full` has PostgreSQL's own tools",
    "BACKUP-FAILED": "see the disk; a broken-off copy is no backup and may be deleted",
    "BACKUP-FORMAT": "name the folder that `remit backup` wrote",
    "BACKUP-ALTERED": "take another backup; this one was not touched, and nothing was replaced",
}


def backup(folder: Path, project: Path | None, *, as_json: bool) -> int:
    """Copy the databases of a stack, running or not, and print what was saved."""
    layout = Layout(find_project(project))
    try:
        manifest = back_up(layout.temporal_database, layout.ledger_database, folder.resolve())
    except BackupError as error:
        raise _told(error) from error
    answer(_document(folder, manifest), _saved(folder, manifest), as_json=as_json)
    return ExitCode.OK


def restore(folder: Path, project: Path | None, *, as_json: bool) -> int:
    """Put a backup in the place of a stopped stack's databases, which are kept."""
    layout = Layout(find_project(project))
    if stack.status(layout.project).condition != "stopped":
        raise usage(
            "RESTORE-RUNNING",
            "the stack is up; nothing was replaced",
            f"`remit down {layout.project}`, then again",
        )
    try:
        manifest = checked(folder.resolve())
    except BackupError as error:
        raise _told(error) from error
    layout.create()
    with hold(layout.lock, wait_s=_LOCK_WAIT_S, report=note):
        kept = _replace(layout, folder.resolve())
    document = {**_document(folder, manifest), "kept": str(kept)}
    answer(document, _restored(manifest, kept), as_json=as_json)
    return ExitCode.OK


def _replace(layout: Layout, folder: Path) -> Path:
    """Move databases and log aside and the backup in; broken off, it can be done again."""
    fresh = layout.root / "restoring"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    targets = {TEMPORAL: layout.temporal_database, LEDGER: layout.ledger_database}
    for name, target in targets.items():
        shutil.copyfile(folder / name, fresh / target.name)
        (fresh / target.name).chmod(0o600)
    begin_new_log(fresh / layout.ledger_database.name)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    kept = layout.root / "replaced" / stamp
    kept.mkdir(mode=0o700, parents=True)
    # What SQLite keeps beside a database belongs to the old one.
    standing = [
        file for target in targets.values() for file in target.parent.glob(target.name + "*")
    ]
    for old in (layout.checkpoints.parent, *standing):
        if old.exists():
            old.rename(kept / old.name)
    for target in targets.values():
        (fresh / target.name).rename(target)
    fresh.rmdir()
    _sync(layout.data)
    return kept


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _told(error: BackupError) -> CliError:
    finding = Finding(error.code, str(error), _HINTS[error.code])
    return CliError([finding], ExitCode.USAGE)


def _document(folder: Path, manifest: Manifest) -> Document:
    return {"ok": True, "folder": str(folder), **manifest.model_dump(mode="json")}


def _saved(folder: Path, manifest: Manifest) -> list[str]:
    held = manifest.ledger
    return [
        f"{folder}: {held.records} records of {held.runs} runs, {len(held.open)} of them open",
        "the signing key is not in it: a restored ledger begins a new log",
    ]


def _restored(manifest: Manifest, kept: Path) -> list[str]:
    held = manifest.ledger
    lines = [
        f"restored: {held.records} records of {held.runs} runs, as of {manifest.at:%F %T} UTC",
        f"what stood there, and the log with its key, is kept in {kept}",
        "what was done after that moment is in no ledger; the other systems have it still",
    ]
    if held.open:
        lines.append(f"{len(held.open)} runs were open then and go on from there at `remit up`:")
        lines += [f"  {workflow_id}" for workflow_id in held.open[:_SHOWN]]
        lines += [f"  and {len(held.open) - _SHOWN} more"] if len(held.open) > _SHOWN else []
    lines.append("before `remit up`: docs/runbooks/restore.md")
    return lines
