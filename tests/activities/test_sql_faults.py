"""The `sql` kind on bad days: what certainly did not happen, and what nobody can tell."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from activities.tools.registry import Tools
from activities.tools.resolving import Resolver
from activities.tools.sql_connections import MOST_EACH
from remit.enforcement.bounds import health_of
from remit.tool.call import Happened, Refused, Unknown
from tests.activities import sql_shop
from tests.activities.calling import ask, code
from tests.activities.sql_shop import ID, ID_N, SELECT, TAKE, Shop
from tests.stores.postgres import PORT, Cluster
from tests.waiting import until

PASSWORD = "hunter-2-hunter"
SLEEPERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'remit-tool'"
SLOW_COMMIT = (
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN PERFORM pg_sleep(20); RETURN NULL; END'",
    "CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON things DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION slow()",
)


@pytest.fixture
def url(cluster: Cluster) -> str:
    """An empty database."""
    name = f"shop_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name}")
    return cluster.url(name)


@pytest.fixture
def shop(url: str) -> Shop:
    """The shop in PostgreSQL."""
    return sql_shop.of_postgresql(url)


@pytest.fixture
async def tools(tmp_path: Path) -> AsyncIterator[Tools]:
    """The adapters of a project in a folder."""
    made = Tools({}, tmp_path, {"SHOP_PASSWORD": PASSWORD})
    yield made
    await made.aclose()


async def _until(shop: Shop, state: str, many: int = 1) -> int:
    """Wait until as many of the tool's backends are in a state; return the first's process."""

    def pids() -> list[int]:
        found = shop.execute(f"{SLEEPERS} AND datname = current_database() AND {state}")
        return [int(str(pid)) for (pid,) in found] if len(found) == many else []

    return (await asyncio.to_thread(until, pids))[0]


def _kill(shop: Shop, pid: int) -> None:
    shop.execute(f"SELECT pg_terminate_backend({pid}, 3000)")


@asynccontextmanager
async def _relay(
    upstream: str, *, folder: Path | None = None, cut_at: bytes = b"\x00never"
) -> AsyncIterator[int]:
    """Pass bytes on to a server; once `cut_at` was answered, the answer is lost. Yields a port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_unix_connection(upstream)
        is_cut = False

        async def outward() -> None:
            nonlocal is_cut
            while data := await reader.read(65536):
                is_cut = is_cut or cut_at in data
                here.write(data)
            here.close()

        async def homeward() -> None:
            while data := await there.read(65536):
                if is_cut:
                    break
                writer.write(data)
            writer.close()

        with suppress(ConnectionError):
            await asyncio.gather(outward(), homeward())

    if folder is not None:
        server = await asyncio.start_unix_server(serve, folder / f".s.PGSQL.{PORT}")
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1] if folder is None else PORT
    finally:
        server.close()


async def test_a_killed_backend_before_commit_did_nothing(shop: Shop, tools: Tools) -> None:
    """The server rolls back what was not committed, so it is a refusal, and is tried again."""
    slow = shop.contract("UPDATE things SET stock = 0 WHERE pg_sleep(20) IS NOT NULL")
    calling = asyncio.create_task(ask(tools, slow, within_s=60))
    pid = await _until(shop, "wait_event = 'PgSleep'")

    await asyncio.to_thread(_kill, shop, pid)
    given = await calling

    assert isinstance(given, Refused)
    assert (given.code, given.again) == ("TOOL-UNREACHABLE", True)
    assert shop.execute("SELECT sum(stock) FROM things") == [(7,)]


async def test_a_killed_backend_in_commit_is_unknown(shop: Shop, tools: Tools) -> None:
    """Once COMMIT was sent nobody but the server can tell."""
    for statement in SLOW_COMMIT:
        shop.execute(statement)
    calling = asyncio.create_task(
        ask(tools, shop.contract(TAKE, ID_N), {"id": "a", "n": 1}, within_s=60)
    )
    pid = await _until(shop, "query = 'COMMIT' AND wait_event = 'PgSleep'")

    await asyncio.to_thread(_kill, shop, pid)

    assert code(await calling) == "TOOL-CONNECTION"


async def test_the_deadline_in_commit_is_unknown(shop: Shop, tools: Tools) -> None:
    """A deadline after COMMIT was sent cannot promise anything."""
    for statement in SLOW_COMMIT:
        shop.execute(statement)
    # It finds a connection, so that COMMIT is sent long before the deadline.
    await ask(tools, shop.contract(TAKE, ID_N), {"id": "none", "n": 1})

    given = await ask(tools, shop.contract(TAKE, ID_N), {"id": "a", "n": 1}, within_s=2)

    assert isinstance(given, Unknown)


