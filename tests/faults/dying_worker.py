"""`python -m tests.faults.dying_worker before|after`: a worker that dies while it amends a plan.

It kills itself with SIGKILL right before or right after the ledger commits the amendment: the two
sides of the one moment from which the amended plan is in force.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from remit.ledger.amendments import Amending
from remit.ledger.entries import Admission, Content, Record
from remit.stores.ledger import SqlLedger
from tests.in_process import working
from tests.running import Running
from workers.builder import connect
from workers.settings import WorkerSettings


def die_when_amending(side: str) -> None:
    """Let the ledger's `amend` be the last thing that this process does."""
    commit = SqlLedger.amend

    async def amend(
        self: SqlLedger, amending: Amending, contents: Sequence[Content], records: Sequence[Record]
    ) -> Admission:
        if side == "after":
            await commit(self, amending, contents, records)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody survives SIGKILL")

    SqlLedger.amend = amend  # type: ignore[method-assign]


async def main(side: str) -> None:
    """Work until it dies."""
    settings = WorkerSettings()
    die_when_amending(side)
    client = await connect(settings)
    async with working(Running(settings.project), client, settings):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
