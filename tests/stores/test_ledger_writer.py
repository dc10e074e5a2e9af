"""Group commit on a file: groups, refusals, bounds, deadlines, locks and disks.

What PostgreSQL does in the same places is in `test_ledger_postgres`.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from remit.ledger.entries import Reserve
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.ledger.records import verify_chain
from remit.stores import ledger as ledger_module
from remit.stores import sqlite, writer
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.session import Session
from remit.stores.sqlite import SQLITE
from tests.stores.ledger_values import (
    ROOT,
    chain_of,
    content,
    intent,
    key,
    kinds,
    open_admitted,
    outcome,
)


@pytest.fixture
def ledger_url(made_url: str) -> str:
    """These tests take the file apart."""
    return made_url


@contextmanager
def foreign_write(url: str) -> Iterator[None]:
    """Hold the write lock, as another process would."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def note_commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return where the thread of each commit is noted."""
    threads: list[str] = []
    commit = Session.commit

    def noting(session: Session) -> None:
        threads.append(threading.current_thread().name)
        commit(session)

    monkeypatch.setattr(Session, "commit", noting)
    return threads


async def test_concurrent_writes_share_commits(ledger: SqlLedger) -> None:
    """Two hundred writes of as many tasks take few transactions."""
    groups, requests = ledger.writes.groups, ledger.writes.requests

    await asyncio.gather(*[ledger.begin(intent(key("a", n))) for n in range(200)])

    assert ledger.writes.requests - requests == 200
    assert ledger.writes.groups - groups <= 100
    assert len(await chain_of(ledger)) == 201


