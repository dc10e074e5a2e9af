"""What is forgotten is gone, what must be kept is not, and the chain tells which is which."""

import random
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from remit.canonical import JSON, JSONObject
from remit.ledger.entries import Record
from remit.ledger.errors import LedgerError
from remit.ledger.forgetting import ForgetOrder
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.migrate import migrate
from tests.stores.forgetting_values import (
    BARE,
    DAY_MS,
    DOCUMENT,
    PERIODS,
    PLAN,
    WINDOW_MS,
    begin_run,
    bytes_of,
    call,
    finished,
    step,
)
from tests.stores.ledger_values import HandClock, chain_of, content, gate, vote

ORDER = ForgetOrder("data.owner@acme.example", "they asked for it")


async def _is_there(ledger: SqlLedger, digest: str) -> bool:
    return await ledger.log.find_content(digest) is not None


async def _code(ledger: SqlLedger, root: str, order: ForgetOrder = ORDER) -> str:
    with pytest.raises(LedgerError) as refused:
        await ledger.forgetting.order(root, order)
    return refused.value.code


async def test_contents_go_when_their_period_is_over(ledger: SqlLedger, clock: HandClock) -> None:
    """Of a call with two classes the longer period counts; an unnamed class has the default."""
    mail = await finished(ledger, "run-1", [("tell", {"to": "ada"}, {"sent": 1}, "mail.send@1")])
    lab = await finished(ledger, "run-2", [("put", {"note": 1}, {"put": 1}, "lab.put@1")])
    await ledger.forgetting.look_through()
    clock.advance(30 * DAY_MS - 1)
    early = await ledger.forgetting.due(PERIODS, WINDOW_MS)
    clock.advance(1)
    due = await ledger.forgetting.due(PERIODS, WINDOW_MS)
    done = await ledger.forgetting.expire("run-1", PERIODS, WINDOW_MS)
    told = (await chain_of(ledger, "run-1"))[-1]

    assert (list(early), "run-1" in due, done.contents) == ([], True, 3)
    assert [await _is_there(ledger, one.digest) for one in mail + lab] == [False] * 2 + [True] * 2
    assert isinstance(told["body"], dict)
    assert (told["kind"], told["body"]["how"], told["body"]["by"]) == (
        "forgotten",
        "expired",
        "keeper",
    )
    named = told["body"]["contents"]
    assert isinstance(named, list)
    assert {(one["kind"], one["rule"]) for one in named if isinstance(one, dict)} == {
        ("arguments", "personal P30D"),
        ("output", "personal P30D"),
        ("inputs", "personal P30D"),
    }


async def test_nothing_is_left_in_the_file(ledger_url: str, ledger: SqlLedger) -> None:
    """After a checkpoint no byte of a forgotten body stands in the database or its log."""
    rnd = random.Random(7)  # noqa: S311  # the same sizes every time
    made: dict[str, list[bytes]] = {}
    for number in range(12):
        root = f"run-{number}"
        marks = [f"MARK-{number}-{n}-" for n in range(rnd.randint(1, 8))]
        filled = [mark + "x" * rnd.choice([10, 500, 1500, 20_000]) for mark in marks]
        calls: list[tuple[str, JSON, JSON, str]] = [
            (f"s{n}", {"a": text}, {"o": text}, "lab.put@1") for n, text in enumerate(filled)
        ]
        await finished(ledger, root, calls)
        made[root] = [mark.encode() for mark in marks]
    before = bytes_of(ledger_url)
    gone: list[bytes] = []
    for root in rnd.sample(sorted(made), 8):
        await ledger.forgetting.order(root, ORDER)
        gone += made.pop(root)
    left = bytes_of(ledger_url)

    assert all(mark in before for mark in gone)
    assert [mark for mark in gone if mark in left] == []
    assert all(mark in left for kept in made.values() for mark in kept)


async def test_a_forgotten_content_says_so(ledger: SqlLedger) -> None:
    """Reading it names the record; a gate whose card is gone can still be read."""
    await begin_run(ledger, "run-1")
    await ledger.open_gate(gate(step("run-1", "order")), [])
    await ledger.vote("run-1", [vote("event-1")])
    made = await call(ledger, "run-1", "tell", {"to": "ada"}, {"sent": 1}, "mail.send@1")
    await ledger.close_run("run-1", "completed", [])
    done = await ledger.forgetting.order("run-1", ORDER)
    with pytest.raises(LedgerError) as forgotten:
        await ledger.get(made[0].digest)
    with pytest.raises(LedgerError) as undone:
        await ledger.reverse("run-1")

    assert (done.contents, done.held) == (5, 0)
    assert forgotten.value.code == "CONTENT-FORGOTTEN"
    assert undone.value.code == "ROLLBACK-FORGOTTEN"
    assert set((await ledger.gates("run-1"))[0].card) == {"forgotten"}
    assert await _is_there(ledger, PLAN.digest)


