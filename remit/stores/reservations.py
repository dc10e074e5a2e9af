"""Counters, and what step keys hold of them.

A counter is raised only while it stays within the ceiling of whoever raises it. A key holds its
reservations from intent to outcome; then they are settled with the actual cost, or given back.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ARRAY, Text, any_, bindparam, func, select

from remit.ledger.entries import MONEY, RATE, Reserve
from remit.ledger.errors import LedgerError
from remit.ledger.rules import merge_reserves
from remit.plan.path import StepKey
from remit.stores.columns import step_key_values
from remit.stores.inserting import insert_once, upsert
from remit.stores.schema import counters, reservations
from remit.stores.statements import Row, whole
from remit.stores.transaction import Transaction

HELD = "held"
SPENT = "spent"
Holding = Mapping[str, tuple[int, str]]
"""What one step key holds or has spent: by counter, the amount and which of both."""

_SELECT = select(
    reservations.c.root,
    reservations.c.path,
    reservations.c.direction,
    reservations.c.counter,
    reservations.c.amount,
    reservations.c.state,
)
_FIND = _SELECT.where(
    reservations.c.root == bindparam("root"),
    reservations.c.path == bindparam("path"),
    reservations.c.direction == bindparam("direction"),
)
_WANTED = (
    func.unnest(bindparam("roots", type_=ARRAY(Text)), bindparam("paths", type_=ARRAY(Text)))
    .table_valued("root", "path")
    .render_derived("wanted")
)
FIND_SEVERAL = _SELECT.where(
    reservations.c.root == _WANTED.c.root, reservations.c.path == _WANTED.c.path
)
"""Returns what is held at several `roots` and `paths`; see `note_holdings`."""
_VALUE = select(counters.c.value).where(counters.c.name == bindparam("name"))
_LOCK = (
    select(counters.c.name, counters.c.value)
    .where(counters.c.name == any_(bindparam("names", type_=ARRAY(Text))))
    .order_by(counters.c.name)
    .with_for_update()
)


def find_value(tx: Transaction, name: str) -> int:
    """Return the value of a counter; 0 when nobody raised it."""
    row = tx.one(_VALUE, name=name)
    return whole(row[0]) if row else 0


def lock_counters(tx: Transaction, names: Collection[str]) -> None:
    """Lock counters, in the order of their names, and note their values."""
    wanted = sorted(names)
    tx.insert_all(insert_once, counters, ("name", "value"), [(name, 0) for name in wanted])
    for name, value in tx.ask((_LOCK, {"names": wanted}))[0]:
        tx.note(("counter", name), value)


def note_holdings(
    tx: Transaction, keys: Collection[tuple[str, str, str]], rows: Sequence[Row]
) -> None:
    """Note what was found for keys whose runs are locked."""
    found: dict[tuple[str, str, str], dict[str, tuple[int, str]]] = {key: {} for key in keys}
    for row in rows:
        place = (str(row[0]), str(row[1]), str(row[2]))
        if place in found:
            found[place] |= _holding([row])
    for place, holding in found.items():
        tx.note(("held", *place), holding)


def _holding(rows: Sequence[Row]) -> dict[str, tuple[int, str]]:
    return {str(row[3]): (whole(row[4]), str(row[5])) for row in rows}


def hold(tx: Transaction, key: StepKey, wanted: Sequence[Reserve]) -> None:
    """Reserve for a key, in place of what it holds already.

    Raises:
        LedgerError: `RESERVE-CONFLICT` when a counter would pass its ceiling.
    """
    release(tx, key)
    for reserve in merge_reserves(wanted):
        after = _value(tx, reserve.counter) + reserve.amount
        if after > reserve.ceiling:
            raise LedgerError(
                "RESERVE-CONFLICT",
                f"{key}: {reserve.counter!r} has no room for {reserve.amount} "
                f"within {reserve.ceiling}",
            )
        _set(tx, reserve.counter, after)
        _write(tx, key, reserve.counter, reserve.amount, HELD)


def release(tx: Transaction, key: StepKey) -> None:
    """Give back what a key holds."""
    _give_back(tx, key, HELD, money_only=False)


def refund(tx: Transaction, key: StepKey) -> None:
    """Give back the money that a key has spent."""
    _give_back(tx, key, SPENT, money_only=True)


def settle(tx: Transaction, key: StepKey, took: Mapping[str, int | None]) -> None:
    """Turn what a key holds into what it took, by the ending of a counter, where that is known."""
    for counter, amount in _find(tx, key, HELD):
        actual = took.get(counter[counter.rfind("/") :])
        actual = amount if actual is None else actual
        if actual != amount:
            _set(tx, counter, _value(tx, counter) + actual - amount)
        _write(tx, key, counter, actual, SPENT)


def _give_back(tx: Transaction, key: StepKey, state: str, *, money_only: bool) -> None:
    for counter, amount in _find(tx, key, state):
        if money_only and not counter.endswith(MONEY):
            continue
        if not counter.startswith(RATE):
            _set(tx, counter, _value(tx, counter) - amount)
        tx.remove(reservations, {**step_key_values(key), "counter": counter})
        left = {name: held for name, held in _all(tx, key).items() if name != counter}
        tx.note(_named(key), left)


def _find(tx: Transaction, key: StepKey, state: str) -> Sequence[tuple[str, int]]:
    found = sorted(_all(tx, key).items())
    return [(counter, amount) for counter, (amount, stands) in found if stands == state]


def _all(tx: Transaction, key: StepKey) -> Holding:
    known: Holding | None = tx.recall(_named(key))
    if known is None:
        known = _holding(tx.first((_FIND, step_key_values(key))))
        tx.note(_named(key), known)
    return known


def _write(tx: Transaction, key: StepKey, counter: str, amount: int, state: str) -> None:
    tx.insert(
        upsert,
        reservations,
        {**step_key_values(key), "counter": counter, "amount": amount, "state": state},
    )
    tx.note(_named(key), {**_all(tx, key), counter: (amount, state)})


def _value(tx: Transaction, counter: str) -> int:
    """Return a counter's value, which nobody else changes before this transaction ends."""
    known: int | None = tx.recall(("counter", counter))
    if known is not None:
        return known
    if tx.lock_rows:
        lock_counters(tx, [counter])
        return whole(tx.recall(("counter", counter)))
    rows = tx.first((_VALUE, {"name": counter}))
    value = whole(rows[0][0]) if rows else 0
    tx.note(("counter", counter), value)
    return value


def _set(tx: Transaction, counter: str, value: int) -> None:
    tx.insert(upsert, counters, {"name": counter, "value": value})
    tx.note(("counter", counter), value)


def _named(key: StepKey) -> tuple[str, str, str, str]:
    return "held", key.root, key.path, key.direction.value
