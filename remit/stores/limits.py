"""Slots and breakers as rows, counted and changed in the transactions of intents and outcomes.

Where transactions run side by side, whoever counts has locked the name among the counters first.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select

from remit.ledger.entries import Bounds
from remit.ledger.errors import LedgerError
from remit.ledger.limits import (
    BREAKER,
    SLOT,
    STATES,
    Breaker,
    Breaking,
    Health,
    HeldSlot,
    Slots,
    count_answer,
    pass_breaker,
)
from remit.plan.path import Direction, StepKey
from remit.stores.columns import step_key_values
from remit.stores.inserting import upsert
from remit.stores.reservations import lock_counters
from remit.stores.schema import breakers, runs, slots
from remit.stores.statements import Row, whole
from remit.stores.transaction import Transaction

_HELD = select(slots.c.root, slots.c.path, slots.c.direction, slots.c.until_ms).where(
    slots.c.name == bindparam("name")
)
_TAKEN = select(func.count()).where(
    slots.c.name == bindparam("name"), slots.c.until_ms > bindparam("now_ms")
)
_AT_WORK = (
    select(slots.c.name, runs.c.workflow_id, slots.c.path, slots.c.direction, slots.c.until_ms)
    .join(runs, runs.c.root == slots.c.root)
    .where(slots.c.until_ms > bindparam("now_ms"))
    .order_by(slots.c.name, slots.c.until_ms, slots.c.root, slots.c.path)
)
_COLUMNS = ("name", "state", "failures", "since_ms", "until_ms", "trial")
_ALL = select(*[breakers.c[name] for name in _COLUMNS])
_BREAKER = _ALL.where(breakers.c.name == bindparam("name"))
_KNOWN = _ALL.order_by(breakers.c.name)


def names_of(bounds: Bounds) -> list[str]:
    """Return under which names a write locks what it is about to count."""
    names = [f"{SLOT}{one.name}" for one in bounds.slots]
    return [*names, f"{BREAKER}{bounds.breaking.name}"] if bounds.breaking else names


def check(tx: Transaction, key: StepKey, bounds: Bounds) -> None:
    """Refuse a call that has to wait; changes nothing.

    Raises:
        LedgerError: `BREAKER-OPEN`, `SLOTS-TAKEN`.
    """
    breaking = bounds.breaking
    if breaking is not None:
        is_urgent = key.direction is Direction.UNDO
        pass_breaker(find(tx, breaking.name), str(key), 0, tx.now_ms, is_urgent=is_urgent)
    for one in bounds.slots:
        _check_room(tx, key, one)


def _check_room(tx: Transaction, key: StepKey, one: Slots) -> Sequence[Row]:
    """Return what is left of calls whose leases are over, and refuse when no slot is free."""
    held = tx.all(_HELD, name=one.name)
    taken = sum(whole(row[3]) > tx.now_ms and not _is_of(row, key) for row in held)
    if taken >= one.most:
        raise LedgerError("SLOTS-TAKEN", f"{one.name} takes {one.most} calls at once")
    return [row for row in held if whole(row[3]) <= tx.now_ms and not _is_of(row, key)]


def hold(tx: Transaction, key: StepKey, bounds: Bounds, until_ms: int, *, is_urgent: bool) -> None:
    """Take slots, and be the breaker's trial if it is time for one.

    Whoever is refused has written nothing yet: its group need not be spoilt for it.

    Raises:
        LedgerError: as `check`.
    """
    _lock(tx, names_of(bounds))
    breaking = bounds.breaking
    if breaking is not None:
        before = find(tx, breaking.name)
        after = pass_breaker(before, str(key), until_ms, tx.now_ms, is_urgent=is_urgent)
        if after is not before:
            _save(tx, after)
    # All names are looked at before the first row goes: asking again would send what is written.
    left = [(one.name, row) for one in bounds.slots for row in _check_room(tx, key, one)]
    for name, row in left:
        gone = dict(zip(("root", "path", "direction"), map(str, row[:3]), strict=True))
        tx.remove(slots, {"name": name, **gone})
    for one in bounds.slots:
        tx.insert(upsert, slots, {"name": one.name, **step_key_values(key), "until_ms": until_ms})


def free(tx: Transaction, key: StepKey, held: Sequence[Slots], until_ms: int) -> None:
    """Give slots back, or keep them for as long as a call may still be at work."""
    for one in held:
        place = {"name": one.name, **step_key_values(key)}
        if until_ms > tx.now_ms:
            tx.insert(upsert, slots, {**place, "until_ms": until_ms})
        else:
            tx.remove(slots, place)


def answered(tx: Transaction, key: StepKey, breaking: Breaking | None, health: Health) -> None:
    """Count an answer."""
    if breaking is None:
        return
    _lock(tx, [f"{BREAKER}{breaking.name}"])
    before = find(tx, breaking.name)
    after = count_answer(before, breaking, health, str(key), tx.now_ms)
    if after is not before:
        _save(tx, after)


def taken(tx: Transaction, name: str) -> int:
    """Return how many slots are held under a name."""
    row = tx.one(_TAKEN, name=name, now_ms=tx.now_ms)
    return whole(row[0]) if row else 0


def held(tx: Transaction) -> Sequence[HeldSlot]:
    """Return every slot that is held, by name, the one that is free first before others."""
    return [
        HeldSlot(str(name), str(run), str(path), direction == Direction.UNDO.value, whole(until))
        for name, run, path, direction, until in tx.all(_AT_WORK, now_ms=tx.now_ms)
    ]


def find(tx: Transaction, name: str) -> Breaker:
    """Return a breaker; one that nobody has heard of is closed."""
    known: Breaker | None = tx.recall(("breaker", name))
    if known is None:
        row = tx.one(_BREAKER, name=name)
        known = _breaker(row) if row else Breaker(name)
    return known


def find_all(tx: Transaction) -> Sequence[Breaker]:
    """Return the breakers that ever counted a failure, by name."""
    return [_breaker(row) for row in tx.all(_KNOWN)]


def _save(tx: Transaction, breaker: Breaker) -> None:
    tx.insert(upsert, breakers, {name: getattr(breaker, name) for name in _COLUMNS})
    tx.note(("breaker", breaker.name), breaker)


def _breaker(row: Row) -> Breaker:
    name, state, failures, since_ms, until_ms, trial = row
    numbers = (whole(failures), whole(since_ms), whole(until_ms))
    return Breaker(str(name), STATES[str(state)], *numbers, str(trial))


def _lock(tx: Transaction, names: Sequence[str]) -> None:
    wanted = [name for name in names if tx.recall(("counter", name)) is None]
    if tx.lock_rows and wanted:
        lock_counters(tx, wanted)


def _is_of(row: Row, key: StepKey) -> bool:
    return (row[0], row[1], row[2]) == (key.root, key.path, key.direction.value)
