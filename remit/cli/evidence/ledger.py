"""The project's ledger, opened for reading its log; the stack need not run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.cli.stack.state import load
from remit.stores.archiving import LogStore
from remit.stores.ledger import open_ledger


@asynccontextmanager
async def ledger_of(layout: Layout) -> AsyncIterator[LogStore]:
    """Open the ledger of a project.

    Raises:
        StackError: `STACK-NOT-RUNNING` when it has none.
    """
    told = load(layout.state).environment
    if told is None and layout.ledger_database.is_file():
        url = f"sqlite:///{layout.ledger_database}"
    else:
        url = (told or stack.environment(layout.project)).ledger_url
    ledger = await open_ledger(url)
    try:
        yield ledger.log
    finally:
        await ledger.close()
