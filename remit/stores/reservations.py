"""Counters, and what step keys hold of them.

A counter is raised only while it stays within the ceiling of whoever raises it. A key holds its
reservations from intent to outcome; then they are settled with the actual cost, or given back.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select, update

from remit.ledger.entries import MONEY, RATE, Reserve
from remit.ledger.errors import LedgerError
from remit.ledger.rules import merge_reserves
from remit.plan.path import StepKey
from remit.stores.inserting import insert_new, insert_once
from remit.stores.schema import counters, reservations
from remit.stores.statements import Transaction, Value

HELD = "held"
SPENT = "spent"

_OWN = (
    reservations.c.root == bindparam("at_root"),
    reservations.c.path == bindparam("at_path"),
    reservations.c.direction == bindparam("at_direction"),
)
_FIND = (
    select(reservations.c.counter, reservations.c.amount)
    .where(*_OWN, reservations.c.state == bindparam("at_state"))
    .order_by(reservations.c.counter)
)
_SPEND = (
    update(reservations)
    .where(*_OWN, reservations.c.counter == bindparam("at_counter"))
    .values(amount=bindparam("amount"), state=bindparam("state"))
)
_DROP = delete(reservations).where(*_OWN, reservations.c.counter == bindparam("at_counter"))
_RAISE = (
    update(counters)
    .where(
        counters.c.name == bindparam("counter"),
        counters.c.value + bindparam("amount") <= bindparam("ceiling"),
    )
    .values(value=counters.c.value + bindparam("amount"))
)
_MOVE = (
    update(counters)
    .where(counters.c.name == bindparam("counter"))
    .values(value=counters.c.value + bindparam("amount"))
)
_VALUE = select(counters.c.value).where(counters.c.name == bindparam("name"))


def find_value(tx: Transaction, name: str) -> int:
    """Return the value of a counter; 0 when nobody raised it."""
    row = tx.one(_VALUE, name=name)
    return row[0] if row is not None and isinstance(row[0], int) else 0


def hold(tx: Transaction, key: StepKey, wanted: Sequence[Reserve]) -> None:
    """Reserve for a key, in place of what it holds already.

    Raises:
        LedgerError: `RESERVE-CONFLICT` when a counter would pass its ceiling.
    """
    release(tx, key)
    for reserve in merge_reserves(wanted):
        tx.insert(insert_once, counters, {"name": reserve.counter, "value": 0})
        raised = tx.run(
            _RAISE, counter=reserve.counter, amount=reserve.amount, ceiling=reserve.ceiling
        )
        if not raised:
            raise LedgerError(
                "RESERVE-CONFLICT",
                f"{key}: {reserve.counter!r} has no room for {reserve.amount} "
                f"within {reserve.ceiling}",
            )
        row: dict[str, Value] = {
            "counter": reserve.counter,
            "amount": reserve.amount,
            "state": HELD,
        }
        tx.insert(insert_new, reservations, {**_place(key), **row})


def release(tx: Transaction, key: StepKey) -> None:
    """Give back what a key holds."""
    _give_back(tx, key, HELD, money_only=False)


def refund(tx: Transaction, key: StepKey) -> None:
    """Give back the money that a key has spent."""
    _give_back(tx, key, SPENT, money_only=True)


def settle(tx: Transaction, key: StepKey, spent: int | None) -> None:
    """Turn what a key holds into what it spent: the actual cost, where it is known and money."""
    for counter, amount in _find(tx, key, HELD):
        actual = spent if spent is not None and counter.endswith(MONEY) else amount
        if actual != amount:
            tx.run(_MOVE, counter=counter, amount=actual - amount)
        tx.run(_SPEND, **_at(key), at_counter=counter, amount=actual, state=SPENT)


def _give_back(tx: Transaction, key: StepKey, state: str, *, money_only: bool) -> None:
    for counter, amount in _find(tx, key, state):
        if money_only and not counter.endswith(MONEY):
            continue
        if not counter.startswith(RATE):
            tx.run(_MOVE, counter=counter, amount=-amount)
        tx.run(_DROP, **_at(key), at_counter=counter)


def _find(tx: Transaction, key: StepKey, state: str) -> Sequence[tuple[str, int]]:
    rows = tx.all(_FIND, **_at(key), at_state=state)
    return [(str(row[0]), row[1] if isinstance(row[1], int) else 0) for row in rows]


def _place(key: StepKey) -> dict[str, str]:
    return {"root": key.root, "path": key.path, "direction": key.direction.value}


def _at(key: StepKey) -> dict[str, str]:
    return {f"at_{name}": value for name, value in _place(key).items()}
