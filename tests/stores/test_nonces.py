"""A token proves one thing, whoever else tries, and however often the same comes again."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from remit.ledger.entries import Record
from remit.ledger.errors import LedgerError
from remit.ledger.proofs import REPLAYED, Proof, named, proven
from remit.stores.database import database_of
from remit.stores.inbox import InboxStore
from remit.stores.ledger import SqlLedger, open_ledger
from tests.stores.ledger_values import (
    ROOT,
    HandClock,
    admission,
    chain_of,
    content,
    gate,
    kinds,
    run_row,
    vote,
)

PROOF = Proof("ann", "console", "k-1", "n" * 32, 1_700_000_300_000, "e1")


async def test_a_proof_is_recorded_by_its_names_alone(ledger: SqlLedger) -> None:
    """The vote's record says by which key, never more."""
    await ledger.open_gate(gate(), [])

    (stands,) = await ledger.vote(ROOT, [replace(vote("e1", "ann"), proof=PROOF)])

    assert stands.counted
    assert stands.is_verified
    (record,) = [one for one in await chain_of(ledger) if one["kind"] == "vote"]
    assert record["body"]["proof"] == {"issuer": "console", "key": "k-1", "nonce": "n" * 32}


async def test_a_vote_is_read_with_whether_its_name_was_proven(ledger: SqlLedger) -> None:
    """Of a gate's votes and of all open gates' votes; a name that is claimed once is a claim."""
    await ledger.open_gate(gate(quorum=3), [])
    proof = replace(PROOF, person="cay", nonce="m" * 32, event="e3")
    await ledger.vote(ROOT, [replace(vote("e1", "ann"), proof=PROOF), vote("e2", "bob")])
    await ledger.vote(ROOT, [replace(vote("e3", "cay", verdict="claim"), proof=proof)])
    await ledger.vote(ROOT, [vote("e4", "cay", verdict="release")])

    votes = await ledger.votes("order#1", ROOT)
    found = await InboxStore(ledger).open()

    told = {one.event: one.is_verified for one in votes}
    assert told == {"e1": True, "e2": False, "e3": True, "e4": False}
    assert found.votes[ROOT, "order#1"] == votes
    assert proven(votes) == {"ann"}
    assert [named(one, is_verified=one in proven(votes)) for one in ("ann", "cay", "")] == [
        *("ann", "cay (unverified)", ""),
    ]


async def test_the_same_event_again_is_the_same_vote(ledger: SqlLedger) -> None:
    """A retried activity finds its own nonce used by itself, and its vote counted."""
    await ledger.open_gate(gate(), [])
    given = replace(vote("e1", "ann"), proof=PROOF)

    await ledger.vote(ROOT, [given])
    (again,) = await ledger.vote(ROOT, [given])

    assert again.counted
    assert [one.state for one in await ledger.gates(ROOT)] == ["granted"]


@pytest.mark.parametrize("verdict", ["approve", "reject"])
async def test_a_replayed_token_counts_for_nothing(ledger: SqlLedger, verdict: str) -> None:
    """By another message it is recorded and refused, and ends no gate: no "no" either."""
    await ledger.open_gate(gate(quorum=2), [])
    await ledger.vote(ROOT, [replace(vote("e1", "ann"), proof=PROOF)])
    stolen = replace(vote("e2", "ann", verdict=verdict), proof=replace(PROOF, event="e2"))

    (stands,) = await ledger.vote(ROOT, [stolen])

    assert (stands.counted, stands.code) == (False, REPLAYED)
    assert [one.state for one in await ledger.gates(ROOT)] == ["open"]


async def test_a_run_is_started_once_with_a_token(ledger: SqlLedger) -> None:
    """Another run with the same token is not admitted, and leaves nothing; the same one is."""
    mine = replace(run_row("r2"), starter="ann")
    proof = replace(PROOF, event="r2")
    contents = [content({})]

    await ledger.admit(mine, admission("r2"), contents, [], proof)
    await ledger.admit(mine, admission("r2"), contents, [], proof)
    with pytest.raises(LedgerError) as error:
        await ledger.admit(run_row("r3"), admission("r3"), contents, [], replace(proof, event="r3"))

    assert error.value.code == REPLAYED
    assert await ledger.run("r3") is None
    found = await ledger.run("r2")
    assert found is not None
    assert found.starter == "ann"
    assert (await chain_of(ledger, "r2"))[0]["body"]["proof"]["nonce"] == PROOF.nonce


async def test_an_order_needs_a_token_of_its_own(ledger: SqlLedger) -> None:
    """An order's record is not written with a nonce that something else used."""
    order = Record("order", {"order": "hold"})

    await ledger.append(ROOT, [order], proof=PROOF)
    await ledger.append(ROOT, [order], proof=PROOF)
    with pytest.raises(LedgerError) as error:
        await ledger.append(ROOT, [order], proof=replace(PROOF, event="e2"))

    assert error.value.code == REPLAYED
    assert kinds(await chain_of(ledger)).count("order") == 2


async def test_two_processes_cannot_use_one_token(ledger_url: str, clock: HandClock) -> None:
    """Of starts of many runs at once, by two ledgers, exactly one is admitted."""
    first, second = [await open_ledger(ledger_url, clock=clock) for _ in range(2)]

    async def start(ledger: SqlLedger, root: str) -> bool:
        try:
            proof = replace(PROOF, event=root)
            await ledger.admit(run_row(root), admission(root), [content({})], [], proof)
        except LedgerError:
            return False
        return True

    done = await asyncio.gather(
        *[start(ledger, f"{at}-{n}") for n in range(8) for at, ledger in enumerate((first, second))]
    )
    await first.close()
    await second.close()

    assert sum(done) == 1


async def test_what_is_used_stays_used(ledger: SqlLedger, ledger_url: str) -> None:
    """The database itself refuses to give a nonce free again."""
    await ledger.append(ROOT, [Record("order", {})], proof=PROOF)
    engine = database_of(ledger_url).open_engine(ledger_url, 1000)

    for statement in ("DELETE FROM nonces", "UPDATE nonces SET event = 'e2'"):
        with engine.connect() as connection, pytest.raises(Exception, match="append"):
            connection.execute(text(statement))
    engine.dispose()
