"""What only PostgreSQL does: roles, locks, deadlines, a killed server, a silent one."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from remit.ledger.entries import Reserve, State
from remit.ledger.errors import LedgerUnavailableError
from remit.stores import prepare
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
from tests.stores.log_process import KEY
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


def _as_writer(cluster: Cluster, url: str, role: str = WRITER, *, keeper: bool = False) -> str:
    database = url.split("@/")[1].split("?")[0]
    exists = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
    create = f"IF NOT EXISTS ({exists}) THEN CREATE ROLE {role} LOGIN; END IF;"
    cluster.execute(f"DO $$ BEGIN {create} END $$")
    grant(url, role, keeper=keeper)
    return cluster.url(database, role)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET kind = 'forged'",
        "DELETE FROM records",
        "TRUNCATE records",
        "UPDATE contents SET digest = ''",
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


@pytest.mark.parametrize(
    "statement",
    ["UPDATE records SET seq = 9", "UPDATE contents SET body = ''", "TRUNCATE contents"],
)
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


async def test_the_keeper_keeps_the_log_and_the_writer_does_not(
    cluster: Cluster, postgres_url: str
) -> None:
    """Leaves and heads are the keeper's; workers cannot add one."""
    writer = await open_admitted(_as_writer(cluster, postgres_url))
    await writer.begin(intent())
    with pytest.raises(LedgerUnavailableError, match="denied"):
        await writer.log.sequence(KEY)
    keeper = await open_ledger(_as_writer(cluster, postgres_url, "remit_keeper", keeper=True))
    made = await keeper.log.sequence(KEY)
    await keeper.log.keep_bundle("revision", b"bundle")

    assert made is not None
    assert made.leaves == 2
    assert await writer.begin(intent(key("next"))) == 1
    await writer.close()
    await keeper.close()


@pytest.mark.parametrize("verb", ["UPDATE leaves SET seq = 0", "DELETE FROM checkpoints"])
async def test_the_keeper_only_appends(
    cluster: Cluster, postgres_url: str, pg: SqlLedger, verb: str
) -> None:
    """Not even the keeper changes a leaf or a head."""
    url = _as_writer(cluster, postgres_url, "remit_keeper", keeper=True)

    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(verb.encode())


def test_a_password_is_referred_to(cluster: Cluster, tmp_path: Path) -> None:
    """It is read from a file when a connection opens; in the address itself it is refused."""
    cluster.execute("CREATE DATABASE referred")
    file = tmp_path / "password"
    with pytest.raises(LedgerUnavailableError, match="password"):
        migrate(f"{cluster.url('referred')}&password_file={file}")
    file.write_text("secret\n")
    migrate(f"{cluster.url('referred')}&password_file={file}")
    with pytest.raises(ValueError, match="password_file") as error:
        migrate("postgresql+psycopg://owner:secret@/ledger")

    assert "secret" not in str(error.value)


