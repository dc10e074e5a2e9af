"""The project's ledger, opened for reading its log; the stack need not run."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.cli.stack.state import load
from remit.stores.archiving import LogStore
from remit.stores.ledger import SqlLedger, open_ledger


@asynccontextmanager
async def ledger_of(layout: Layout) -> AsyncIterator[LogStore]:
    """Open the log of a project's ledger; raises as `opened` does."""
    async with opened(layout) as ledger:
        yield ledger.log


@asynccontextmanager
async def opened(layout: Layout) -> AsyncIterator[SqlLedger]:
    """Open the ledger of a project.

    Raises:
        StackError: `STACK-NOT-RUNNING` when it has none.
    """
    ledger = await open_ledger(_address(layout))
    try:
        yield ledger
    finally:
        await ledger.close()


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
