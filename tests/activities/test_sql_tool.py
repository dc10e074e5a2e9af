"""The `sql` kind on real databases: what is bound, what is answered, what is rolled back."""

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from activities.tools.registry import Tools
from remit.canonical import JSON
from remit.tool.call import Absent, Happened, Refused
from tests.activities import sql_shop
from tests.activities.calling import ask, code
from tests.activities.sql_shop import ID, ID_N, SELECT, TAKE, Shop
from tests.stores.postgres import Cluster

NASTY = (
    "' OR '1'='1",
    "a'; DROP TABLE things; --",
    'a"; DROP TABLE things; --',
    "a\\'; DROP TABLE things; --",
    ":id",
    "%(id)s",
    "$1",
    "a' UNION SELECT 'x', 'y', 1 --",
    "/* */ a",
    "E'\\x27'",
    "a'||(SELECT name FROM things LIMIT 1)||'",
)
"""What has ended a statement early somewhere."""


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    """The shop on each database."""
    if request.param == "sqlite":
        return sql_shop.of_sqlite(tmp_path)
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"shop_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name}")
    return sql_shop.of_postgresql(cluster.url(name))


@pytest.fixture
async def tools(tmp_path: Path) -> AsyncIterator[Tools]:
    """The adapters of a project in a folder."""
    made = Tools({}, tmp_path, {})
    yield made
    await made.aclose()


async def test_reads_rows_a_row_and_a_count(shop: Shop, tools: Tools) -> None:
    """The three forms of a result, with values bound from arguments."""
    text = "SELECT id, stock FROM things WHERE stock < :n AND id <> :id ORDER BY id"
    every = shop.contract(text, ID_N)
    one = shop.contract(SELECT, ID, call={"result": "row"})
    count = shop.contract("SELECT id FROM things", call={"result": "count"})

    assert await ask(tools, every, {"n": 3, "id": "-"}) == Happened(
        [{"id": "b", "stock": 2}, {"id": "c", "stock": 0}]
    )
    assert await ask(tools, one, {"id": "a"}) == Happened({"id": "a", "name": "chair", "stock": 5})
    assert await ask(tools, one, {"id": "none"}) == Happened(None)
    assert await ask(tools, count) == Happened({"rows": 3})


@pytest.mark.parametrize("text", NASTY)
async def test_an_injection_is_a_value(shop: Shop, tools: Tools, text: str) -> None:
    """Whatever an argument holds is compared and stored as it is, in every place of a statement."""
    read = shop.contract(SELECT, ID)
    write = shop.contract(
        "INSERT INTO things (id, name, stock) VALUES (:id, :name, 1)",
        {"id": {"at": "/id"}, "name": {"at": "/deep/0"}},
    )

    assert await ask(tools, read, {"id": text}) == Happened([])
    assert await ask(tools, write, {"id": text, "deep": [text]}) == Happened({"rows": 1})
    kept = {"id": text, "name": text, "stock": 1}
    assert await ask(tools, read, {"id": text}) == Happened([kept])
    assert shop.execute("SELECT count(*) FROM things") == [(4,)]


@pytest.mark.parametrize("text", [*NASTY, "1; DROP TABLE things", "1 OR 1=1", "", "NaN"])
async def test_an_injection_into_a_number_is_refused(shop: Shop, tools: Tools, text: str) -> None:
    """A typed parameter takes nothing else; the message does not repeat the value."""
    given = await ask(tools, shop.contract(TAKE, ID_N), {"id": "a", "n": text})

    assert isinstance(given, Refused)
    assert (given.code, given.again) == ("TOOL-REQUEST", False)
    assert given.message.endswith("the argument of 'n' is no integer")
    assert shop.execute("SELECT stock FROM things WHERE id = 'a'") == [(5,)]


async def test_an_absent_argument_is_refused_or_null(shop: Shop, tools: Tools) -> None:
    """NULL only where the contract says so: else a forgotten argument would delete a value."""
    text = "SELECT id FROM things WHERE (:id IS NULL OR id = :id) AND stock > 4"
    if shop.dialect == "postgresql":
        text = text.replace(":id IS", ":id::text IS")
    strict = shop.contract(text, ID)
    lax = shop.contract(text, {"id": {"at": "/id", "or_null": True}})

    assert code(await ask(tools, strict)) == "TOOL-REQUEST"
    assert await ask(tools, lax) == Happened([{"id": "a"}])


