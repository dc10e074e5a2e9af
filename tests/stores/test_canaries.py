"""Canaries in the ledger: one at a time, beside the newest release, marked on their runs."""

import asyncio
from dataclasses import replace

import pytest

from remit.canonical import digest
from remit.decision.canary import CHAIN, Canary, Draft, End, Sides, Tally
from remit.ledger.errors import LedgerError
from remit.ledger.records import verify_chain
from remit.stores.canaries import mark_of, standing_of
from remit.stores.ledger import SqlLedger
from tests.stores.ledger_values import HandClock, admission, run_row
from tests.stores.ledger_values import content as content_of
from tests.stores.test_releases import publish


def wanted(name: str = "b", base: int = 1) -> Draft:
    """A canary of the policies called `name`."""
    return Draft(
        revision=digest(name),
        key="k1",
        source="a test",
        percent=10,
        lasts_ms=60_000,
        base=base,
        author="ann",
    )


async def start(ledger: SqlLedger, name: str = "b", base: int = 1) -> Canary:
    """Start a canary."""
    return await ledger.canaries.start(wanted(name, base), name.encode())


async def refused(ledger: SqlLedger, name: str = "b", base: int = 1) -> str:
    """Return why none can be started."""
    with pytest.raises(LedgerError) as caught:
        await start(ledger, name, base)
    return caught.value.code


async def test_one_at_a_time_beside_the_newest_release(ledger: SqlLedger) -> None:
    """Two at once: one is told; none stands beside what is not in force, or beside itself."""
    assert await refused(ledger) == "CANARY-OVERTAKEN"
    await publish(ledger, "a", 0)
    assert await refused(ledger, "a") == "CANARY-SAME"
    both = await asyncio.gather(start(ledger, "b"), start(ledger, "c"), return_exceptions=True)
    lost = [one for one in both if isinstance(one, LedgerError)]
    assert [one.code for one in lost] == ["CANARY-RUNNING"]
    assert verify_chain(await ledger.records(CHAIN)) is None


async def test_it_ends_once_and_another_may_start(ledger: SqlLedger) -> None:
    """Whoever is second to end it changes nothing; the next has the next number."""
    await publish(ledger, "a", 0)
    first = await start(ledger)
    over = End(canary=first.number, why="errors", message="3 of 3")
    done = await asyncio.gather(*(ledger.canaries.end(over) for _ in range(3)))
    assert sorted(done) == [False, False, True]
    second = await start(ledger)
    assert (first.number, second.number) == (1, 2)
    assert await ledger.canaries.end(over) is False


async def test_a_release_or_its_time_ends_it_and_that_is_told(
    ledger: SqlLedger, clock: HandClock
) -> None:
    """Nobody has to write it down at once; whoever starts the next does."""
    await publish(ledger, "a", 0)
    await start(ledger)
    await publish(ledger, "d", 1)
    assert (await standing_of(ledger.canaries)).in_force(clock()) is None
    await start(ledger, base=2)
    clock.advance(60_000)
    await start(ledger, base=2)
    ends = [one["body"] for one in await ledger.records(CHAIN) if one["kind"] == "canary_end"]
    assert [one["why"] for one in ends if isinstance(one, dict)] == ["overtaken", "expired"]


async def test_who_comes_later_learns_the_same(ledger: SqlLedger, clock: HandClock) -> None:
    """Counts of all workers add up, whatever happened to earlier canaries."""
    await publish(ledger, "a", 0)
    first = await start(ledger)
    await ledger.canaries.count(Sides(canary=1, worker="x", candidate=Tally(errors=2)))
    await ledger.canaries.end(End(canary=first.number, why="stopped", message="", by="ann"))
    await start(ledger)
    for worker in "xy":
        told = Sides(canary=2, worker=worker, candidate=Tally(errors=1), active=Tally(errors=1))
        await ledger.canaries.count(told)
    standing = await standing_of(ledger.canaries)
    assert standing.canary is not None
    assert (standing.canary.number, standing.end) == (2, None)
    assert standing.sides(clock()) == (Tally(errors=2), Tally(errors=2))


async def test_a_run_keeps_its_mark(ledger: SqlLedger) -> None:
    """Nobody, nothing, or the number of the canary that admitted it."""
    await publish(ledger, "a", 0)
    made = await start(ledger)
    marked, plain = run_row("0198"), run_row("0199")
    given = [content_of({})]
    for row, told in ((marked, [mark_of(made)]), (plain, [])):
        await ledger.admit(row, replace(admission(row.root), path=""), given, told)
    found = [await ledger.canaries.mark(root) for root in ("0198", "0199", "0200")]
    assert found == [1, 0, None]


async def test_the_archive_is_kept_for_whoever_replays(ledger: SqlLedger) -> None:
    """By its revision, as a release's is; published later, both archives can be had."""
    await publish(ledger, "a", 0)
    made = await start(ledger)
    assert made.revision in await ledger.log.revisions()
    later = await publish(ledger, "b", 1)
    assert await ledger.releases.archive(later) == b"b"