async def test_a_lost_commit_is_told_by_its_step_key(
    shop: Shop, tools: Tools, cluster: Cluster, tmp_path: Path
) -> None:
    """COMMIT happened, its answer was lost: unknown; the same key then hears what it did."""
    made = shop.contract(
        TAKE + " RETURNING stock", ID_N, call={"step_keys": "remit_keys", "result": "row"}
    )
    upstream = f"{cluster.folder}/.s.PGSQL.{PORT}"
    through = shop.contract(
        TAKE + " RETURNING stock",
        ID_N,
        call={
            "step_keys": "remit_keys",
            "result": "row",
            "database": shop.url.replace(str(cluster.folder), str(tmp_path)),
        },
    )
    async with _relay(upstream, folder=tmp_path, cut_at=b"COMMIT\x00"):
        lost = await ask(tools, through, {"id": "a", "n": 1})

    assert isinstance(lost, Unknown)
    assert lost.code == "TOOL-CONNECTION"
    assert await ask(tools, made, {"id": "a", "n": 1}) == Happened({"stock": 4})
    assert shop.execute("SELECT stock FROM things WHERE id = 'a'") == [(4,)]


async def test_a_lock_is_waited_for_until_the_deadline(shop: Shop, tools: Tools, url: str) -> None:
    """Nothing was committed, nor will be when the lock is free."""
    with psycopg.connect(url) as other:
        other.execute("UPDATE things SET name = 'stool' WHERE id = 'a'")
        given = await ask(tools, shop.contract(TAKE, ID_N), {"id": "a", "n": 1}, within_s=0.5)
        other.rollback()

    assert isinstance(given, Refused)
    assert (given.code, given.again, health_of(given)) == ("TOOL-DEADLINE", True, "sick")
    assert await ask(tools, shop.contract(TAKE, ID_N), {"id": "a", "n": 2}) == Happened({"rows": 1})
    assert shop.execute("SELECT stock FROM things WHERE id = 'a'") == [(3,)]


async def test_a_deadlock_is_refused_and_tried_again(shop: Shop, tools: Tools, url: str) -> None:
    """Who is chosen by the server to give way did nothing."""
    both = shop.contract("UPDATE things SET stock = stock + 1 WHERE id IN ('a', 'b')")
    with psycopg.connect(url) as other:
        # Whose time is over first finds the deadlock and gives way: that shall be the call.
        other.execute("SET deadlock_timeout = '10min'")
        other.execute("UPDATE things SET stock = 9 WHERE id = 'b'")
        calling = asyncio.create_task(ask(tools, both, within_s=60))
        await _until(shop, "wait_event_type = 'Lock'")
        await asyncio.to_thread(other.execute, "UPDATE things SET stock = 9 WHERE id = 'a'")
        other.commit()
        given = await calling

    assert isinstance(given, Refused)
    assert (given.code, given.again) == ("TOOL-SQL-BUSY", True)
    assert shop.execute("SELECT sum(stock) FROM things") == [(18,)]


async def test_an_idle_connection_that_died_is_replaced(shop: Shop, tools: Tools) -> None:
    """Nothing was asked of it yet, so a restart of the server costs no attempt."""
    read = shop.contract(SELECT, ID)
    await ask(tools, read, {"id": "a"})
    await asyncio.to_thread(_kill, shop, await _until(shop, "state = 'idle'"))

    assert isinstance(await ask(tools, read, {"id": "a"}), Happened)


async def test_a_cancelled_call_is_never_committed(shop: Shop, tools: Tools) -> None:
    """Whoever gives up before COMMIT may be sure of it."""
    slow = shop.contract("UPDATE things SET stock = 0 WHERE pg_sleep(20) IS NOT NULL")
    calling = asyncio.create_task(ask(tools, slow))
    pid = await _until(shop, "wait_event = 'PgSleep'")
    calling.cancel()
    with suppress(asyncio.CancelledError):
        await calling
    shop.execute(f"SELECT pg_terminate_backend({pid}, 3000)")

    assert shop.execute("SELECT sum(stock) FROM things") == [(7,)]


async def test_a_sick_database_keeps_its_own_callers_waiting(shop: Shop, tools: Tools) -> None:
    """Connections are bounded; who finds none is refused."""
    slow = shop.contract("SELECT pg_sleep(20)")
    stuck = [asyncio.create_task(ask(tools, slow, within_s=60)) for _ in range(MOST_EACH)]
    await _until(shop, "wait_event = 'PgSleep'", MOST_EACH)

    crowded = await ask(tools, slow, within_s=0.2)
    assert (code(crowded), health_of(crowded)) == ("TOOL-BUSY", "")
    for one in stuck:
        one.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_a_role_may_do_less_than_the_account(shop: Shop, tools: Tools) -> None:
    """The contract's role holds in its transaction alone."""
    name = f"reader_{uuid4().hex}"
    shop.execute(f"CREATE ROLE {name}")
    read = shop.contract(SELECT, ID, call={"role": name})

    refused = await ask(tools, read, {"id": "a"})
    shop.execute(f"GRANT SELECT ON things TO {name}")

    assert isinstance(refused, Refused)
    assert "42501" in refused.message
    assert refused.is_unheard
    assert isinstance(await ask(tools, read, {"id": "a"}), Happened)
    assert isinstance(await ask(tools, shop.contract(TAKE, ID_N), {"id": "a", "n": 1}), Happened)