async def test_a_read_cannot_write(shop: Shop, tools: Tools) -> None:
    """A write that hides behind a read's first word is refused by the database itself."""
    text = "WITH gone AS (DELETE FROM things RETURNING id) SELECT id FROM gone"
    if shop.dialect == "sqlite":  # which has no such form: its reads open the file read-only
        made = shop.contract(TAKE, ID_N, operation="read", call={"result": "count"})
        given = await ask(tools, made, {"id": "a", "n": 1})
    else:
        given = await ask(tools, shop.contract(text))

    assert code(given) == "TOOL-SQL-REFUSED"
    assert shop.execute("SELECT sum(stock) FROM things") == [(7,)]


async def test_rows_that_were_not_expected_are_rolled_back(shop: Shop, tools: Tools) -> None:
    """`rows: 1` holds of what an update meets, with and without RETURNING."""
    for text in (TAKE, TAKE + " RETURNING id"):
        made = shop.contract(text, ID_N, call={"rows": 1})
        none = await ask(tools, made, {"id": "none", "n": 1})
        assert isinstance(none, Refused)
        assert (none.code, none.again) == ("TOOL-SQL-ROWS", False)
    everything = shop.contract("UPDATE things SET stock = 0", call={"rows": 1})

    assert code(await ask(tools, everything)) == "TOOL-SQL-ROWS"
    assert shop.execute("SELECT sum(stock) FROM things") == [(7,)]


async def test_a_broken_rule_is_refused_by_name(shop: Shop, tools: Tools) -> None:
    """A constraint of the database refuses, and no value stands in the message."""
    given = await ask(tools, shop.contract(TAKE, ID_N), {"id": "a", "n": 77})

    assert isinstance(given, Refused)
    assert (given.code, given.again) == ("TOOL-SQL-REFUSED", False)
    assert "77" not in given.message
    assert ("23514" in given.message) or ("CONSTRAINT_CHECK" in given.message)


async def test_a_step_key_is_used_once(shop: Shop, tools: Tools) -> None:
    """Key and effect are one transaction; the second call is told what the first was."""
    made = shop.contract(
        TAKE + " RETURNING id, stock", ID_N, call={"step_keys": "remit_keys", "result": "row"}
    )
    first = await ask(tools, made, {"id": "a", "n": 1})
    second = await ask(tools, made, {"id": "a", "n": 1})
    other = await ask(tools, made, {"id": "a", "n": 1}, key="run-2:take:do")

    assert first == second == Happened({"id": "a", "stock": 4})
    assert other == Happened({"id": "a", "stock": 3})


async def test_one_key_at_the_same_time(shop: Shop, tools: Tools) -> None:
    """Two workers with one key: one of them does it, both hear of it."""
    made = shop.contract(TAKE, ID_N, call={"step_keys": "remit_keys"})

    given = await asyncio.gather(*(ask(tools, made, {"id": "a", "n": 1}) for _ in range(6)))

    assert given == [Happened({"rows": 1})] * 6
    assert shop.execute("SELECT stock FROM things WHERE id = 'a'") == [(4,)]


async def test_a_refused_write_leaves_its_key_unused(shop: Shop, tools: Tools) -> None:
    """What was rolled back may be tried again under the same key."""
    made = shop.contract(TAKE, ID_N, call={"step_keys": "remit_keys", "rows": 1})

    assert code(await ask(tools, made, {"id": "a", "n": 6})) == "TOOL-SQL-REFUSED"
    assert await ask(tools, made, {"id": "a", "n": 5}) == Happened({"rows": 1})


async def test_too_much_is_refused_and_not_cut_off(shop: Shop, tools: Tools) -> None:
    """Rows and bytes are bounded, also those of a write, which is rolled back."""
    many = shop.contract("SELECT id FROM things", call={"max_rows": 2})
    long = shop.contract("SELECT id FROM things", call={"max_bytes": 20})
    write = shop.contract("UPDATE things SET stock = 9 RETURNING id", call={"max_rows": 2})

    for made in (many, long, write):
        given = await ask(tools, made)
        assert isinstance(given, Refused)
        assert given.code == "TOOL-ANSWER-TOO-LARGE"
    assert shop.execute("SELECT sum(stock) FROM things") == [(7,)]


