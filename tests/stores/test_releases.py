"""Releases of policies in the ledger: their order, their archives, the chain that tells of them."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from remit.canonical import digest
from remit.decision.release import CHAIN, Draft, Release
from remit.ledger.errors import LedgerError
from remit.ledger.records import verify_chain
from remit.stores.ledger import SqlLedger, open_ledger


def draft(name: str, **fields: object) -> Draft:
    """A draft of the policies called `name`."""
    given = {"revision": digest(name), "key": "k1", "origin": "published", "author": "ann"}
    return Draft.model_validate({**given, **fields})


async def publish(ledger: SqlLedger, name: str, after: int, **fields: object) -> Release:
    """Publish the policies called `name`."""
    return await ledger.releases.publish(draft(name, **fields), name.encode(), after)


async def test_releases_have_an_order_that_revisions_lack(ledger: SqlLedger) -> None:
    """Going back is a release of its own, with the old archive and revision."""
    first = await publish(ledger, "a", 0)
    await publish(ledger, "b", 1)
    again = await publish(ledger, "a", 2, origin="rolled_back", reason="b was wrong")

    assert [one.serial for one in await ledger.releases.last(9)] == [3, 2, 1]
    assert (again.revision, again.archive) == (first.revision, first.archive)
    assert await ledger.releases.newest() == again
    assert await ledger.releases.find(first.revision) == again
    assert await ledger.releases.find("1") == first
    assert await ledger.releases.archive(again) == b"a"
    assert [one.serial for one in await ledger.releases.since(1, 9)] == [2, 3]
    forward = await ledger.releases.newest_forward()
    assert forward is not None
    assert forward.serial == 2


async def test_nobody_releases_on_top_of_what_he_has_not_seen(ledger: SqlLedger) -> None:
    """Two at once: one of them is told, and nothing of his stays."""
    tried = [publish(ledger, name, 0) for name in "ab"]
    done = await asyncio.gather(*tried, return_exceptions=True)
    refused = [one for one in done if isinstance(one, LedgerError)]

    assert [one.code for one in refused] == ["RELEASE-OVERTAKEN"]
    assert len(await ledger.releases.last(9)) == 1
    assert len(await ledger.log.revisions()) == 1


async def test_a_floor_stays_until_a_higher_one(ledger: SqlLedger) -> None:
    """It never falls again, whatever is released behind it."""
    floors = [
        (await publish(ledger, "a", 0)).floor,
        (await publish(ledger, "b", 1, raises_floor=True)).floor,
        (await publish(ledger, "c", 2)).floor,
    ]

    assert floors == [1, 2, 2]


async def test_the_chain_tells_of_every_release(ledger: SqlLedger) -> None:
    """Each record says who, why, what, and by whose leave; the chain holds."""
    await publish(ledger, "a", 0, approvals=("eve",), reason="new limits")
    made = await publish(ledger, "b", 1)
    told = await ledger.records(CHAIN)

    assert verify_chain(told) is None
    assert [one["kind"] for one in told] == ["release", "release"]
    assert told[1]["body"] == made.model_dump(mode="json")
    body = told[0]["body"]
    assert isinstance(body, dict)
    assert (body["author"], body["approvals"], body["reason"]) == ("ann", ["eve"], "new limits")


async def test_the_same_policies_under_another_key_are_another_archive(ledger: SqlLedger) -> None:
    """A new key signs anew what stands already; both archives can be had."""
    first = await ledger.releases.publish(draft("a"), b"signed by k1", 0)
    second = await ledger.releases.publish(draft("a", key="k2"), b"signed by k2", 1)

    assert await ledger.releases.archive(first) == b"signed by k1"
    assert await ledger.releases.archive(second) == b"signed by k2"


async def test_an_altered_archive_is_not_given_out(tmp_path: Path) -> None:
    """Whoever writes into the file itself does not get his policies served."""
    file = tmp_path / "ledger.db"
    opened = await open_ledger(f"sqlite:///{file}")
    made = await publish(opened, "a", 0)
    with sqlite3.connect(file) as by_hand:
        by_hand.execute("DROP TRIGGER bundles_no_update")
        by_hand.execute("UPDATE bundles SET body = x'00'")

    with pytest.raises(LedgerError) as caught:
        await opened.releases.archive(made)
    assert caught.value.code == "CONTENT-DIFFERS"
    await opened.close()


async def test_the_tables_refuse_to_change_a_release(tmp_path: Path) -> None:
    """History is added to, not corrected."""
    file = tmp_path / "ledger.db"
    opened = await open_ledger(f"sqlite:///{file}")
    await publish(opened, "a", 0)
    with sqlite3.connect(file) as by_hand, pytest.raises(sqlite3.IntegrityError):
        by_hand.execute("UPDATE releases SET author = 'mallory'")
    await opened.close()
