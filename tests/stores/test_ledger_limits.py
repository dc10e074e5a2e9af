"""Slots and breakers on real databases: bounds hold over all writers, and nothing is lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from remit.ledger.entries import Bounds, Outcome, State
from remit.ledger.errors import LedgerError
from remit.ledger.limits import Breaking, Health, Slots
from remit.plan.path import StepKey
from remit.stores.ledger import SqlLedger, open_ledger
from tests.stores.ledger_values import (
    LEASE_MS,
    HandClock,
    admission,
    intent,
    key,
    outcome,
    run_row,
    undo_of,
)
from tests.stores.test_ledger_effects import refusal

NARROW = Bounds([Slots("tool:erp.place_order@1", 2)])
ERP = Breaking("erp.example", failures=3, window_ms=10_000, cool_down_ms=5_000)
SICK = Bounds(breaking=ERP)


def _keys(many: int) -> Sequence[StepKey]:
    return [key(item=number) for number in range(many)]


async def _begin(ledger: SqlLedger, of: StepKey, bounds: Bounds, clock: HandClock) -> str:
    wanted = intent(of, lease_until_ms=clock() + LEASE_MS)
    try:
        await ledger.begin(replace(wanted, bounds=bounds))
    except LedgerError as error:
        return error.code
    return "begun"


async def _end(ledger: SqlLedger, of: StepKey, health: Health, bounds: Bounds = SICK) -> None:
    """Record that nothing happened, for a reason that says something of the service."""
    ended = Outcome(of, 1, "worker-1", State.REFUSED, code="TOOL-UNREACHABLE")
    await ledger.finish(replace(ended, bounds=bounds, health=health))


async def test_no_more_calls_begin_than_there_are_slots(ledger_url: str) -> None:
    """Two processes' ledgers begin twenty calls at once; two begin, and the others can later."""
    clock = HandClock()
    one = await open_ledger(ledger_url, clock=clock, deadline_s=30)
    other = await open_ledger(ledger_url, clock=clock, deadline_s=30)
    roots = [f"r{number}" for number in range(20)]
    for root in roots:
        await one.admit(run_row(root), admission(root), [], [])
    keys = [key(root=root) for root in roots]

    ended = await asyncio.gather(
        *(_begin((one, other)[n % 2], of, NARROW, clock) for n, of in enumerate(keys))
    )
    held = await one.taken("tool:erp.place_order@1")
    (first, *_) = [of for of, end in zip(keys, ended, strict=True) if end == "begun"]
    waiting = [of for of, end in zip(keys, ended, strict=True) if end != "begun"]
    await other.finish(replace(outcome(first), bounds=NARROW))
    later = [await _begin(one, of, NARROW, clock) for of in waiting[:2]]
    await one.close()
    await other.close()

    assert sorted(ended) == ["SLOTS-TAKEN"] * 18 + ["begun"] * 2
    assert held == 2
    assert later == ["begun", "SLOTS-TAKEN"]


async def test_a_dead_workers_slot_is_free_when_its_lease_ends(
    ledger: SqlLedger, clock: HandClock
) -> None:
    """Nobody gave it back, and nobody need do so."""
    keys = _keys(4)
    for of in keys[:2]:
        await _begin(ledger, of, NARROW, clock)
    held = await ledger.held_slots()
    clock.advance(LEASE_MS)
    before = await _begin(ledger, keys[2], NARROW, clock)

    assert [(one.path, one.until_ms) for one in held] == [(of.path, clock()) for of in keys[:2]]
    assert {one.workflow_id for one in held} == {run_row().workflow_id}
    assert before == "begun"
    assert [one.path for one in await ledger.held_slots()] == [keys[2].path]
    assert await ledger.taken("tool:erp.place_order@1") == 1


async def test_a_lost_call_takes_a_slot_again_to_be_made(
    ledger: SqlLedger, clock: HandClock
) -> None:
    """Taken over it is a call like any other, so it waits while there is no room."""
    lost, *others = _keys(4)
    await _begin(ledger, lost, NARROW, clock)
    clock.advance(LEASE_MS)
    for of in others[:2]:
        await _begin(ledger, of, NARROW, clock)
    until_ms = clock() + LEASE_MS

    held = await refusal(ledger.take_over(lost, 1, "worker-2", until_ms, bounds=NARROW))
    await ledger.finish(replace(outcome(others[0]), bounds=NARROW))

    assert held == "SLOTS-TAKEN"
    assert await ledger.take_over(lost, 1, "worker-2", until_ms, bounds=NARROW) == 2
    assert await ledger.taken("tool:erp.place_order@1") == 2


