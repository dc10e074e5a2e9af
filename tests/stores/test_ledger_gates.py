"""Gates and votes in the ledger."""

from dataclasses import replace

from remit.ledger.entries import Record
from remit.stores.gates import REFUSED_LIMIT
from remit.stores.ledger import SqlLedger
from tests.stores.ledger_values import ROOT, HandClock, chain_of, gate, key, kinds, vote


async def test_a_gate_is_fixed_when_it_first_opens(ledger: SqlLedger) -> None:
    """Opening again, as after a reset, gives the gate that stands with its first expiry."""
    first = await ledger.open_gate(gate(), [Record("decision", {"decision_id": "d-1"})])
    later = replace(gate(), opened_ms=first.opened_ms + 9, expires_ms=first.expires_ms + 9)

    assert await ledger.open_gate(later, [Record("decision", {})]) == first
    assert await ledger.gates(ROOT) == [first]
    assert kinds(await chain_of(ledger)) == ["admission", "gate", "decision"]


async def test_a_vote_is_recorded_once_per_event(ledger: SqlLedger, clock: HandClock) -> None:
    """The same event again gives the vote recorded first, whatever it says now."""
    await ledger.open_gate(gate(quorum=2), [])
    first = replace(vote("signal:1"), at_ms=clock.now_ms)

    await ledger.vote(ROOT, [first])
    again = await ledger.vote(ROOT, [replace(first, verdict="reject", by="mallory")])

    assert again == [first]
    assert await ledger.votes("order#1", ROOT) == [first]
    assert kinds(await chain_of(ledger)).count("vote") == 1


async def test_a_grant_needs_its_quorum_of_people(ledger: SqlLedger) -> None:
    """One person is not two, and a refused one is none; the second good one grants."""
    await ledger.open_gate(gate(quorum=2), [])

    await ledger.vote(ROOT, [vote("e1", "ann")])
    (still,) = await ledger.gates(ROOT)
    await ledger.vote(ROOT, [vote("e3", "bob", counted=False), vote("e4", "cay")])
    (granted,) = await ledger.gates(ROOT)

    assert still.state == "open"
    assert (granted.state, granted.voters) == ("granted", ("ann", "cay"))


async def test_a_rejection_ends_the_gate_for_all(ledger: SqlLedger) -> None:
    """After a rejection an approval is recorded as late, and the end stands."""
    await ledger.open_gate(gate(), [])
    await ledger.vote(ROOT, [vote("e1", verdict="reject")])

    (late,) = await ledger.vote(ROOT, [vote("e2", "bob")])

    assert (late.counted, late.code) == (False, "VOTE-LATE")
    assert [one.state for one in await ledger.gates(ROOT)] == ["rejected"]
    assert [one.counted for one in await ledger.votes("order#1", ROOT)] == [True, False]


async def test_a_vote_at_the_expiry_is_late(ledger: SqlLedger, clock: HandClock) -> None:
    """From its expiry on a gate takes no vote, even before its timer closed it."""
    standing = await ledger.open_gate(gate(), [])
    assert await ledger.end_gate(ROOT, "order#1", "expired") == "open"
    clock.now_ms = standing.expires_ms

    (late,) = await ledger.vote(ROOT, [vote("e1")])

    assert late.code == "VOTE-LATE"
    assert await ledger.end_gate(ROOT, "order#1", "expired") == "expired"
    assert await ledger.end_gate(ROOT, "order#1", "abandoned") == "expired"
    assert kinds(await chain_of(ledger)) == ["admission", "gate", "vote", "gate_end"]


async def test_an_unused_grant_can_be_voided(ledger: SqlLedger) -> None:
    """When another decision makes a grant pointless it is voided, once."""
    await ledger.open_gate(gate(), [])
    await ledger.vote(ROOT, [vote("e1")])

    assert await ledger.end_gate(ROOT, "order#1", "void") == "void"
    assert await ledger.end_gate(ROOT, "order#9", "void") == ""
    assert [one.state for one in (await ledger.look(key())).gates] == ["void"]


async def test_a_flood_of_refused_votes_is_only_counted(ledger: SqlLedger) -> None:
    """Refused votes beyond the limit leave no rows; a good vote still counts."""
    await ledger.open_gate(gate(), [])
    flood = [vote(f"e{n}", counted=False) for n in range(REFUSED_LIMIT + 20)]
    stray = [vote(f"s{n}", gate_id="nowhere#1", counted=False) for n in range(REFUSED_LIMIT + 5)]

    await ledger.vote(ROOT, [*flood, *stray])
    await ledger.vote(ROOT, [vote("good")])

    recorded = await ledger.votes("order#1", ROOT)
    assert len(recorded) == REFUSED_LIMIT + 1
    assert len(await ledger.votes("nowhere#1", ROOT)) == REFUSED_LIMIT
    assert [one.state for one in await ledger.gates(ROOT)] == ["granted"]
