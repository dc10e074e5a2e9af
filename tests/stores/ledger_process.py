"""What a process of its own does to a shared ledger; started by `test_ledger_processes`."""

import asyncio
import os
import sys
from collections.abc import Sequence

from remit.ledger.entries import Intent, Reserve
from remit.ledger.errors import LedgerError
from remit.stores.ledger import SqlLedger, open_ledger
from tests.stores.ledger_values import intent, key, outcome


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def _won(ledger: SqlLedger, wanted: Sequence[Intent]) -> int:
    """Begin intents at once; return how many the ledger took, none refused but as expected."""
    results = await asyncio.gather(*[ledger.begin(one) for one in wanted], return_exceptions=True)
    refused = [result.code for result in results if isinstance(result, LedgerError)]
    assert set(refused) <= {"STEP-OPEN", "RESERVE-CONFLICT"}
    return results.count(1)


async def race(ledger: SqlLedger, name: str) -> None:
    """Try one key 25 times, then 25 reservations of a counter with room for ten."""
    same = [intent(key("one"), owner=f"{name}-{n}") for n in range(25)]
    room = [Reserve("run/race/micros", 1, 10)]
    many = [intent(key(f"many_{name}", n), reserve=room) for n in range(25)]
    _say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    _say(f"{await _won(ledger, same)} {await _won(ledger, many)}")


async def burst(ledger: SqlLedger, name: str) -> None:
    """Write without end from 16 tasks, and say which writes were acknowledged."""

    async def work(task: int) -> None:
        for number in range(100_000):
            done = key(f"burst_{name}", task * 100_000 + number)
            await ledger.begin(intent(done))
            _say(f"begun {done.path}")
            await ledger.finish(outcome(done))
            _say(f"happened {done.path}")

    await asyncio.gather(*[work(task) for task in range(16)])


async def lose(ledger: SqlLedger, name: str) -> None:
    """Begin with a lease that is over and give up, without end, from 16 tasks."""

    async def work(task: int) -> None:
        for number in range(100_000):
            lost = key(f"lose_{name}", task * 100_000 + number)
            await ledger.begin(intent(lost, lease_until_ms=0))
            await ledger.give_up(lost, 1, "taker", "gone")
            _say(f"doubted {lost.path}")

    await asyncio.gather(*[work(task) for task in range(16)])


async def _main(url: str, what: str, name: str) -> None:
    ledger = await open_ledger(url, deadline_s=30)
    await {"race": race, "burst": burst, "lose": lose}[what](ledger, name)
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
