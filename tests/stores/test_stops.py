"""Stops on real databases: what is stopped does not begin, and nothing else is held up."""

import asyncio
from dataclasses import replace

import pytest

from remit.ledger.entries import State
from remit.ledger.errors import LedgerError
from remit.ledger.stops import CHAIN, Stop, is_name, stops_of
from remit.stores.ledger import SqlLedger, open_ledger
from tests.stores.ledger_values import LEASE_MS, HandClock, intent, key, outcome, undo_of
from tests.stores.test_ledger_effects import refusal

NAMES = stops_of("buyer", "erp.place_order@1", "acme")
STOP = Stop("agent:buyer", "boss@acme.example", "it buys too much")


def _go(name: str) -> Stop:
    return Stop(name, "boss@acme.example", "it is well again", in_force=False)


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_stopped_does_not_begin(ledger: SqlLedger, name: str) -> None:
    """Fleet, agent, tool and tenant each hold the call, until they go on."""
    wanted = replace(intent(), stops=NAMES)

    assert await ledger.stop(replace(STOP, name=name)) is True
    held = await refusal(ledger.begin(wanted))
    assert await ledger.stop(_go(name)) is True

    assert held == "CALL-STOPPED"
    assert await ledger.begin(wanted) == 1


async def test_others_go_on(ledger: SqlLedger) -> None:
    """A stop of another agent, tool or tenant holds nothing."""
    for name in ("agent:seller", "tool:erp.place_order@2", "tenant:other"):
        await ledger.stop(replace(STOP, name=name))

    assert await ledger.begin(replace(intent(), stops=NAMES)) == 1


async def test_undos_go_on_unless_the_stop_says_otherwise(ledger: SqlLedger) -> None:
    """What happened before is undone under a stop; with `undos` it waits too."""
    await ledger.begin(intent())
    await ledger.finish(outcome())
    undo = replace(intent(undo_of(key())), stops=NAMES)

    await ledger.stop(replace(STOP, undos=True))
    held = await refusal(ledger.begin(undo))
    await ledger.stop(STOP)

    assert held == "CALL-STOPPED"
    assert await ledger.begin(undo) == 1


async def test_a_lost_call_is_not_taken_over_to_be_called(
    ledger: SqlLedger, clock: HandClock
) -> None:
    """Whoever would call again is held; whoever only gives it up is not."""
    await ledger.begin(intent())
    clock.now_ms += LEASE_MS + 1
    await ledger.stop(STOP)
    until_ms = clock.now_ms + LEASE_MS

    assert await refusal(ledger.take_over(key(), 1, "worker-2", until_ms, NAMES)) == "CALL-STOPPED"
    assert (await ledger.give_up(key(), 1, "worker-2", "gone")).state is State.IN_DOUBT


async def test_stops_are_listed_and_recorded(ledger: SqlLedger, clock: HandClock) -> None:
    """Each change is one record; an order that changes nothing leaves none."""
    before = await ledger.stops()

    assert await ledger.stop(STOP) is True
    assert await ledger.stop(STOP) is False
    listed = await ledger.stops()
    assert await ledger.stop(_go("agent:buyer")) is True
    assert await ledger.stop(_go("agent:buyer")) is False
    told = [record["body"] for record in await ledger.records(CHAIN)]

    assert (before, await ledger.stops()) == ([], [])
    assert listed == [replace(STOP, at_ms=clock.now_ms)]
    common = {"name": "agent:buyer", "by": "boss@acme.example", "undos": False}
    assert told == [
        {**common, "in_force": True, "reason": "it buys too much"},
        {**common, "in_force": False, "reason": "it is well again"},
    ]


async def test_a_stop_that_was_answered_holds_in_every_process(
    ledger_url: str, ledger: SqlLedger
) -> None:
    """Calls begin all the while in one ledger; none does after another one's stop is answered."""
    other = await open_ledger(ledger_url)
    begun: list[str] = []
    is_stopped = False
    late: list[str] = []
    codes: set[str] = set()
    busy = asyncio.Event()

    async def work(number: int) -> None:
        for step in range(200):
            name = f"s{number}x{step}"
            after = is_stopped
            try:
                await ledger.begin(replace(intent(key(name)), stops=NAMES))
            except LedgerError as error:
                codes.add(error.code)
                return
            begun.append(name)
            busy.set()
            if after:
                late.append(name)

    working = [asyncio.create_task(work(number)) for number in range(8)]
    await busy.wait()
    await other.stop(STOP)
    is_stopped = True
    await asyncio.gather(*working)
    await other.close()

    assert codes == {"CALL-STOPPED"}
    assert late == []


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in NAMES),
        *((name, False) for name in ("", "agent:", "robot:x", "agent:" + "x" * 201, "fleet:x")),
    ],
)
def test_names_are_known(name: str, is_one: bool) -> None:
    """Only what can be stopped has a name."""
    assert is_name(name) is is_one
