"""What a run did and what was done to a thing, as a decision reads it."""

import asyncio
from dataclasses import replace

from remit.canonical import digest
from remit.ledger.entries import State
from remit.plan.path import StepKey
from remit.stores.ledger import SqlLedger, open_ledger
from tests.stores.ledger_values import ROOT, admission, chain_of, intent, key, outcome, run_row

THING = digest("thing")
OTHER = "0198-other"
ARCHIVE = "erp.archive@1"


async def do(
    ledger: SqlLedger,
    one: StepKey,
    tool: str = ARCHIVE,
    resource: str = THING,
    faulty: bool = False,
) -> None:
    """Let a call happen."""
    await ledger.begin(intent(one, tool=tool, resource=resource))
    await ledger.finish(replace(outcome(one), faulty=faulty))


async def tools(ledger: SqlLedger, root: str = ROOT) -> list[str]:
    """Return what a run did."""
    return list((await ledger.look(key("next", root=root))).tools)


async def test_what_happened_is_told_once_for_each_tool(ledger: SqlLedger) -> None:
    """However often a tool was called, it is named once, and only once it has happened."""
    await ledger.begin(intent(key("open"), tool="erp.slow@1", resource=THING))
    assert (await tools(ledger), await ledger.done_on(THING)) == ([], [])

    for number in range(3):
        await do(ledger, key("archive", number))
    await do(ledger, key("mail"), "mail.send@1", resource="")
    await ledger.finish(outcome(key("open"), State.REFUSED))

    assert await tools(ledger) == [ARCHIVE, "mail.send@1"]
    assert await ledger.done_on(THING) == [ARCHIVE]
    assert await ledger.done_on(digest("another thing")) == []


async def test_what_is_undone_was_not_done(ledger: SqlLedger) -> None:
    """A tool is forgotten with the last of its calls that stands."""
    one, two = key("archive", 1), key("archive", 2)
    await do(ledger, one)
    await do(ledger, two)
    for done, left in ((one, [ARCHIVE]), (two, [])):
        await do(ledger, done.undo, "erp.discard@1", resource="")
        assert await tools(ledger) == left
        assert await ledger.done_on(THING) == left


async def test_what_happened_wrongly_is_nothing_to_build_on(ledger: SqlLedger) -> None:
    """A call that failed its checks is not told, and its undo takes nothing from others."""
    await do(ledger, key("good"))
    await do(ledger, key("bad"), faulty=True)
    await do(ledger, key("bad").undo, "erp.discard@1", resource="")

    assert await ledger.done_on(THING) == [ARCHIVE]
    bad = key("worse")
    await do(ledger, bad, "erp.other@1", faulty=True)
    assert await ledger.done_on(THING) == [ARCHIVE]


async def test_a_persons_answers_count(ledger: SqlLedger) -> None:
    """What a person says happened, happened; what a person undid by hand is undone."""
    doubted = key("doubted")
    await ledger.begin(intent(doubted, tool=ARCHIVE, resource=THING))
    await ledger.finish(outcome(doubted, State.IN_DOUBT))
    await ledger.resolve(doubted, True, {"by": "ann"})
    assert await ledger.done_on(THING) == [ARCHIVE]

    await ledger.begin(intent(doubted.undo, tool="erp.discard@1"))
    await ledger.finish(outcome(doubted.undo, State.REFUSED))
    await ledger.repair(doubted.undo, "mark_done", {"by": "ann"})
    assert await ledger.done_on(THING) == []


async def test_runs_share_what_was_done_to_a_thing(ledger: SqlLedger, ledger_url: str) -> None:
    """Two processes that do something to one thing at once do not overwrite each other's count."""
    await ledger.admit(run_row(OTHER), admission(OTHER), [], [])
    second = await open_ledger(ledger_url, deadline_s=30)
    mine = [key("archive", number) for number in range(20)]
    theirs = [key("archive", number, root=OTHER) for number in range(20)]
    await asyncio.gather(*[do(ledger, one) for one in mine], *[do(second, one) for one in theirs])
    for one in mine:
        await do(ledger, one.undo, "erp.discard@1", resource="")

    assert await tools(ledger) == []
    assert await tools(ledger, OTHER) == [ARCHIVE]
    assert await second.done_on(THING) == [ARCHIVE]
    for one in theirs:
        await do(second, one.undo, "erp.discard@1", resource="")
    assert await ledger.done_on(THING) == []
    await second.close()


async def test_the_record_names_the_thing_by_its_digest(ledger: SqlLedger) -> None:
    """The chain tells what a call was about; a call about nothing says nothing."""
    await do(ledger, key("archive"))
    await do(ledger, key("mail"), "mail.send@1", resource="")
    bodies = [one["body"] for one in await chain_of(ledger) if one["kind"] == "intent"]

    assert [isinstance(body, dict) and body.get("resource") for body in bodies] == [THING, None]
