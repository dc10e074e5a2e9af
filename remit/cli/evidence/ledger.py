"""The project's ledger, opened for reading its log; the stack need not run."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.cli.stack.postgres import WORKER, password_file
from remit.cli.stack.state import load
from remit.stores.archiving import LogStore
from remit.stores.ledger import SqlLedger, open_ledger


@asynccontextmanager
async def ledger_of(layout: Layout) -> AsyncIterator[LogStore]:
    """Open the log of a project's ledger; raises as `opened` does."""
    async with opened(layout) as ledger:
        yield ledger.log


@asynccontextmanager
async def opened(layout: Layout, role: str = WORKER) -> AsyncIterator[SqlLedger]:
    """Open the ledger of a project.

    Args:
        layout: the project's places.
        role: as whom, where the database has roles.

    Raises:
        StackError: `STACK-NOT-RUNNING` when it has none.
    """
    ledger = await open_ledger(_as(role, layout, _address(layout)))
    try:
        yield ledger
    finally:
        await ledger.close()


def _as(role: str, layout: Layout, address: str) -> str:
    """Return the address for a role, where it is that of a stack's worker."""
    own = quote(str(password_file(layout, WORKER)))
    if f"//{WORKER}@" not in address or own not in address:
        return address
    theirs = quote(str(password_file(layout, role)))
    return address.replace(f"//{WORKER}@", f"//{role}@").replace(own, theirs)


def _address(layout: Layout) -> str:
    told = load(layout.state).environment
    if told is not None:
        return told.ledger_url
    # Workers without a stack of ours, in containers say, are told their ledger the same way.
    elsewhere = os.environ.get("REMIT_LEDGER_URL")
    if elsewhere:
        return elsewhere
    if layout.ledger_database.is_file():
        return f"sqlite:///{layout.ledger_database}"
    return stack.environment(layout.project).ledger_url
