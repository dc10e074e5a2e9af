"""Decisions in the order of the signed log, and agents' deeds, on each database."""

from dataclasses import replace

import pytest

from remit.canonical import JSONObject
from remit.ledger.entries import Record
from remit.stores import decided
from remit.stores.ledger import SqlLedger
from tests.stores.ledger_values import ROOT, admission, run_row
from tests.stores.log_process import KEY


def decision(effect: str) -> Record:
    """Return a record of a decision."""
    return Record("decision", {"decision": {"effect": effect}, "step_key": "r:a:do"})


async def read(
    ledger: SqlLedger, first: int = 0, since_ms: int = 0
) -> list[tuple[int, JSONObject]]:
    """Read the whole log, window by window."""
    found: list[tuple[int, JSONObject]] = []
    while True:
        window = await ledger.log.decided(first, since_ms)
        assert len(window.records) <= decided.MOST
        found += window.records
        if window.is_last:
            return found
        assert window.next > first
        first = window.next


async def test_windows_join_without_loss(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decisions between other records of two runs: each once, in the log's order."""
    await ledger.admit(run_row("0199"), admission("0199"), [], [])
    for number in range(12):
        await ledger.append(ROOT, [decision("allow"), Record("note", {"number": number})] * 2)
        await ledger.append("0199", [decision("deny")])
    while await ledger.log.sequence(KEY, 7):
        pass

    whole = await read(ledger)
    assert len(whole) == 36
    assert [place for place, _ in whole] == sorted({place for place, _ in whole})
    assert [record["root"] for _, record in whole[:3]] == [ROOT, ROOT, "0199"]
    monkeypatch.setattr(decided, "WINDOW", 5)
    monkeypatch.setattr(decided, "MOST", 2)
    assert await read(ledger) == whole
    assert await read(ledger, whole[20][0] + 1) == whole[21:]
    assert await read(ledger, 10**6) == []


async def test_what_is_no_leaf_yet_is_not_told(ledger: SqlLedger) -> None:
    """A place in the log is a promise, so nothing is told before it has one."""
    await ledger.append(ROOT, [decision("allow")])
    assert await read(ledger) == []
    await ledger.log.sequence(KEY)
    ((_, record),) = await read(ledger)
    assert record["body"] == decision("allow").body


async def test_deeds_add_up_over_versions(ledger: SqlLedger) -> None:
    """Runs of all versions of an agent are its own; the last one is the newest."""
    before = {one.agent: one.runs for one in await ledger.log.deeds()}
    for number, agent in enumerate(("crew@1.0.0", "crew@2.0.0", "crew@1.0.0")):
        root = f"0199-{number}"
        row = replace(run_row(root), agent=agent, started_ms=1000 + number)
        await ledger.admit(row, admission(root), [], [])

    (crew,) = [one for one in await ledger.log.deeds() if one.agent == "crew"]
    assert "crew" not in before
    assert (crew.runs, crew.open, crew.versions) == (3, 3, ["1.0.0", "2.0.0"])
    assert crew.last is not None
    assert (crew.last.root, crew.last.started_ms) == ("0199-2", 1002)
