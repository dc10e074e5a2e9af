"""Runs, admissions, contents and denials in the ledger."""

from dataclasses import replace

import pytest

from remit.canonical import digest
from remit.ledger.entries import Content, Record, Totals
from remit.ledger.errors import LedgerError
from remit.stores.contents import ContentCache
from remit.stores.ledger import SqlLedger, open_ledger
from tests.stores.ledger_values import (
    ROOT,
    admission,
    chain_of,
    content,
    key,
    kinds,
    run_row,
)


async def test_an_admission_stands_once_given(ledger: SqlLedger) -> None:
    """Admitting again gives the first admission and writes nothing; another plan is refused."""
    again = replace(admission(), decision_id="decision-9")

    assert await ledger.admit(run_row(), again, [], [Record("decision", {})]) == admission()
    with pytest.raises(LedgerError) as error:
        await ledger.admit(run_row(), admission(compiled=digest("other")), [], [])

    assert error.value.code == "ADMISSION-DIFFERS"
    assert kinds(await chain_of(ledger)) == ["admission"]
    assert await ledger.admission(ROOT, "") == admission()
    assert await ledger.admission(ROOT, "part") is None


async def test_a_part_is_admitted_below_its_run(ledger: SqlLedger) -> None:
    """A sub-plan's admission needs its run, and carries further records and contents."""
    part = admission(path="onboard[1]", compiled=digest("part"))
    plan = content({"plan": "part"})

    await ledger.admit(None, part, [plan], [Record("decision", {"decision_id": "d-2"})])
    with pytest.raises(LedgerError) as error:
        await ledger.admit(None, admission("stranger", "x"), [], [])

    assert error.value.code == "RUN-ABSENT"
    assert await ledger.admission(ROOT, "onboard[1]") == part
    assert await ledger.get(plan.digest) == plan.body
    assert kinds(await chain_of(ledger)) == ["admission", "admission", "decision"]


async def test_a_refused_admission_has_a_chain_without_a_run(ledger: SqlLedger) -> None:
    """Denials of a plan that never ran are recorded and counted in a chain of their own."""
    denial = Record("denial", {"code": "finance.no_budget"})

    await ledger.append("refused-1", [denial])
    await ledger.deny("refused-1", key(root="refused-1"), [denial])

    assert kinds(await chain_of(ledger, "refused-1")) == ["denial", "denial"]
    assert await ledger.totals("refused-1") == Totals(denials=1)
    assert await ledger.run("refused-1") is None


async def test_open_runs_come_in_pages(ledger: SqlLedger) -> None:
    """Open runs are listed by root from any point on; closed ones are left out."""
    for name in ("run-a", "run-b", "run-c"):
        await ledger.admit(run_row(name), admission(name), [], [])
    await ledger.close_run("run-b", "completed", [])

    first = await ledger.open_runs(2)
    rest = await ledger.open_runs(2, after=first[-1].root)

    assert [run.root for run in first] == [ROOT, "run-a"]
    assert [run.root for run in rest] == ["run-c"]


async def test_contents_are_what_their_digests_name(ledger: SqlLedger, ledger_url: str) -> None:
    """Values come back, another process sees them, lies about digests and absences are told."""
    value = content({"n": 1})
    await ledger.put([value, value])
    await ledger.put([value])
    other = await open_ledger(ledger_url)

    assert await other.get(value.digest) == value.body
    with pytest.raises(LedgerError) as absent:
        await other.get(digest("nothing"))
    with pytest.raises(LedgerError) as lie:
        await other.put([Content(digest("nothing"), b"{}")])
    await other.close()

    assert (absent.value.code, lie.value.code) == ("CONTENT-ABSENT", "CONTENT-DIFFERS")


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    """The cache stays within its bytes, drops the oldest, and never keeps what is too large."""
    cache = ContentCache(limit_bytes=10)
    cache.add([Content("a", b"1234"), Content("b", b"1234")])
    assert cache.get("a") == b"1234"

    cache.add([Content("c", b"1234"), Content("large", b"x" * 11)])

    assert [cache.get(name) for name in ("a", "b", "c", "large")] == [b"1234", None, b"1234", None]
    assert cache.size == 8


async def test_records_come_in_pages(ledger: SqlLedger) -> None:
    """Records are read from any sequence number on, at most as many as asked for."""
    await ledger.append(ROOT, [Record("note", {"n": n}) for n in range(5)])

    page = await ledger.records(ROOT, after=2, limit=3)

    assert [record["seq"] for record in page] == [3, 4, 5]
    assert [record["body"] for record in page] == [{"n": 1}, {"n": 2}, {"n": 3}]


async def test_only_a_completed_run_is_opened_for_its_undoing(ledger: SqlLedger) -> None:
    """One that is open or ended otherwise is not; the keeper then closes it a second time."""
    with pytest.raises(LedgerError, match="is open") as refused:
        await ledger.reverse(ROOT)
    assert refused.value.code == "ROLLBACK-NOT-COMPLETED"
    assert await ledger.close_run(ROOT, "completed", [])

    await ledger.reverse(ROOT)
    await ledger.reverse(ROOT)

    run = await ledger.run(ROOT)
    assert run is not None
    assert run.closed == "rolling_back"
    assert kinds(await chain_of(ledger))[-1] == "reversal"
    assert await ledger.close_run(ROOT, "rolled_back", [])
    assert not await ledger.close_run(ROOT, "rolled_back", [])
    with pytest.raises(LedgerError, match="is rolled_back"):
        await ledger.reverse(ROOT)
