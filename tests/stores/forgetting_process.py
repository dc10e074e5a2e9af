"""A process that forgets run after run until it is killed; started by `test_forgetting_kill`."""

import asyncio
import os
import sys

from remit.ledger.forgetting import ForgetOrder
from remit.stores import forgetting
from remit.stores.ledger import open_ledger


async def _main(url: str, runs: int) -> None:
    # Small batches: there are more places to be killed at.
    forgetting.BATCH = 3
    ledger = await open_ledger(url, deadline_s=30)
    for number in range(runs):
        await ledger.forgetting.order(f"run-{number}", ForgetOrder("me", "why"))
        os.write(1, f"run-{number}\n".encode())
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
