"""ERP: suppliers, their quotes and confirmations, and orders.

Owns orders. Two requests with different keys make two orders even when they mean the same
purchase, as in life; the journal shows it, because it counts by business identity.
"""

from __future__ import annotations

import hashlib
import sqlite3
from typing import Annotated, Literal

from pydantic import Field

from .contract import (
    Amount,
    Answer,
    Currency,
    Email,
    Ident,
    Operations,
    Question,
    Shown,
    Word,
    Work,
)
from .finance import CURRENCY_MISMATCH, same_currency
from .refusals import Refusal, RefusedError
from .rows import show, undo
from .table import Table

UNKNOWN_SUPPLIER = Refusal(404, "UNKNOWN_SUPPLIER", "There is no such supplier.")
UNKNOWN_ITEM = Refusal(404, "UNKNOWN_ITEM", "The supplier does not offer that item.")
UNKNOWN_ORDER = Refusal(404, "UNKNOWN_ORDER", "There is no such order.")
UNKNOWN_CONFIRMATION = Refusal(404, "UNKNOWN_CONFIRMATION", "There is no such confirmation.")
SUPPLIER_BLOCKED = Refusal(409, "SUPPLIER_BLOCKED", "The supplier may not receive orders.")
ORDER_NOT_PLACED = Refusal(
    409, "ORDER_NOT_PLACED", "The order is cancelled, confirmed, or with another supplier."
)
ORDER_CONFIRMED = Refusal(
    409, "ORDER_CONFIRMED", "The supplier has confirmed the order; withdraw that first."
)

Quantity = Annotated[int, Field(ge=1, le=10_000)]


class Supplier(Answer):
    """Somebody to buy from, with a price list in one currency."""

    id: Ident
    name: Word
    region: Word
    currency: Currency
    prices: dict[str, int]
    """Micros per piece, by item."""
    status: Literal["approved", "blocked"]


class Quote(Answer):
    """A price; asking for it binds nobody and keeps nothing."""

    id: Ident
    supplier: Ident
    item: Word
    quantity: Quantity
    unit_micros: Amount
    total_micros: Amount
    currency: Currency


class Order(Answer):
    """A purchase order."""

    id: Ident
    supplier: Ident
    total_micros: Amount
    currency: Currency
    requester: Email
    reference: Word
    item: Word
    quantity: Quantity
    status: Literal["placed", "confirmed", "cancelled"]


class Orders(Answer):
    """Orders that match a query, oldest first."""

    orders: list[Order]


class Confirmation(Answer):
    """A supplier's word that an order will be delivered."""

    id: Ident
    order: Ident
    supplier: Ident
    status: Literal["confirmed", "withdrawn"]


SUPPLIERS = Table("suppliers", Supplier, "sup")
ORDERS = Table("orders", Order, "ord", indexes=("reference",))
CONFIRMATIONS = Table("confirmations", Confirmation, "cnf")
TABLES = (SUPPLIERS, ORDERS, CONFIRMATIONS)
OPERATIONS = Operations()


class GetQuote(Question):
    """What to price."""

    supplier: Ident
    item: Word = "laptop"
    quantity: Quantity = 1


class PlaceOrder(Question):
    """What to buy; requester, supplier and reference name the purchase."""

    supplier: Ident
    total_micros: Amount
    currency: Currency
    requester: Email
    reference: Word
    item: Word = "laptop"
    quantity: Quantity = 1


class FindOrders(Question):
    """Which purchase."""

    requester: Email
    supplier: Ident
    reference: Word


class ConfirmOrder(Question):
    """Which order the supplier confirms."""

    supplier: Ident
    order: Ident


@OPERATIONS.read(
    "supplier.get_quote", "/suppliers/{supplier}/quote", UNKNOWN_SUPPLIER, UNKNOWN_ITEM
)
def get_quote(work: Work, asked: GetQuote) -> Quote:
    """Ask a supplier for a price."""
    supplier = SUPPLIERS.need(work.db, asked.supplier, UNKNOWN_SUPPLIER)
    unit = supplier.prices.get(asked.item)
    if unit is None:
        raise RefusedError(UNKNOWN_ITEM, f"{asked.supplier!r} offers {sorted(supplier.prices)}")
    named = f"{supplier.id}|{asked.item}|{asked.quantity}|{unit}"
    return Quote(
        id=f"quo-{hashlib.sha256(named.encode()).hexdigest()[:12]}",
        supplier=supplier.id,
        item=asked.item,
        quantity=asked.quantity,
        unit_micros=unit,
        total_micros=unit * asked.quantity,
        currency=supplier.currency,
    )


