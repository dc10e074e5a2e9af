"""Reading open gates, earlier grants and the latest runs, on each real database."""

from dataclasses import replace

import pytest

from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores import inbox as inbox_module
from remit.stores.inbox import InboxStore, open_readonly
from remit.stores.ledger import SqlLedger
from tests.stores.ledger_values import ROOT, admission, gate, key, run_row, vote


async def test_open_gates_of_all_runs_come_with_runs_and_votes(ledger: SqlLedger) -> None:
    """What expires first is first; closed gates and refused votes are left out."""
    await ledger.admit(replace(run_row("other"), workflow_id="w2"), admission("other"), [], [])
    soon = gate(key("budget"), quorum=2)
    await ledger.open_gate(replace(soon, expires_ms=soon.expires_ms - 5), [])
    await ledger.open_gate(gate(), [])
    await ledger.open_gate(gate(key(root="other")), [])
    await ledger.vote(ROOT, [vote("e1", gate_id="budget#1"), vote("e2", counted=False)])
    await ledger.end_gate("other", "order#1", "abandoned")

    found = await InboxStore(ledger).open()

    assert [one.id for one in found.gates] == ["budget#1", "order#1"]
    assert [one.card for one in found.gates] == [soon.card, gate().card]
    assert found.runs == {ROOT: run_row()}
    assert {place: len(votes) for place, votes in found.votes.items()} == {(ROOT, "budget#1"): 1}


async def test_grants_of_a_tool_are_found_latest_first(ledger: SqlLedger) -> None:
    """Only what was granted counts as an earlier approval."""
    await ledger.open_gate(gate(), [])
    await ledger.open_gate(gate(key("again")), [])
    await ledger.vote(ROOT, [vote("e1")])

    found = await InboxStore(ledger).granted(gate().tool, 10)

    assert [(one.id, run.root) for one, run in found] == [("order#1", ROOT)]
    assert await InboxStore(ledger).granted("erp.other@1", 10) == []


async def test_runs_are_searched_by_plan_and_by_name(ledger: SqlLedger) -> None:
    """Signs that mean something to the database mean themselves here."""
    store = InboxStore(ledger)

    assert [one.root for one in await store.latest()] == [ROOT]
    assert [one.root for one in await store.latest("urchas")] == [ROOT]
    assert [one.root for one in await store.latest(f"workflow-{ROOT}")] == [ROOT]
    assert [await store.latest(text) for text in ("%x%", "purchase_1", "\\")] == [[], [], []]


async def test_records_of_gates_and_lengths_of_chains(ledger: SqlLedger) -> None:
    """A gate's story is found without the rest; a chain's length tells that something happened."""
    store = InboxStore(ledger)
    before = await store.lengths([ROOT, "nobody"])
    await ledger.open_gate(gate(), [])
    await ledger.vote(ROOT, [vote("e1")])

    assert [one["kind"] for one in await store.asked(ROOT)] == ["gate", "vote", "gate_end"]
    assert (await store.lengths([ROOT]))[ROOT] == before[ROOT] + 3
    assert "nobody" not in before


async def test_a_reader_reads_and_the_database_refuses_its_writes(
    ledger: SqlLedger, ledger_url: str
) -> None:
    """Whoever opened the ledger for reading cannot vote, not even by mistake."""
    await ledger.open_gate(gate(), [])
    reader = await open_readonly(ledger_url)
    try:
        assert [one.id for one in (await InboxStore(reader).open()).gates] == ["order#1"]
        with pytest.raises((LedgerError, LedgerUnavailableError)):
            await reader.vote(ROOT, [vote("e1")])
    finally:
        await reader.close()

    assert (await ledger.gates(ROOT))[0].state == "open"
    assert await ledger.votes("order#1", ROOT) == []


async def test_a_ledger_of_another_version_is_not_read(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader upgrades nothing: it says which way the versions differ."""
    for known, code in (("9999", "LEDGER-TOO-OLD"), ("0001", "LEDGER-TOO-NEW")):
        monkeypatch.setattr(inbox_module, "VERSION", known)
        with pytest.raises(LedgerError) as error:
            await open_readonly(ledger_url)
        assert error.value.code == code
