"""`python -m tests.faults.dying_worker before|after`: a worker that dies while it amends a plan.

It kills itself with SIGKILL right before or right after the ledger commits the amendment: the two
sides of the one moment from which the amended plan is in force. Its own loss is noticed soon: its
calls have a short heartbeat timeout, and it keeps no run to itself.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta

from remit.ledger.amendments import Amending
from remit.ledger.entries import Admission, Content, Record
from remit.stores.ledger import SqlLedger
from tests.in_process import working
from tests.running import Running
from workers.builder import connect
from workers.settings import WorkerSettings
from workflows import amending
from workflows.options import ActivityOptions, system_options

_NOTICED_AFTER = timedelta(seconds=8)
"""Longer than three heartbeats of whoever takes the call over."""


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


def options_of_amending() -> ActivityOptions:
    """Return the usual options, with a heartbeat timeout that a test can wait for."""
    return {**system_options(), "heartbeat_timeout": _NOTICED_AFTER}


async def main(side: str) -> None:
    """Work until it dies."""
    settings = WorkerSettings(max_cached_workflows=0)
    amending.system_options = options_of_amending
    die_when_amending(side)
    client = await connect(settings)
    async with working(Running(settings.project), client, settings):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