async def test_a_run_that_needs_its_contents_keeps_them(ledger: SqlLedger) -> None:
    """Open, reversed, with a call in the air, retained: each is refused with its code."""
    await begin_run(ledger, "open")
    await finished(ledger, "back", [("put", {"note": 1}, {"put": 1}, "lab.put@1")])
    await ledger.reverse("back")
    await finished(ledger, "kept", [("put", {"note": 2}, {"put": 2}, "lab.put@1")])
    await ledger.forgetting.retain("kept", "security@acme.example", "a case in court")
    retained = await _code(ledger, "kept")
    await ledger.forgetting.release("kept", "security@acme.example", "it is over")
    released = await ledger.forgetting.order("kept", ORDER)
    kinds = [str(one["kind"]) for one in await chain_of(ledger, "kept")]

    assert await _code(ledger, "open") == "FORGET-OPEN"
    assert await _code(ledger, "back") == "FORGET-OPEN"
    assert await _code(ledger, "nobody") == "RUN-ABSENT"
    assert (retained, released.contents) == ("FORGET-RETAINED", 3)
    assert kinds[-3:] == ["retention", "retention", "forgotten"]


async def test_a_retained_run_does_not_expire(ledger: SqlLedger, clock: HandClock) -> None:
    """It is not even found, until it is released."""
    await finished(ledger, "run-1", [("tell", {"to": "ada"}, {"sent": 1}, "mail.send@1")])
    await ledger.forgetting.retain("run-1", "security@acme.example", "a case in court")
    await ledger.forgetting.look_through()
    clock.advance(400 * DAY_MS)
    retained = await ledger.forgetting.due(PERIODS, WINDOW_MS)
    await ledger.forgetting.release("run-1", "security@acme.example", "it is over")

    assert list(retained) == []
    assert list(await ledger.forgetting.due(PERIODS, WINDOW_MS)) == ["run-1"]


async def test_an_order_may_be_about_a_step_or_a_class(ledger: SqlLedger) -> None:
    """What another step of the run names as well stays for it."""
    calls = [
        ("tell", {"to": "ada"}, {"sent": 1}, "mail.send@1"),
        ("put", {"to": "ada"}, {"put": 1}, "lab.put@1"),
    ]
    shared, sent, _, put = await finished(ledger, "run-1", calls)
    by_step = await ledger.forgetting.order("run-1", ForgetOrder("me", "why", step="tell"))
    after_step = [await _is_there(ledger, one.digest) for one in (shared, sent, put)]
    by_class = await ledger.forgetting.order(
        "run-1", ForgetOrder("me", "why", data_class="personal")
    )

    assert (by_step.contents, after_step) == (1, [True, False, True])
    # The inputs feed a tool of the class; the shared value is an unclassified step's as well.
    assert by_class.contents == 1
    assert await _is_there(ledger, shared.digest)


async def test_plans_go_when_it_is_ordered_and_nothing_else_holds_them(ledger: SqlLedger) -> None:
    """With the second run of the plan; contracts stay, for they say what every record meant."""
    for number in (1, 2):
        calls = [("put", {"n": number}, {"put": number}, "lab.put@1")]
        await finished(ledger, f"run-{number}", calls)
    plans = ForgetOrder("me", "why", plans=True)
    first = await ledger.forgetting.order("run-1", plans)
    kept = [await _is_there(ledger, one.digest) for one in (DOCUMENT, PLAN)]
    second = await ledger.forgetting.order("run-2", plans)
    gone = [await _is_there(ledger, one.digest) for one in (DOCUMENT, PLAN, BARE)]

    # Of the inputs, equal in both runs, the first lets go too.
    assert (first.contents, first.held, kept) == (5, 3, [True, True])
    assert (second.contents, second.held, gone) == (5, 0, [False, False, True])


async def test_a_value_that_comes_back_stands_again(ledger: SqlLedger) -> None:
    """Another run stores what was forgotten: for it the value is whole."""
    calls = [("tell", {"to": "ada"}, {"sent": 1}, "mail.send@1")]
    made = await finished(ledger, "run-1", calls)
    await ledger.forgetting.order("run-1", ORDER)
    gone = await _is_there(ledger, made[0].digest)
    await finished(ledger, "run-2", calls)

    assert not gone
    assert await ledger.get(made[0].digest) == made[0].body


