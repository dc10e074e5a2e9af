"""`remit evidence export`: one run's archive, from the project's ledger."""

import asyncio
import os
import re
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from remit.cli.errors import ExitCode, stack, usage
from remit.cli.evidence.ledger import ledger_of
from remit.cli.evidence.place import checkpoints, layout_of
from remit.cli.output import answer
from remit.cli.stack.layout import Layout
from remit.evidence.checkpoint import CheckpointError, parse_note
from remit.ledger.entries import RunRow
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.archiving import LogStore
from remit.stores.exporting import Exported, Exporter

_WAIT_S = 5.0
"""How long the newest records are waited for until they are signed."""
_POLL_S = 0.2
_NOT_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def export(
    name: str,
    output: Path | None,
    kept: Sequence[Path],
    project: Path | None,
    *,
    wait_s: float,
    as_json: bool,
) -> int:
    """Write the archive of the run that `name` names, once it is sealed or after `wait_s`."""
    file = output or Path(f"{_NOT_NAME.sub('-', name)[:80].strip('-.') or 'run'}.evidence.zip")
    sizes = _sizes(kept)
    try:
        made = asyncio.run(_export(name, file, sizes, layout_of(project), wait_s))
    except (LedgerError, LedgerUnavailableError) as error:
        raise stack(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    answer(_document(file, made), _lines(file, made), as_json=as_json)
    return ExitCode.OK


async def _export(
    name: str, file: Path, sizes: Sequence[int], layout: Layout, wait_s: float
) -> Exported:
    async with ledger_of(layout) as log:
        run = await _closed(log, name, time.monotonic() + wait_s)
        if run is None:
            raise usage(
                "RUN-UNKNOWN",
                f"the ledger knows no run {name!r}",
                "name a workflow id, or the first run id of its chain",
            )
        return await _written(Exporter(log, sizes), run, file)


async def _closed(log: LogStore, name: str, until: float) -> RunRow | None:
    """Return the run, as soon as the keeper has closed it or the time is up."""
    while True:
        run = await log.run_of(name)
        if run is None or run.closed or time.monotonic() >= until:
            return run
        await asyncio.sleep(_POLL_S)


async def _written(exporter: Exporter, run: RunRow, file: Path) -> Exported:
    """Write beside the file and move it there: an export broken off leaves no half archive."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        # The archive holds arguments and outputs: like the ledger it is its owner's.
        with os.fdopen(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as opened:
            made = await exporter.export(run, opened, _WAIT_S)
        beside.replace(file)
    except OSError as error:
        message = f"{str(file)!r} cannot be written: {error.strerror}"
        raise usage("FILE-UNWRITABLE", message, "name a file in a folder of yours") from error
    finally:
        beside.unlink(missing_ok=True)
    return made


def _sizes(files: Sequence[Path]) -> list[int]:
    sizes = []
    for name, note in checkpoints(files).items():
        try:
            sizes.append(parse_note(note).size)
        except CheckpointError as error:
            raise usage(error.code, f"{name}: {error}") from error
    return sizes


def _document(file: Path, made: Exported) -> dict[str, object]:
    return {
        "ok": True,
        "file": str(file),
        "root": made.run.root,
        "workflow_id": made.run.workflow_id,
        "plan": made.run.plan,
        "status": made.run.closed,
        "records": made.records,
        "covered": made.covered,
        "tree_size": made.size,
        "log": made.origin,
        "contents": made.contents,
        "policies": made.policies,
    }


def _lines(file: Path, made: Exported) -> list[str]:
    lines = [
        f"{file}",
        f"  {made.run.plan}, {made.run.closed or 'still open'}, run {made.run.root}",
        f"  {made.records} records, {made.contents} contents, {made.policies} policy bundles",
    ]
    if made.size:
        lines.append(
            f"  {made.covered} records stand in the signed log {made.origin} of {made.size}"
        )
    else:
        lines.append("  no signed tree head: does the keeper run?")
    lines.append(f"  remit evidence verify {file}")
    return lines