async def test_preparing_makes_tables_and_roles(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an operator runs before the first worker is enough for one."""
    cluster.execute("CREATE DATABASE prepared")
    cluster.execute("CREATE ROLE prepared_writer LOGIN")
    arguments = ["prepare", cluster.url("prepared"), "--writer", "prepared_writer"]
    monkeypatch.setattr(sys, "argv", arguments)
    await asyncio.to_thread(prepare.main)
    ledger = await open_admitted(cluster.url("prepared", "prepared_writer"))

    assert await ledger.begin(intent()) == 1
    await ledger.close()


def test_grants_cover_every_table_and_a_role_is_a_name() -> None:
    """A new table is either append-only or named as one the protocol changes; no SQL slips in."""
    assert {*MUTABLE, *APPEND_ONLY, "pending"} == set(metadata.tables)
    with pytest.raises(ValueError):
        grants("x; DROP TABLE records")


async def test_a_run_held_by_another_stops_only_that_run(postgres_url: str) -> None:
    """A run that another process writes about waits in the queue; its writes can be taken back."""
    ledger = await open_admitted(postgres_url, deadline_s=1.0)
    await ledger.admit(run_row("free"), admission("free"), [], [])
    holding = psycopg.connect(postgres_url)
    holding.execute("SELECT 1 FROM chains WHERE root = %s FOR UPDATE", (ROOT,))
    late = asyncio.create_task(ledger.begin(intent(key("late"))))
    for number in range(5):
        assert await ledger.begin(intent(key("step", number, root="free"))) == 1
    with pytest.raises(LedgerUnavailableError, match="nothing was written"):
        await late

    waiting = asyncio.create_task(ledger.begin(intent(key("next"))))
    await asyncio.sleep(0)
    holding.rollback()
    holding.close()
    assert await waiting == 1
    assert [one.key.path for one in await ledger.begun(ROOT, "")] == ["next"]
    assert ledger.writes.waits > 0
    await ledger.close()


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


class Burst:
    """Tasks that write without end, and what they were told."""

    def __init__(self, ledger: SqlLedger) -> None:
        self.begun: list[str] = []
        self.happened: list[str] = []
        self._ledger = ledger
        self._enough = asyncio.Event()
        self._tasks = [asyncio.create_task(self._work(number)) for number in range(16)]

    async def _work(self, task: int) -> None:
        for number in range(10_000):
            one = key("burst", task * 10_000 + number)
            await self._ledger.begin(intent(one))
            self.begun.append(one.path)
            await self._ledger.finish(outcome(one))
            self.happened.append(one.path)
            if len(self.happened) >= 100:
                self._enough.set()

    async def until_under_way(self) -> None:
        """Return amid the burst."""
        await asyncio.wait_for(self._enough.wait(), 60)

    async def ends(self) -> list[BaseException | None]:
        """Return why each task has ended."""
        return await asyncio.gather(*self._tasks, return_exceptions=True)


async def check_burst(ledger: SqlLedger, burst: Burst) -> None:
    """All that was acknowledged stands, once."""
    stand = {one.key.path: one for one in await ledger.begun(ROOT, "")}
    records = await chain_of(ledger)
    told = [(one["kind"], one["body"]["path"]) for one in records if one["kind"] != "admission"]

    assert set(burst.begun) <= set(stand)
    assert all(stand[path].state is State.HAPPENED for path in burst.happened)
    assert len(told) == len(set(told))
    assert {path for kind, path in told if kind == "intent"} == set(stand)
    ended = {path for path, one in stand.items() if one.state is State.HAPPENED}
    assert {path for kind, path in told if kind == "outcome"} == ended


async def test_a_killed_server_loses_and_doubles_nothing(own_cluster: Cluster) -> None:
    """`kill -9` of the server amid a burst: callers hear of it, and what was said stands."""
    own_cluster.execute("CREATE DATABASE ledger")
    ledger = await open_admitted(own_cluster.url("ledger"))
    burst = Burst(ledger)
    await burst.until_under_way()
    await asyncio.to_thread(own_cluster.kill)
    ends = await burst.ends()
    await asyncio.to_thread(own_cluster.start)

    assert all(isinstance(end, LedgerUnavailableError) for end in ends)
    await check_burst(ledger, burst)
    assert await ledger.begin(intent(key("after"))) == 1
    await ledger.close()


async def test_a_cut_connection_is_opened_again(cluster: Cluster, postgres_url: str) -> None:
    """A connection that somebody ends costs the group that was under way, and no later write."""
    ledger = await open_admitted(postgres_url)
    name = postgres_url.split("@/")[1].split("?")[0]
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
    for number in range(5):
        burst = [asyncio.create_task(ledger.begin(intent(key(f"s{number}", n)))) for n in range(99)]
        await burst[0]
        await asyncio.to_thread(cluster.execute, f"{cut}'{name}'")
        ends = await asyncio.gather(*burst, return_exceptions=True)
        assert all(end == 1 or isinstance(end, LedgerUnavailableError) for end in ends)
        stand = {one.key.segment.item for one in await ledger.begun(ROOT, "", f"s{number}")}
        assert {n for n, end in enumerate(ends) if end == 1} <= stand
        assert await ledger.begin(intent(key("after", number))) == 1

    await chain_of(ledger)
    await ledger.close()


async def test_a_silent_server_is_not_waited_for(own_cluster: Cluster) -> None:
    """A stopped server costs a caller its deadline, never more; later nothing is lost or double."""
    own_cluster.execute("CREATE DATABASE ledger")
    ledger = await open_admitted(own_cluster.url("ledger"), deadline_s=0.5)
    burst = Burst(ledger)
    await burst.until_under_way()
    pids = [own_cluster.pid, *own_cluster.children()]
    for pid in pids:
        own_cluster.send(pid, signal.SIGSTOP)
    try:
        ends = await asyncio.wait_for(burst.ends(), 10)
        assert all(isinstance(end, LedgerUnavailableError) for end in ends)
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
    await check_burst(ledger, burst)
    await ledger.close()