async def test_the_tables_let_no_body_go_untold(ledger_url: str, ledger: SqlLedger) -> None:
    """By SQL a body cannot be altered or deleted, nor a tombstone set for what is held."""
    made = await finished(ledger, "run-1", [("tell", {"to": "ada"}, {"sent": 1}, "mail.send@1")])
    await ledger.forgetting.look_through()
    digest = made[0].digest
    engine = create_engine(ledger_url)
    statements = (
        "UPDATE contents SET body = :body WHERE digest = :digest",
        "DELETE FROM contents WHERE digest = :digest AND body <> :body",
        "INSERT INTO tombstones SELECT digest, 'run-1', 1 FROM contents"
        " WHERE digest = :digest AND body <> :body",
        "UPDATE contents SET digest = 'sha256:0', key = 'k', body = :body WHERE digest = :digest",
    )
    for statement in statements:
        with engine.begin() as connection, pytest.raises(DBAPIError):
            connection.execute(text(statement), {"body": b"0", "digest": digest})
    engine.dispose()

    assert await ledger.get(digest) == made[0].body


async def test_what_a_late_record_names_is_found_before_it_is_deleted(ledger: SqlLedger) -> None:
    """A run that names the value right now, and was not looked through, keeps the body."""
    calls = [("tell", {"to": "ada"}, {"sent": 1}, "mail.send@1")]
    made = await finished(ledger, "run-1", calls)
    await ledger.forgetting.look_through()
    await begin_run(ledger, "run-2")
    await ledger.append("run-2", [Record("outputs", {"output": made[0].digest})], [made[0]])
    done = await ledger.forgetting.order("run-1", ORDER)
    kept = await _is_there(ledger, made[0].digest)
    await ledger.close_run("run-2", "completed", [])
    await ledger.forgetting.order("run-2", ORDER)
    await ledger.forgetting.sweep()

    assert (done.held >= 1, kept) == (True, True)
    assert not await _is_there(ledger, made[0].digest)


@pytest.fixture(scope="module")
def prepared_file() -> Path:
    """A ledger's file with its tables, made once."""
    file = Path(tempfile.mkdtemp()) / "ledger.db"
    migrate(f"sqlite:///{file}")
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return file


RUNS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 3), min_size=1, max_size=3),
        st.sampled_from(["mail.send@1", "lab.put@1", "bank.pay@1"]),
        st.sampled_from(["closed", "open", "retained"]),
    ),
    min_size=2,
    max_size=4,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(RUNS, st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(0, 400))
async def test_what_somebody_must_keep_is_never_deleted(
    prepared_file: Path,
    made: list[tuple[list[int], str, str]],
    order: list[int],
    days: int,
) -> None:
    """Whatever shares what: each value is there while a run that has not let go of it names it."""
    folder = Path(tempfile.mkdtemp())
    clock = HandClock()
    shutil.copy(prepared_file, folder / "ledger.db")
    ledger = await open_ledger(f"sqlite:///{folder / 'ledger.db'}", clock=clock, deadline_s=60)
    values = [content({"value": number}) for number in range(4)]
    try:
        for number, (used, tool, state) in enumerate(made):
            await begin_run(ledger, f"run-{number}", number)
            for at, value in enumerate(used):
                await call(ledger, f"run-{number}", f"s{at}", {"value": value}, None, tool)
            if state != "open":
                await ledger.close_run(f"run-{number}", "completed", [])
            if state == "retained":
                await ledger.forgetting.retain(f"run-{number}", "me", "why")
        clock.advance(days * DAY_MS)
        for which in order:
            await _try(ledger, f"run-{which % len(made)}", is_order=which % 2 == 0)
        await ledger.forgetting.sweep()
        for number, value in enumerate(values):
            held = [
                one
                for one, (used, _, _) in enumerate(made)
                if number in used and value.digest not in await _let_go(ledger, f"run-{one}")
            ]
            named = any(number in used for used, _, _ in made)

            assert await _is_there(ledger, value.digest) == bool(held) or not named
    finally:
        await ledger.close()
        shutil.rmtree(folder)


async def _try(ledger: SqlLedger, root: str, *, is_order: bool) -> None:
    try:
        if is_order:
            await ledger.forgetting.order(root, ORDER)
        else:
            await ledger.forgetting.look_through()
            await ledger.forgetting.expire(root, PERIODS, WINDOW_MS)
    except LedgerError as error:
        if error.code not in ("FORGET-OPEN", "FORGET-RETAINED"):
            raise


async def _let_go(ledger: SqlLedger, root: str) -> set[str]:
    """Return what a run's own records say it has let go of."""
    found: set[str] = set()
    for record in await chain_of(ledger, root):
        body = record["body"]
        if record["kind"] == "forgotten" and isinstance(body, dict):
            found |= {str(one["digest"]) for one in _list(body) if isinstance(one, dict)}
    return found


def _list(body: JSONObject) -> list[object]:
    named = body["contents"]
    return list(named) if isinstance(named, list) else []