@OPERATIONS.write(
    "erp.place_order",
    "/erp/orders",
    UNKNOWN_SUPPLIER,
    SUPPLIER_BLOCKED,
    CURRENCY_MISMATCH,
    undo="erp.cancel_order",
    remit={
        "operation": "spend",
        "cost": {
            "micros_argument": "/total_micros",
            "currency_argument": "/currency",
            "actual_output": "/total_micros",
        },
    },
)
def place_order(work: Work, asked: PlaceOrder) -> Order:
    """Place a purchase order."""
    supplier = SUPPLIERS.need(work.db, asked.supplier, UNKNOWN_SUPPLIER)
    if supplier.status == "blocked":
        raise RefusedError(SUPPLIER_BLOCKED, f"{supplier.id!r} is blocked")
    same_currency(asked.currency, supplier.currency)
    work.effect("erp.order", asked.requester, asked.supplier, asked.reference)
    return ORDERS.insert(work.db, Order(id=ORDERS.new_id(), status="placed", **asked.model_dump()))


show(OPERATIONS, ORDERS, "erp.get_order", "/erp/orders/{order}", UNKNOWN_ORDER, "Read an order")


@OPERATIONS.read("erp.find_orders", "/erp/orders")
def find_orders(work: Work, asked: FindOrders) -> Orders:
    """Find the orders of a purchase; an empty list means that none was placed."""
    return Orders(orders=ORDERS.where(work.db, **asked.model_dump()))


@undo(
    OPERATIONS,
    ORDERS,
    "erp.cancel_order",
    "/erp/orders/{order}/cancel",
    UNKNOWN_ORDER,
    ORDER_CONFIRMED,
    status="cancelled",
)
def cancel_order(work: Work, row: Order) -> None:
    """Cancel an order that is not confirmed."""
    if row.status == "confirmed":
        raise RefusedError(ORDER_CONFIRMED, f"{row.id!r} is confirmed by {row.supplier!r}")
    work.effect("erp.order", row.requester, row.supplier, row.reference, direction="undo")


@OPERATIONS.write(
    "supplier.confirm_order",
    "/suppliers/{supplier}/confirmations",
    UNKNOWN_ORDER,
    ORDER_NOT_PLACED,
    undo="supplier.withdraw_confirmation",
    remit={
        "operation": "trigger",
        "read-back": {
            "operation": "supplier.get_confirmation",
            "args": {"confirmation": "${output.id}"},
            "expect": {"order": "${args.order}", "status": "${output.status}"},
        },
    },
)
def confirm_order(work: Work, asked: ConfirmOrder) -> Confirmation:
    """Have the supplier confirm an order."""
    order = ORDERS.need(work.db, asked.order, UNKNOWN_ORDER)
    if order.status != "placed" or order.supplier != asked.supplier:
        raise RefusedError(
            ORDER_NOT_PLACED, f"{order.id!r} is {order.status} with {order.supplier!r}"
        )
    ORDERS.change(work.db, order, status="confirmed")
    work.effect("supplier.confirmation", order.requester, order.supplier, order.reference)
    row = Confirmation(id=CONFIRMATIONS.new_id(), status="confirmed", **asked.model_dump())
    return CONFIRMATIONS.insert(work.db, row)


show(
    OPERATIONS,
    CONFIRMATIONS,
    "supplier.get_confirmation",
    "/suppliers/confirmations/{confirmation}",
    UNKNOWN_CONFIRMATION,
    "Read a confirmation",
)


@undo(
    OPERATIONS,
    CONFIRMATIONS,
    "supplier.withdraw_confirmation",
    "/suppliers/confirmations/{confirmation}/withdraw",
    UNKNOWN_CONFIRMATION,
    status="withdrawn",
)
def withdraw_confirmation(work: Work, row: Confirmation) -> None:
    """Have the supplier withdraw a confirmation; the order is open to be cancelled again."""
    order = ORDERS.need(work.db, row.order, UNKNOWN_ORDER)
    ORDERS.change(work.db, order, status="placed")
    named = (order.requester, order.supplier, order.reference)
    work.effect("supplier.confirmation", *named, direction="undo")


def seed(db: sqlite3.Connection) -> None:
    """Three suppliers, one of them blocked."""
    laptops = {"laptop": 1_400_000_000, "monitor": 320_000_000}
    for number, name, region, currency, status in (
        (7, "Kabel & Co", "eu", "EUR", "approved"),
        (8, "Pacific Parts", "us", "USD", "approved"),
        (9, "Shady Traders", "eu", "EUR", "blocked"),
    ):
        values = {
            "id": f"sup-{number}",
            "name": name,
            "region": region,
            "currency": currency,
            "prices": laptops,
            "status": status,
        }
        SUPPLIERS.insert(db, Supplier.model_validate(values))


def state(db: sqlite3.Connection) -> Shown:
    """Orders that are not cancelled, without their ids."""
    standing = [o for o in ORDERS.where(db) if o.status != "cancelled"]
    return {
        "orders": sorted(
            f"{o.requester}|{o.supplier}|{o.reference}: {o.total_micros} {o.currency} {o.status}"
            for o in standing
        )
    }