async def test_goes_to_checked_addresses_alone(
    shop: Shop, cluster: Cluster, tmp_path: Path
) -> None:
    """A name nobody else can resolve is connected to at the address that was checked."""
    found = ["127.0.0.1"]
    tools = Tools({}, tmp_path, {"SHOP_PASSWORD": "x"}, resolver=Resolver(lambda _: found, 0))
    database = shop.url.partition("@/")[2].partition("?")[0]
    async with _relay(f"{cluster.folder}/.s.PGSQL.{PORT}") as port:
        call = {
            "database": f"postgresql://owner@db.example:{port}/{database}",
            "password": "env:SHOP_PASSWORD",
        }
        marked = shop.contract(
            SELECT, ID, call=call, destinations=["db.example"], private=["db.example"]
        )
        unmarked = shop.contract(SELECT, ID, call=call, destinations=["db.example"])
        unlisted = shop.contract(SELECT, ID, call=call, destinations=["other.example"])

        assert isinstance(await ask(tools, marked, {"id": "a"}), Happened)
        assert code(await ask(tools, unmarked, {"id": "a"})) == "TOOL-EGRESS"
        assert code(await ask(tools, unlisted, {"id": "a"})) == "TOOL-EGRESS"
        found[0] = "169.254.169.254"
        assert code(await ask(tools, marked, {"id": "a"})) == "TOOL-EGRESS"
    await tools.aclose()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"database": "env:NOWHERE"}, "TOOL-SECRET"),
        ({"password": "env:NOWHERE"}, "TOOL-SECRET"),
        (
            {"database": "postgresql://owner@/x?host=/none&options=-csearch_path=evil"},
            "TOOL-REQUEST",
        ),
        ({"database": "postgresql://owner@/x?host=/none&hostaddr=10.0.0.1"}, "TOOL-REQUEST"),
        ({"database": "postgresql://owner@/x?host=a,b"}, "TOOL-REQUEST"),
        ({"database": "postgresql://owner@localhost:99999/x"}, "TOOL-REQUEST"),
        ({"database": "mysql://owner@localhost/x"}, "TOOL-REQUEST"),
        ({"database": "postgresql://owner@/nowhere?host=/none"}, "TOOL-UNREACHABLE"),
    ],
)
async def test_places_that_are_none(
    shop: Shop, tools: Tools, more: dict[str, str], expected: str
) -> None:
    """Each is refused with its code, nothing was sent, and no password is repeated."""
    made = shop.contract(SELECT, ID, call={"password": "env:SHOP_PASSWORD"} | more)

    given = await ask(tools, made, {"id": "a"})

    assert code(given) == expected
    assert PASSWORD not in repr(given)


async def test_an_account_that_is_not_let_in(shop: Shop, tools: Tools) -> None:
    """The server's no is final."""
    made = shop.contract(SELECT, ID, call={"database": shop.url.replace("owner", "nobody")})

    given = await ask(tools, made, {"id": "a"})

    assert isinstance(given, Refused)
    assert given.code in ("TOOL-SQL-REFUSED", "TOOL-UNREACHABLE")
    assert given.is_of_this_attempt


async def test_a_locked_file_is_refused(tools: Tools, tmp_path: Path) -> None:
    """SQLite's one write lock is waited for until the deadline."""
    shop = sql_shop.of_sqlite(tmp_path)
    other = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    given = await ask(tools, shop.contract(TAKE, ID_N), {"id": "a", "n": 1}, within_s=0.3)
    read = await ask(tools, shop.contract(SELECT, ID), {"id": "a"})
    other.execute("ROLLBACK")
    other.close()

    assert isinstance(given, Refused)
    assert given.again
    assert isinstance(read, Happened)
    assert isinstance(await ask(tools, shop.contract(TAKE, ID_N), {"id": "a", "n": 1}), Happened)


async def test_an_endless_statement_is_interrupted(tools: Tools, tmp_path: Path) -> None:
    """SQLite's thread is free again after the deadline."""
    shop = sql_shop.of_sqlite(tmp_path)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    stuck = [ask(tools, shop.contract(endless), within_s=0.3) for _ in range(8)]

    assert {code(given) for given in await asyncio.gather(*stuck)} == {"TOOL-DEADLINE"}
    assert isinstance(await ask(tools, shop.contract(SELECT, ID), {"id": "a"}), Happened)


async def test_a_file_that_is_not_there_is_not_made(tools: Tools, tmp_path: Path) -> None:
    """A wrong path is told, not filled with an empty database."""
    shop = sql_shop.of_sqlite(tmp_path)
    for statement in (SELECT, TAKE):
        made = shop.contract(statement, ID_N, call={"database": "sqlite:///none.db"})
        assert code(await ask(tools, made, {"id": "a", "n": 1})) == "TOOL-UNREACHABLE"
    assert not (tmp_path / "none.db").exists()
