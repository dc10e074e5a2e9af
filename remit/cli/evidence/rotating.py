"""`remit evidence rotate-key`: a new signing key, while the keeper holds still."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from remit.cli.errors import ExitCode, stack, usage
from remit.cli.evidence.ledger import ledger_of
from remit.cli.evidence.place import keyring_of, layout_of
from remit.cli.output import answer
from remit.cli.stack.layout import Layout
from remit.evidence.checkpoint import CheckpointError, PublicKey, parse_note
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.keyring import Keyring


def rotate_key(project: Path | None, *, as_json: bool) -> int:
    """Give the log a new key and print all public ones."""
    layout = layout_of(project)
    keys = keyring_of(layout)
    if not keys.public_file.is_file():
        raise usage("EVIDENCE-KEY", "this project has no signing key yet", "`remit up` makes it")
    try:
        asyncio.run(_rotate(layout, keys))
    except CheckpointError as error:
        raise usage(error.code, str(error)) from error
    except (LedgerError, LedgerUnavailableError) as error:
        raise stack(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    _tell(keys.public_file, keys.publics(), as_json=as_json)
    return ExitCode.OK


async def _rotate(layout: Layout, keys: Keyring) -> None:
    with keys.held(wait=True):
        async with ledger_of(layout) as log:
            notes = await log.heads(1)
        keys.rotate(parse_note(notes[0]).size if notes else 0)


def _tell(file: Path, keys: Sequence[PublicKey], *, as_json: bool) -> None:
    document = {
        "ok": True,
        "file": str(file),
        "keys": [{"key": key.text, "since": key.since, "until": key.until} for key in keys],
    }
    lines = [f"{file}  (auditors need the new one)"]
    for key in keys:
        until = "and on" if key.until is None else f"to {key.until}"
        lines.append(f"  {key.text}  signs trees of {key.since} {until}")
    answer(document, lines, as_json=as_json)
