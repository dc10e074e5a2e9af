"""A process that writes and sequences without end, to be killed; started by `test_log`."""

import asyncio
import os
import sys

from remit.evidence.checkpoint import SigningKey
from remit.stores.ledger import open_ledger
from tests.stores.ledger_values import intent, key, outcome

KEY = SigningKey("remit.example/ledger", bytes(range(32)))


async def _write(url: str, name: str) -> None:
    ledger = await open_ledger(url, deadline_s=30)
    for number in range(100_000):
        done = key(f"burst_{name}", number)
        await ledger.begin(intent(done))
        await ledger.finish(outcome(done))


async def _sequence(url: str) -> None:
    ledger = await open_ledger(url, deadline_s=30)
    while True:
        made = await ledger.log.sequence(KEY, 7)
        if made is not None:
            os.write(1, b"%d %b\n" % (made.head.size, made.head.root.hex().encode()))
        await asyncio.sleep(0)


async def _main(url: str, name: str) -> None:
    await asyncio.gather(_write(url, name), _sequence(url))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