async def test_a_breaker_opens_and_one_trial_closes_it(ledger: SqlLedger, clock: HandClock) -> None:
    """After so many failures calls wait; then one tries, and its answer lets the others go on."""
    first, second, third, fourth, fifth, sixth = _keys(6)
    for of in (first, second, third):
        assert await _begin(ledger, of, SICK, clock) == "begun"
        await _end(ledger, of, "sick")
    held = await _begin(ledger, fourth, SICK, clock)
    clock.advance(ERP.cool_down_ms)
    trial = await _begin(ledger, fourth, SICK, clock)
    beside = await _begin(ledger, fifth, SICK, clock)
    tried = await ledger.breaker("erp.example")
    await _end(ledger, fourth, "well")

    assert (held, trial, beside) == ("BREAKER-OPEN", "begun", "BREAKER-OPEN")
    assert (tried.state, tried.trial) == ("trial", str(fourth))
    assert (await ledger.breaker("erp.example")).state == "closed"
    assert await _begin(ledger, fifth, SICK, clock) == "begun"
    assert await _begin(ledger, sixth, SICK, clock) == "begun"


async def test_a_failed_trial_opens_it_for_another_cool_down(
    ledger: SqlLedger, clock: HandClock
) -> None:
    """One failure is enough then; and a trial whose worker died is replaced at its lease's end."""
    keys = _keys(6)
    for of in keys[:3]:
        await _begin(ledger, of, SICK, clock)
        await _end(ledger, of, "sick")
    clock.advance(ERP.cool_down_ms)
    await _begin(ledger, keys[3], SICK, clock)
    await _end(ledger, keys[3], "sick")
    held = await _begin(ledger, keys[4], SICK, clock)
    clock.advance(ERP.cool_down_ms)
    died = await _begin(ledger, keys[4], SICK, clock)
    clock.advance(LEASE_MS - 1)
    still = await _begin(ledger, keys[5], SICK, clock)
    clock.advance(1)

    assert (held, died, still) == ("BREAKER-OPEN", "begun", "BREAKER-OPEN")
    assert await _begin(ledger, keys[5], SICK, clock) == "begun"


async def test_failures_far_apart_and_answers_of_ours_open_nothing(
    ledger: SqlLedger, clock: HandClock
) -> None:
    """A window forgets; what says nothing of the service counts for nothing."""
    for of in _keys(8):
        await _begin(ledger, of, SICK, clock)
        await _end(ledger, of, "sick" if (of.segment.item or 0) % 2 else "")
        clock.advance(ERP.window_ms // 2)

    assert (await ledger.breaker("erp.example")).state == "closed"


async def test_an_undo_waits_for_the_cool_down_and_for_no_trial(
    ledger: SqlLedger, clock: HandClock
) -> None:
    """It would surely fail before; after that somebody else's trial does not hold it up."""
    done, *others = _keys(5)
    await ledger.begin(intent(done))
    await ledger.finish(outcome(done))
    for of in others[:3]:
        await _begin(ledger, of, SICK, clock)
        await _end(ledger, of, "sick")
    early = await _begin(ledger, undo_of(done), SICK, clock)
    clock.advance(ERP.cool_down_ms)
    trial = await _begin(ledger, others[3], SICK, clock)

    assert (early, trial) == ("BREAKER-OPEN", "begun")
    assert await _begin(ledger, undo_of(done), SICK, clock) == "begun"


@pytest.mark.parametrize("bounds", [NARROW, SICK])
async def test_who_is_refused_otherwise_takes_nothing(
    ledger: SqlLedger, clock: HandClock, bounds: Bounds
) -> None:
    """A slot or a trial goes with the intent or not at all."""
    keys = _keys(4)
    for of in keys[:3]:
        await _begin(ledger, of, SICK, clock)
        await _end(ledger, of, "sick")
    clock.advance(ERP.cool_down_ms)
    wanted = replace(intent(keys[3], grants=["nobody#1"]), bounds=bounds)

    assert await refusal(ledger.begin(wanted)) == "GRANT-USED"
    assert await ledger.taken("tool:erp.place_order@1") == 0
    assert (await ledger.breaker("erp.example")).state == "open"
