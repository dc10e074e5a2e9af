"""Finance: budgets, their reservations, and ledger entries.

Owns the money. Amounts are integer micros with a currency; an amount in another currency is
refused, never converted. An entry is reversed, never deleted.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Literal

from .contract import (
    Amount,
    Answer,
    Currency,
    Email,
    Ident,
    Micros,
    Operations,
    Question,
    Shown,
    Word,
    Work,
)
from .refusals import Refusal, RefusedError
from .rows import show, undo
from .table import Table

UNKNOWN_BUDGET = Refusal(404, "UNKNOWN_BUDGET", "There is no such budget.")
UNKNOWN_RESERVATION = Refusal(404, "UNKNOWN_RESERVATION", "There is no such reservation.")
UNKNOWN_ENTRY = Refusal(404, "UNKNOWN_ENTRY", "There is no such ledger entry.")
UNKNOWN_LEDGER_ACCOUNT = Refusal(
    404, "UNKNOWN_LEDGER_ACCOUNT", "There is no such account in the chart of accounts."
)
BUDGET_EXCEEDED = Refusal(409, "BUDGET_EXCEEDED", "The budget has less than that available.")
CURRENCY_MISMATCH = Refusal(409, "CURRENCY_MISMATCH", "The amount is in another currency.")
RESERVATION_NOT_HELD = Refusal(
    409, "RESERVATION_NOT_HELD", "The reservation is released, or consumed by a ledger entry."
)
RESERVATION_TOO_SMALL = Refusal(
    409, "RESERVATION_TOO_SMALL", "The entry is larger than the reservation it consumes."
)


class Budget(Answer):
    """A sum that may be spent; what is available is the limit less reserved and spent."""

    id: Ident
    owner: Email
    currency: Currency
    limit_micros: Micros
    reserved_micros: Micros
    spent_micros: Micros
    available_micros: Micros


class Reservation(Answer):
    """A part of a budget held for one purpose."""

    id: Ident
    budget: Ident
    amount_micros: Amount
    currency: Currency
    requester: Email
    reference: Word
    status: Literal["held", "released", "consumed"]


class Reservations(Answer):
    """Reservations that match a query, oldest first."""

    reservations: list[Reservation]


class Entry(Answer):
    """A ledger entry: one amount from `credit` to `debit`."""

    id: Ident
    reference: Word
    debit: Ident
    credit: Ident
    amount_micros: Amount
    currency: Currency
    reservation: Ident | None
    status: Literal["posted", "reversed"]


BUDGETS = Table("budgets", Budget, "bud")
RESERVATIONS = Table("reservations", Reservation, "res", indexes=("reference",))
ENTRIES = Table("entries", Entry, "ent", indexes=("reference",))
TABLES = (BUDGETS, RESERVATIONS, ENTRIES)
CHART = {"6400-equipment", "6800-services", "2000-payables", "1000-cash"}


OPERATIONS = Operations()


class ReserveBudget(Question):
    """How much to hold, and what for."""

    budget: Ident
    amount_micros: Amount
    currency: Currency
    requester: Email
    reference: Word


class FindReservations(Question):
    """Whose reservations."""

    requester: Email
    reference: Word


class PostEntry(Question):
    """What to post; with `reservation` it turns reserved money into spent money."""

    reference: Word
    debit: Ident
    credit: Ident
    amount_micros: Amount
    currency: Currency
    reservation: Ident | None = None


show(
    OPERATIONS,
    BUDGETS,
    "finance.get_budget",
    "/finance/budgets/{budget}",
    UNKNOWN_BUDGET,
    "Read a budget and what is available in it",
)


def _move(work: Work, budget: Budget, reserved: int = 0, spent: int = 0) -> None:
    """Move money inside a budget; a negative availability is refused."""
    available = budget.available_micros - reserved - spent
    if available < 0:
        raise RefusedError(
            BUDGET_EXCEEDED,
            f"{budget.id!r} has {budget.available_micros} micros {budget.currency} available",
        )
    BUDGETS.change(
        work.db,
        budget,
        reserved_micros=budget.reserved_micros + reserved,
        spent_micros=budget.spent_micros + spent,
        available_micros=available,
    )


def same_currency(asked: str, kept: str) -> None:
    """Refuse an amount in another currency than the one kept."""
    if asked != kept:
        raise RefusedError(CURRENCY_MISMATCH, f"asked in {asked}, kept in {kept}")


@OPERATIONS.write(
    "finance.reserve_budget",
    "/finance/reservations",
    UNKNOWN_BUDGET,
    CURRENCY_MISMATCH,
    BUDGET_EXCEEDED,
    undo="finance.release_budget",
)
def reserve_budget(work: Work, asked: ReserveBudget) -> Reservation:
    """Hold a part of a budget."""
    budget = BUDGETS.need(work.db, asked.budget, UNKNOWN_BUDGET)
    same_currency(asked.currency, budget.currency)
    _move(work, budget, reserved=asked.amount_micros)
    work.effect("finance.reservation", asked.requester, asked.budget, asked.reference)
    row = Reservation(id=RESERVATIONS.new_id(), status="held", **asked.model_dump())
    return RESERVATIONS.insert(work.db, row)


show(
    OPERATIONS,
    RESERVATIONS,
    "finance.get_reservation",
    "/finance/reservations/{reservation}",
    UNKNOWN_RESERVATION,
    "Read a reservation",
)


@OPERATIONS.read("finance.find_reservations", "/finance/reservations")
def find_reservations(work: Work, asked: FindReservations) -> Reservations:
    """Find reservations by their purpose; an empty list means that none was made."""
    return Reservations(reservations=RESERVATIONS.where(work.db, **asked.model_dump()))


@undo(
    OPERATIONS,
    RESERVATIONS,
    "finance.release_budget",
    "/finance/reservations/{reservation}/release",
    UNKNOWN_RESERVATION,
    RESERVATION_NOT_HELD,
    status="released",
)
def release_budget(work: Work, row: Reservation) -> None:
    """Give a reservation back."""
    if row.status == "consumed":
        raise RefusedError(RESERVATION_NOT_HELD, f"{row.id!r} is consumed: reverse its entry first")
    budget = BUDGETS.need(work.db, row.budget, UNKNOWN_BUDGET)
    _move(work, budget, reserved=-row.amount_micros)
    work.effect("finance.reservation", row.requester, row.budget, row.reference, direction="undo")


def _consume(work: Work, asked: PostEntry, reservation: str) -> None:
    """Turn the reserved money of an entry into spent money."""
    row = RESERVATIONS.need(work.db, reservation, UNKNOWN_RESERVATION)
    same_currency(asked.currency, row.currency)
    if row.status != "held":
        raise RefusedError(RESERVATION_NOT_HELD, f"{row.id!r} is {row.status}")
    if asked.amount_micros > row.amount_micros:
        raise RefusedError(RESERVATION_TOO_SMALL, f"{row.id!r} holds {row.amount_micros} micros")
    budget = BUDGETS.need(work.db, row.budget, UNKNOWN_BUDGET)
    # The rest stays reserved while the entry stands: given back here, somebody else could
    # take it, and reversing the entry would no longer fit into the budget.
    _move(work, budget, reserved=-asked.amount_micros, spent=asked.amount_micros)
    RESERVATIONS.change(work.db, row, status="consumed")


@OPERATIONS.write(
    "finance.post_entry",
    "/finance/entries",
    UNKNOWN_LEDGER_ACCOUNT,
    UNKNOWN_RESERVATION,
    CURRENCY_MISMATCH,
    RESERVATION_NOT_HELD,
    RESERVATION_TOO_SMALL,
    undo="finance.reverse_entry",
)
def post_entry(work: Work, asked: PostEntry) -> Entry:
    """Post a ledger entry; with a reservation, spend what was reserved."""
    for account in (asked.debit, asked.credit):
        if account not in CHART:
            raise RefusedError(UNKNOWN_LEDGER_ACCOUNT, f"{account!r} is not one of {sorted(CHART)}")
    if asked.reservation is not None:
        _consume(work, asked, asked.reservation)
    work.effect("finance.entry", asked.reference, asked.debit, asked.credit)
    row = Entry(id=ENTRIES.new_id(), status="posted", **asked.model_dump())
    return ENTRIES.insert(work.db, row)


show(
    OPERATIONS,
    ENTRIES,
    "finance.get_entry",
    "/finance/entries/{entry}",
    UNKNOWN_ENTRY,
    "Read a ledger entry",
)


@undo(
    OPERATIONS,
    ENTRIES,
    "finance.reverse_entry",
    "/finance/entries/{entry}/reverse",
    UNKNOWN_ENTRY,
    status="reversed",
)
def reverse_entry(work: Work, row: Entry) -> None:
    """Reverse a ledger entry; money it had spent is reserved again."""
    if row.reservation is not None:
        held = RESERVATIONS.need(work.db, row.reservation, UNKNOWN_RESERVATION)
        budget = BUDGETS.need(work.db, held.budget, UNKNOWN_BUDGET)
        _move(work, budget, reserved=row.amount_micros, spent=-row.amount_micros)
        RESERVATIONS.change(work.db, held, status="held")
    work.effect("finance.entry", row.reference, row.debit, row.credit, direction="undo")


def seed(db: sqlite3.Connection) -> None:
    """Two budgets in EUR and one in USD, untouched."""
    for name, owner, currency, limit in (
        ("workplace", "budget-holder@acme.example", "EUR", 20_000_000_000),
        ("marketing", "budget-holder@acme.example", "EUR", 1_000_000_000),
        ("us-office", "us-holder@acme.example", "USD", 5_000_000_000),
    ):
        untouched = Budget(
            id=name,
            owner=owner,
            currency=currency,
            limit_micros=limit,
            reserved_micros=0,
            spent_micros=0,
            available_micros=limit,
        )
        BUDGETS.insert(db, untouched)


def state(db: sqlite3.Connection) -> Shown:
    """Budgets, held reservations without their ids, and ledger balances that are not zero."""
    balances: Counter[str] = Counter()
    for entry in ENTRIES.where(db, status="posted"):
        balances[f"{entry.debit} {entry.currency}"] += entry.amount_micros
        balances[f"{entry.credit} {entry.currency}"] -= entry.amount_micros
    held = [r for r in RESERVATIONS.where(db) if r.status != "released"]
    return {
        "budgets": {b.id: b.model_dump(mode="json") for b in BUDGETS.where(db)},
        "reservations": sorted(
            f"{r.requester}|{r.budget}|{r.reference}: {r.amount_micros} {r.status}" for r in held
        ),
        "balances": {account: value for account, value in sorted(balances.items()) if value},
    }
