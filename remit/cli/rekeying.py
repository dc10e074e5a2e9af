"""`remit ledger rekey`: every content under the key in force, and the old ones out of use."""

import asyncio
from pathlib import Path

from remit.cli.errors import ExitCode, stack
from remit.cli.evidence.ledger import opened
from remit.cli.evidence.place import layout_of
from remit.cli.output import answer
from remit.cli.stack.layout import Layout
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.rekeying import Rekeyed


def rekey(project: Path | None, *, as_json: bool) -> int:
    """Write contents anew and print how many."""
    try:
        done, is_clean = asyncio.run(_rekey(layout_of(project)))
    except (LedgerError, LedgerUnavailableError) as error:
        raise stack(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    document = {
        "ok": True,
        "contents": done.looked,
        "written": done.written,
        "retired": list(done.retired),
        "compacted": is_clean,
    }
    lines = [f"{done.written} of {done.looked} contents written anew"]
    lines += [f"  nothing needs key {key or 'plain'} any more" for key in done.retired]
    if not is_clean:
        lines.append("  old copies may stand in the file: once more while nobody uses the ledger")
    answer(document, lines, as_json=as_json)
    return ExitCode.OK


async def _rekey(layout: Layout) -> tuple[Rekeyed, bool]:
    async with opened(layout) as ledger:
        done = await ledger.forgetting.rekey()
        return done, await ledger.compact() if done.written else True
