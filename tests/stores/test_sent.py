"""What the ledger says people are to be told of, and remembers that they were told."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from remit.ledger.entries import HANDED_OVER, Record, State, Turn
from remit.ledger.notices import Sent
from remit.stores.database import database_of
from remit.stores.ledger import SqlLedger
from tests.stores.ledger_values import ROOT, HandClock, gate, intent, key, outcome, undo_of, vote


async def test_open_gates_are_news_until_they_end(ledger: SqlLedger, clock: HandClock) -> None:
    """With all that a message says, and none of the card; then the end is, since its moment."""
    asked = replace(gate(), then=(Turn("committee", gate().opened_ms + 5),), remind_every_ms=7000)
    await ledger.open_gate(asked, [])
    (before,) = (await ledger.notices.news(0)).open
    clock.advance(10)
    await ledger.vote(ROOT, [vote("e1", verdict="reject")])
    news = await ledger.notices.news(clock.now_ms)
    later = await ledger.notices.news(clock.now_ms + 1)

    assert (before.place.root, before.step, before.role) == (ROOT, "order", asked.role)
    assert (before.remind_every_ms, before.then, before.digest) == (
        asked.remind_every_ms,
        asked.then,
        asked.proposed_digest,
    )
    assert not hasattr(before, "card")
    assert [list(news.open), [one.state for one in news.ended]] == [[], ["rejected"]]
    assert (news.ended[0].asked, news.ended[0].at_ms) == (before, clock.now_ms)
    assert list(later.ended) == []


async def test_notices_and_undos_that_failed_are_news(ledger: SqlLedger) -> None:
    """A notice is one since it was recorded; an undo until somebody takes it over."""
    done = key("order")
    told = {"role": "owner", "message": "nobody is to read this elsewhere"}
    await ledger.begin(replace(intent(done), notices=[told]))
    await ledger.finish(outcome(done))
    undo = undo_of(done)
    await ledger.begin(replace(intent(undo)))
    await ledger.finish(replace(outcome(undo), state=State.REFUSED, undo=None, output=None))
    news = await ledger.notices.news(0)
    await ledger.repair(undo, "hand_over", {"by": "ann"})
    after = await ledger.notices.news(0)

    assert [(one.step, one.role) for one in news.noted] == [("order", "owner")]
    assert [(one.step, one.attempt) for one in news.broken] == [("order", 1)]
    assert list(after.broken) == []
    assert HANDED_OVER in str((await ledger.look(undo)).action)


async def test_what_was_sent_is_remembered_by_channel(ledger: SqlLedger) -> None:
    """Twice is once; the mark stands beside it and is no message."""
    store = ledger.notices
    assert await store.mark() is None
    await store.settle([Sent("gate:a", "ops", "sent"), Sent("gate:a", "boss", "given_up")])
    await store.settle([Sent("gate:a", "ops", "sent")])
    await store.move_mark(7)

    assert await store.sent({"gate:a", "gate:b"}) == {("gate:a", "ops"), ("gate:a", "boss")}
    assert await store.mark() == 7


@pytest.mark.parametrize(
    ("index", "query"),
    [
        ("gates_state", "SELECT role FROM gates WHERE state = 'open' ORDER BY expires_ms"),
        (
            "records_told",
            "SELECT seq FROM records WHERE kind IN ('gate_end', 'notice') AND at_ms >= ?",
        ),
    ],
)
async def test_the_questions_use_their_indexes(made_url: str, index: str, query: str) -> None:
    """They are asked every second of a ledger that grows for years."""
    engine = database_of(made_url).open_engine(made_url, 1000)
    with engine.connect() as connection:
        bound = query.replace("?", "5")
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {bound}")).fetchall()
    engine.dispose()

    assert index in str(plan)


async def test_a_reminder_is_part_of_what_a_gate_recorded(ledger: SqlLedger) -> None:
    """The chain says how often people were to be reminded, where they were."""
    await ledger.open_gate(replace(gate(), remind_every_ms=60_000), [Record("x", {})])
    body = [one["body"] for one in await ledger.records(ROOT) if one["kind"] == "gate"]

    assert "'remind_every_ms': 60000" in str(body) or '"remind_every_ms":60000' in str(body)