async def test_a_refused_request_does_not_spoil_its_group(
    ledger: SqlLedger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals before and after their first write leave the others of one transaction whole."""
    monkeypatch.setattr(writer, "GROUP_S", 60.0)
    groups = ledger.writes.groups
    with foreign_write(ledger_url):
        calls = [
            asyncio.create_task(ledger.begin(one))
            for one in (
                intent(key("a")),
                intent(key("a")),
                intent(
                    key("b"), reserve=[Reserve("run/x/calls", 1, 9), Reserve("run/x/micros", 2, 1)]
                ),
                intent(key("c"), decision={"decision_id": "d", "revision": "r", "n": 2**60}),
                intent(key("d"), reserve=[Reserve("run/x/calls", 1, 9)]),
            )
        ]
        await asyncio.sleep(0)
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert ledger.writes.groups == groups + 1
    codes = [result.code if isinstance(result, LedgerError) else result for result in results]
    assert codes[:3] == [1, "STEP-OPEN", "RESERVE-CONFLICT"]
    assert isinstance(results[3], ValueError)
    assert results[4] == 1
    assert [one.key.path for one in await ledger.begun(ROOT, "")] == ["a", "d"]
    assert await ledger.counter("run/x/calls") == 1
    assert kinds(await chain_of(ledger)) == ["admission", "intent", "intent"]


async def test_too_many_waiting_writes_are_refused(ledger_url: str) -> None:
    """The queue has a bound: what does not fit is refused at once and never written."""
    ledger = await open_admitted(ledger_url, bound=8)
    results = await asyncio.gather(
        *[ledger.begin(intent(key("a", n))) for n in range(20)], return_exceptions=True
    )

    assert results.count(1) == 8
    assert sum(isinstance(result, LedgerUnavailableError) for result in results) == 12
    assert len(await ledger.begun(ROOT, "")) == 8
    assert await ledger.begin(intent(key("b"))) == 1
    await ledger.close()


async def test_a_write_that_met_its_deadline_is_never_executed(ledger_url: str) -> None:
    """While another process writes a call waits until its deadline and leaves no trace."""
    ledger = await open_admitted(ledger_url, deadline_s=0.05)
    with foreign_write(ledger_url), pytest.raises(LedgerUnavailableError) as error:
        await ledger.begin(intent(key("late")))

    assert "nothing was written" in str(error.value)
    assert ledger.writes.waits > 0
    assert await ledger.begin(intent(key("next"))) == 1
    assert (await ledger.look(key("late"))).action is None
    await ledger.close()


async def test_a_cancelled_caller_takes_its_write_back(ledger: SqlLedger, ledger_url: str) -> None:
    """A call cancelled while it waits is not executed behind its caller's back."""
    with foreign_write(ledger_url):
        call = asyncio.create_task(ledger.begin(intent(key("gone"))))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert await ledger.begin(intent(key("next"))) == 1
    assert (await ledger.look(key("gone"))).action is None


async def test_a_write_waits_for_another_process(ledger: SqlLedger, ledger_url: str) -> None:
    """A lock that another process gives back in time only delays; reads go on meanwhile."""
    with foreign_write(ledger_url):
        call = asyncio.create_task(ledger.begin(intent()))
        await asyncio.sleep(0)
        assert (await ledger.look(key())).action is None
        assert not call.done()

    assert await call == 1


async def test_slow_commits_leave_the_event_loop(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where commits are slow they run in a thread, and once they are quick again on the loop."""
    monkeypatch.setattr(writer, "INLINE_S", -1.0)
    threads = note_commits(monkeypatch)

    await asyncio.gather(*[ledger.begin(intent(key("a", n))) for n in range(5)])
    monkeypatch.setattr(writer, "INLINE_S", 60.0)
    await ledger.begin(intent(key("b")))

    assert threads[0].startswith("ledger-commit")
    assert threads[-1] == "MainThread"
    assert len(await ledger.begun(ROOT, "")) == 6


async def test_the_log_is_folded_into_the_database(
    ledger: SqlLedger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many writes come, the write-ahead log stays small, and the writes stand."""
    monkeypatch.setattr(writer, "FOLD_EVERY", 20)
    log = Path(ledger_url.removeprefix("sqlite:///") + "-wal")

    for number in range(100):
        await ledger.begin(intent(key("a", number)))

    size = await asyncio.to_thread(log.stat)
    assert size.st_size < 3_000_000
    assert len(await chain_of(ledger)) == 101


async def test_a_full_disk_stops_writes_and_nothing_else(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the database cannot grow the caller is told, and what stands stays readable."""
    open_engine = sqlite.open_engine

    def small(url: str, busy_ms: int) -> Engine:
        engine = open_engine(url, busy_ms)
        event.listen(
            engine, "connect", lambda driver, _: driver.execute("PRAGMA max_page_count=120")
        )
        return engine

    monkeypatch.setattr(ledger_module, "database_of", lambda _: replace(SQLITE, open_engine=small))
    ledger = await open_admitted(ledger_url)
    await ledger.begin(intent())

    with pytest.raises(LedgerUnavailableError):
        await ledger.put([content("x" * 1_000_000)])

    assert (await ledger.finish(outcome())).ended_ms is not None
    assert kinds(await chain_of(ledger)) == ["admission", "intent", "outcome"]
    await ledger.close()


async def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    """A damaged or foreign file, and one in a missing folder, are told as unavailable."""
    (tmp_path / "text.db").write_text("not a database" * 100)

    for name in ("text.db", "missing/ledger.db"):
        with pytest.raises(LedgerUnavailableError):
            await open_ledger(f"sqlite:///{tmp_path / name}")
    for url in ("sqlite://", "mysql://localhost/ledger"):
        with pytest.raises(ValueError):
            await open_ledger(url)


async def test_a_closed_ledger_refuses(ledger_url: str) -> None:
    """Closing executes what is queued; afterwards every call is refused."""
    ledger = await open_admitted(ledger_url)
    last = asyncio.create_task(ledger.begin(intent()))
    await asyncio.sleep(0)
    await ledger.close()

    assert await last == 1
    for call in (ledger.begin(intent(key("b"))), ledger.look(key())):
        with pytest.raises(LedgerUnavailableError):
            await call


async def test_the_tables_themselves_refuse_changes(ledger: SqlLedger, ledger_url: str) -> None:
    """Records and contents can neither be changed nor deleted, whoever tries."""
    await ledger.put([content({"n": 1})])
    connection = sqlite3.connect(ledger_url.removeprefix("sqlite:///"))

    for statement in (
        "UPDATE records SET kind = 'forged'",
        "DELETE FROM records",
        "UPDATE contents SET body = x'00'",
        "DELETE FROM contents",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()
    assert kinds(await chain_of(ledger)) == ["admission"]


async def test_tampering_past_the_triggers_is_found(ledger: SqlLedger, ledger_url: str) -> None:
    """Who drops the triggers does not edit unseen: the chain and the digests tell."""
    await ledger.begin(intent())
    await ledger.finish(outcome())
    path = ledger_url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER records_no_update")
    connection.execute("DROP TRIGGER contents_no_update")
    connection.execute("UPDATE records SET body = replace(body, 'revision-1', 'revision-9')")
    connection.execute("UPDATE contents SET body = CAST('{}' AS BLOB)")
    connection.commit()
    connection.close()

    other = await open_ledger(ledger_url)
    assert verify_chain(await other.records(ROOT)) == 0
    with pytest.raises(LedgerError) as error:
        await other.get(intent().arguments.digest)
    await other.close()

    assert error.value.code == "CONTENT-DIFFERS"


async def test_two_event_loops_do_not_share_a_ledger(ledger: SqlLedger, ledger_url: str) -> None:
    """A second loop that writes meanwhile is told at once, instead of tearing a transaction."""
    with foreign_write(ledger_url):
        call = asyncio.create_task(ledger.begin(intent()))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one event loop"):
            await asyncio.to_thread(asyncio.run, ledger.begin(intent(key("other"))))

    assert await call == 1
