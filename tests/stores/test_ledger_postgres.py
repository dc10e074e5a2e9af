"""What only PostgreSQL does: roles, locks, deadlines, a killed server, a silent one."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from remit.ledger.entries import Reserve
from remit.ledger.errors import LedgerUnavailableError
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.migrate import migrate
from remit.stores.postgresql import MUTABLE, grant, grants
from remit.stores.schema import APPEND_ONLY, metadata
from tests.stores.ledger_values import (
    ROOT,
    admission,
    chain_of,
    content,
    intent,
    key,
    kinds,
    open_admitted,
    outcome,
    run_row,
)
from tests.stores.postgres import Cluster, programs

WRITER = "remit_writer"


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A server that the test may kill."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with TemporaryDirectory(prefix="remit-pg-") as folder:
        Path(folder).chmod(0o755)
        started = Cluster(found, Path(folder) / "pg")
        started.start()
        yield started
        started.stop()


@pytest.fixture
async def pg(postgres_url: str) -> AsyncIterator[SqlLedger]:
    """A ledger in PostgreSQL with one admitted run."""
    opened = await open_admitted(postgres_url)
    yield opened
    await opened.close()


def _as_writer(cluster: Cluster, url: str) -> str:
    database = url.split("@/")[1].split("?")[0]
    exists = f"SELECT FROM pg_roles WHERE rolname = '{WRITER}'"
    create = f"IF NOT EXISTS ({exists}) THEN CREATE ROLE {WRITER} LOGIN; END IF;"
    cluster.execute(f"DO $$ BEGIN {create} END $$")
    grant(url, WRITER)
    return cluster.url(database, WRITER)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET kind = 'forged'",
        "DELETE FROM records",
        "TRUNCATE records",
        "UPDATE contents SET body = ''",
        "DELETE FROM contents",
        "DELETE FROM chains",
        "DELETE FROM actions",
        "DELETE FROM votes",
        "ALTER TABLE records DISABLE TRIGGER ALL",
        "DROP TRIGGER records_append_only ON records",
        "UPDATE alembic_version SET version_num = '9999'",
    ],
)
async def test_the_writer_may_only_append(
    cluster: Cluster, postgres_url: str, pg: SqlLedger, statement: str
) -> None:
    """The role that workers use is refused by grants, before any trigger is asked."""
    await pg.put([content({"n": 1})])
    url = _as_writer(cluster, postgres_url)

    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.parametrize("statement", ["UPDATE records SET seq = 9", "TRUNCATE contents"])
async def test_the_owner_is_stopped_by_triggers(
    postgres_url: str, pg: SqlLedger, statement: str
) -> None:
    """Not even the owner changes a record by mistake."""
    await pg.begin(intent())

    with (
        psycopg.connect(postgres_url) as connection,
        pytest.raises(psycopg.errors.RaiseException, match="append-only"),
    ):
        connection.execute(statement.encode())


async def test_the_writer_can_do_the_whole_protocol(cluster: Cluster, postgres_url: str) -> None:
    """With its few grants it admits, begins, reserves, settles and closes."""
    ledger = await open_admitted(_as_writer(cluster, postgres_url))
    await ledger.begin(intent(reserve=[Reserve("run/r/micros", 4, 9)]))
    await ledger.finish(outcome(spent=3))
    await ledger.close_run(ROOT, "completed", [])

    assert await ledger.counter("run/r/micros") == 3
    assert kinds(await chain_of(ledger)) == ["admission", "intent", "outcome", "closed"]
    await ledger.close()


def test_grants_cover_every_table_and_a_role_is_a_name() -> None:
    """A new table is either append-only or named as one the protocol changes; no SQL slips in."""
    assert {*MUTABLE, *APPEND_ONLY, "pending"} == set(metadata.tables)
    with pytest.raises(ValueError):
        grants("x; DROP TABLE records")


async def test_a_run_held_by_another_stops_only_that_run(postgres_url: str) -> None:
    """A head that another transaction holds delays its run, until the deadline, and no other."""
    ledger = await open_admitted(postgres_url, deadline_s=1.0)
    other = await open_ledger(postgres_url)
    await other.admit(run_row("free"), admission("free"), [], [])
    holding = psycopg.connect(postgres_url)
    holding.execute("SELECT 1 FROM chains WHERE root = %s FOR UPDATE", (ROOT,))
    with pytest.raises(LedgerUnavailableError):
        await ledger.begin(intent())

    assert await other.begin(intent(key(root="free"))) == 1
    holding.rollback()
    holding.close()
    assert await ledger.begin(intent(key("next"))) == 1
    assert kinds(await chain_of(other))[0] == "admission"
    await ledger.close()
    await other.close()


async def test_rings_of_counters_are_broken_and_tried_again(postgres_url: str) -> None:
    """Two ledgers that take the same counters from both ends all come through in the end."""
    ledgers = [await open_admitted(postgres_url) for _ in range(2)]
    for name in ("left", "right"):
        await ledgers[0].admit(run_row(name), admission(name), [], [])
    a, z = Reserve("all/a", 1, 999), Reserve("all/z", 1, 999)

    async def take(ledger: SqlLedger, root: str, first: Reserve, then: Reserve) -> None:
        for number in range(3):
            await asyncio.gather(
                ledger.begin(intent(key("x", number, root=root), reserve=[first])),
                ledger.begin(intent(key("y", number, root=root), reserve=[then])),
            )

    await asyncio.gather(take(ledgers[0], "left", a, z), take(ledgers[1], "right", z, a))

    assert [await ledgers[0].counter(name) for name in ("all/a", "all/z")] == [6, 6]
    for ledger in ledgers:
        assert len(await chain_of(ledger, "left")) == 7
        await ledger.close()


async def test_a_killed_server_loses_nothing_acknowledged(own_cluster: Cluster) -> None:
    """`kill -9` of the server amid a burst: callers hear of it, and what was said stands."""
    own_cluster.execute("CREATE DATABASE ledger")
    url = own_cluster.url("ledger")
    await asyncio.to_thread(migrate, url)
    ledger = await open_admitted(url)
    said: list[str] = []
    enough = asyncio.Event()

    async def work(task: int) -> None:
        number = 0
        while True:
            one = key("burst", task * 10_000 + number)
            await ledger.begin(intent(one))
            said.append(one.path)
            if len(said) >= 200:
                enough.set()
            number += 1

    tasks = [asyncio.create_task(work(n)) for n in range(16)]
    await asyncio.wait_for(enough.wait(), 60)
    await asyncio.to_thread(own_cluster.kill)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(own_cluster.start)

    assert all(isinstance(end, LedgerUnavailableError) for end in ends)
    stand = {one.key.path for one in await ledger.begun(ROOT, "")}
    assert set(said) <= stand
    await chain_of(ledger)
    assert await ledger.begin(intent(key("after"))) == 1
    await ledger.close()


async def test_a_silent_server_is_not_waited_for(own_cluster: Cluster) -> None:
    """A stopped server costs a caller its deadline, never more; the loop goes on meanwhile."""
    own_cluster.execute("CREATE DATABASE ledger")
    ledger = await open_admitted(own_cluster.url("ledger"), deadline_s=0.5)
    pids = [own_cluster.pid, *own_cluster.children()]
    for pid in pids:
        own_cluster.send(pid, signal.SIGSTOP)
    try:
        for call in (ledger.begin(intent()), ledger.look(key())):
            with pytest.raises(LedgerUnavailableError, match="in time"):
                await asyncio.wait_for(call, 3)
    finally:
        for pid in pids:
            own_cluster.send(pid, signal.SIGCONT)

    async def answered() -> None:
        while True:
            try:
                await ledger.append(ROOT, [])
            except LedgerUnavailableError:
                await asyncio.sleep(0.05)
            else:
                return

    await asyncio.wait_for(answered(), 30)
    await ledger.close()
