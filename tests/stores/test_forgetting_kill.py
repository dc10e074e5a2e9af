"""A process that is killed while it forgets has done all of a batch or nothing of it."""

import asyncio
import sys

from remit.ledger.forgetting import ForgetOrder
from remit.stores.ledger import SqlLedger
from tests.stores.forgetting_values import bytes_of, finished
from tests.stores.ledger_values import chain_of

RUNS = 40


async def _told(ledger: SqlLedger, root: str) -> set[str]:
    found: set[str] = set()
    for record in await chain_of(ledger, root):
        body = record["body"]
        if record["kind"] == "forgotten" and isinstance(body, dict):
            named = body["contents"]
            assert isinstance(named, list)
            found |= {str(one["digest"]) for one in named if isinstance(one, dict)}
    return found


async def test_a_killed_process_leaves_every_body_told_or_whole(
    ledger_url: str, ledger: SqlLedger
) -> None:
    """Gone means told and told means gone; the next one finishes what was left."""
    made = {}
    for number in range(RUNS):
        calls = [
            (f"s{n}", {"a": f"MARK-{number}-{n}-"}, {"o": f"OUT-{number}-{n}-"}, "lab.put@1")
            for n in range(4)
        ]
        made[f"run-{number}"] = await finished(ledger, f"run-{number}", calls)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.stores.forgetting_process", ledger_url, str(RUNS)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    for _ in range(5):
        assert await process.stdout.readline()
    process.kill()
    await process.wait()
    forgotten = 0
    for root, contents in made.items():
        told = await _told(ledger, root)
        there = {one.digest for one in contents if await ledger.log.find_content(one.digest)}
        assert there == {one.digest for one in contents} - told
        forgotten += bool(told)
    for root in made:
        await ledger.forgetting.order(root, ForgetOrder("me", "the rest"))
    left = bytes_of(ledger_url)

    assert 5 <= forgotten < RUNS
    assert b"MARK-" not in left
    assert b"OUT-" not in left