async def test_a_table_without_end_is_not_held_in_memory(shop: Shop, tools: Tools) -> None:
    """Rows are read one after another, and reading stops at the bound."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    if shop.dialect == "postgresql":
        # in the list of columns: rows come one by one; after FROM all are made first
        endless = "SELECT generate_series(1, 2000000000) AS i"
    made = shop.contract(endless, call={"max_rows": 50})

    assert code(await ask(tools, made)) == "TOOL-ANSWER-TOO-LARGE"
    assert await ask(tools, shop.contract("SELECT 1 AS one")) == Happened([{"one": 1}])


async def test_a_probe_that_finds_nothing_says_so(shop: Shop, tools: Tools) -> None:
    """An empty answer to a probe is `absent`; asked as a call it is an answer."""
    for call in ({"result": "row"}, {"result": "row", "rows": 1}, {"result": "rows"}):
        made = shop.contract(SELECT, ID, call=call)
        assert await ask(tools, made, {"id": "none"}, purpose="probe") == Absent()
    assert isinstance(await ask(tools, made, {"id": "a"}, purpose="probe"), Happened)


VALUES: list[tuple[str, JSON, JSON]] = [
    ("integer", 2**53 - 1, 2**53 - 1),
    ("integer", "-5", -5),
    ("number", 0.1, 0.1),
    ("decimal", "12345678901234567890.10", "12345678901234567890.10"),
    ("boolean", True, True),
    ("date", "2026-02-28", "2026-02-28"),
    ("timestamp", "2026-02-28T10:00:00+02:00", "2026-02-28T08:00:00+00:00"),
    ("uuid", "12345678-1234-5678-1234-567812345678", "12345678-1234-5678-1234-567812345678"),
    ("bytes", "AP8=", "AP8="),
    ("json", {"b": [1, None], "a": "'"}, {"a": "'", "b": [1, None]}),
    ("text", "ä\n'\"\\", "ä\n'\"\\"),
]
COLUMNS = {
    "integer": "bigint",
    "number": "double precision",
    "decimal": "numeric",
    "timestamp": "timestamptz",
    "bytes": "bytea",
    "json": "jsonb",
}


@pytest.mark.parametrize(("kind", "value", "answered"), VALUES)
async def test_values_come_back_as_documented(
    shop: Shop, tools: Tools, kind: str, value: JSON, answered: JSON
) -> None:
    """Each type of parameter goes in as it is and comes back as the table of the page says."""
    column = COLUMNS.get(kind, kind)
    if shop.dialect == "postgresql":
        text = f"SELECT CAST(:v AS {column}) AS v"
    else:
        text = "SELECT :v AS v"
        # SQLite knows no such types: what it was given is text or a number.
        plain = {"json": '{"a":"\'","b":[1,null]}', "boolean": 1}
        answered = plain.get(kind, value if kind == "timestamp" else answered)

    given = await ask(tools, shop.contract(text, {"v": {"at": "/v", "type": kind}}), {"v": value})

    assert given == Happened([{"v": answered}])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", 2**63),
        ("integer", 1.5),
        ("integer", True),
        ("integer", "1_0"),
        ("decimal", 0.1),
        ("decimal", "NaN"),
        ("decimal", "1e999999"),
        ("boolean", 1),
        ("date", "28.2.2026"),
        ("timestamp", "2026-02-28T10:00:00"),
        ("uuid", "x"),
        ("bytes", "?"),
        ("text", 1),
        ("text", "a\x00b"),
        ("number", math.inf),
    ],
)
async def test_values_that_are_none_are_refused(
    shop: Shop, tools: Tools, kind: str, value: JSON
) -> None:
    """What is not plainly of a type is not bound."""
    made = shop.contract("SELECT :v AS v", {"v": {"at": "/v", "type": kind}})

    assert code(await ask(tools, made, {"v": value})) in ("TOOL-REQUEST", "TOOL-SQL-VALUE")


@pytest.mark.parametrize(
    ("dialect", "text", "said"),
    [
        ("both", "SELECT 9007199254740993 AS v", "'v' is 2^53 or more; CAST it to text"),
        ("sqlite", "SELECT 9e999 AS v", "'v' is no finite number"),
        ("postgresql", "SELECT 'NaN'::float8 AS v", "'v' is no finite number"),
        ("postgresql", "SELECT 'NaN'::numeric AS v", "'v' is no finite number"),
        ("postgresql", "SELECT int4range(1, 2) AS v", "'Range'"),
        ("both", "SELECT 1 AS v, 2 AS v", "two columns have one name"),
    ],
)
async def test_answers_without_an_exact_form_are_refused(
    shop: Shop, tools: Tools, dialect: str, text: str, said: str
) -> None:
    """Nothing is rounded or left out in silence."""
    if dialect not in ("both", shop.dialect):
        pytest.skip("the other database's")
    given = await ask(tools, shop.contract(text))

    assert isinstance(given, Refused)
    assert given.code == "TOOL-SQL-VALUE"
    assert said in given.message
