"""Billing, a part of finance: subscriptions that are active or not.

Owns what a customer account is billed for. Whether the account exists is the CRM's business;
billing asks it, and an account with active billing cannot be closed.
"""

from __future__ import annotations

import sqlite3
from typing import Literal

from .contract import (
    Amount,
    Answer,
    Currency,
    Ident,
    Operations,
    Question,
    Shown,
    Word,
    Work,
)
from .crm import ACCOUNT_CLOSED, UNKNOWN_ACCOUNT, open_account
from .finance import CURRENCY_MISMATCH, same_currency
from .refusals import Refusal
from .rows import show, undo
from .table import Table

UNKNOWN_SUBSCRIPTION = Refusal(404, "UNKNOWN_SUBSCRIPTION", "There is no such subscription.")


class Subscription(Answer):
    """Billing of one plan to one customer account."""

    id: Ident
    account: Ident
    plan: Word
    amount_micros: Amount
    currency: Currency
    status: Literal["active", "deactivated"]


SUBSCRIPTIONS = Table("subscriptions", Subscription, "sub", indexes=("account",))
TABLES = (SUBSCRIPTIONS,)
OPERATIONS = Operations()


class ActivateBilling(Question):
    """Whom to bill, for what, how much."""

    account: Ident
    plan: Word
    amount_micros: Amount
    currency: Currency


@OPERATIONS.write(
    "finance.activate_billing",
    "/finance/subscriptions",
    UNKNOWN_ACCOUNT,
    ACCOUNT_CLOSED,
    CURRENCY_MISMATCH,
    undo="finance.deactivate_billing",
)
def activate_billing(work: Work, asked: ActivateBilling) -> Subscription:
    """Start to bill a customer account."""
    account = open_account(work, asked.account)
    same_currency(asked.currency, account.currency)
    work.effect("finance.subscription", asked.account, asked.plan)
    row = Subscription(id=SUBSCRIPTIONS.new_id(), status="active", **asked.model_dump())
    return SUBSCRIPTIONS.insert(work.db, row)


show(
    OPERATIONS,
    SUBSCRIPTIONS,
    "finance.get_subscription",
    "/finance/subscriptions/{subscription}",
    UNKNOWN_SUBSCRIPTION,
    "Read a subscription",
)


@undo(
    OPERATIONS,
    SUBSCRIPTIONS,
    "finance.deactivate_billing",
    "/finance/subscriptions/{subscription}/deactivate",
    UNKNOWN_SUBSCRIPTION,
    status="deactivated",
)
def deactivate_billing(work: Work, row: Subscription) -> None:
    """Stop to bill a customer account."""
    work.effect("finance.subscription", row.account, row.plan, direction="undo")


def state(db: sqlite3.Connection) -> Shown:
    """Active subscriptions, without their ids."""
    active = SUBSCRIPTIONS.where(db, status="active")
    return {
        "subscriptions": sorted(
            f"{s.account}|{s.plan}: {s.amount_micros} {s.currency}" for s in active
        )
    }
