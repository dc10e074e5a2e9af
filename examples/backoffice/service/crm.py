"""CRM: customer accounts and the data loaded for them.

Owns the account record from its creation to its closing; how its fields change is in
`crm_fields.py`. An account is closed only when nothing hangs on it any more, so an undo that
does not go in reverse order is refused.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Annotated, Literal

from pydantic import Field

from .contract import (
    EMAIL,
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

UNKNOWN_ACCOUNT = Refusal(404, "UNKNOWN_ACCOUNT", "There is no such customer account.")
UNKNOWN_DATASET = Refusal(404, "UNKNOWN_DATASET", "There is no such data set.")
UNKNOWN_PARENT = Refusal(409, "UNKNOWN_PARENT", "The parent account is not one of ours.")
ACCOUNT_CLOSED = Refusal(409, "ACCOUNT_CLOSED", "The account is closed.")
ACCOUNT_IN_USE = Refusal(
    409, "ACCOUNT_IN_USE", "The account still has data, access or billing; undo those first."
)
Segment = Literal["startup", "mid_market", "enterprise"]
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
Days = Annotated[int, Field(ge=0, le=365)]


class Account(Answer):
    """A customer account."""

    id: Ident
    reference: Word
    name: Word
    owner: Email
    region: Word
    segment: Segment | None
    phone: Word | None
    parent_account: Ident | None
    currency: Currency
    discount_bps: BasisPoints
    credit_limit_micros: Micros
    payment_terms_days: Days
    version: int
    """Counts the changes of fields."""
    status: Literal["open", "closed"]


class Accounts(Answer):
    """Accounts that match a query, oldest first."""

    accounts: list[Account]


class Row(Question):
    """One contact of a data set."""

    email: Word
    name: Word


class Dataset(Answer):
    """Contacts loaded for an account. Rows without a usable address are counted, not loaded."""

    id: Ident
    account: Ident
    name: Word
    accepted: int
    rejected: int
    status: Literal["loaded", "removed"]


ACCOUNTS = Table("accounts", Account, "acc", indexes=("reference",))
DATASETS = Table("datasets", Dataset, "dat", indexes=("account",))
TABLES = (ACCOUNTS, DATASETS)
OPERATIONS = Operations()


class FindAccounts(Question):
    """The reference under which accounts were created."""

    reference: Word


class CreateAccount(Question):
    """A new customer."""

    reference: Word
    name: Word
    owner: Email
    region: Word
    currency: Currency
    segment: Segment | None = None
    phone: Word | None = None
    parent_account: Ident | None = None


class LoadData(Question):
    """First contacts of an account."""

    account: Ident
    name: Word
    rows: Annotated[list[Row], Field(max_length=1000)]


def open_account(work: Work, account: str) -> Account:
    """Return an account that is open, or refuse."""
    row = ACCOUNTS.need(work.db, account, UNKNOWN_ACCOUNT)
    if row.status != "open":
        raise RefusedError(ACCOUNT_CLOSED, f"{account!r} is closed")
    return row


def check_parent(work: Work, parent: str | int | None) -> None:
    """Refuse a parent account that does not exist."""
    if parent is not None and ACCOUNTS.get(work.db, str(parent)) is None:
        raise RefusedError(UNKNOWN_PARENT, f"{parent!r} is not one of our accounts")


show(
    OPERATIONS,
    ACCOUNTS,
    "crm.get_account",
    "/crm/accounts/{account}",
    UNKNOWN_ACCOUNT,
    "Read an account",
)


@OPERATIONS.read("crm.find_accounts", "/crm/accounts")
def find_accounts(work: Work, asked: FindAccounts) -> Accounts:
    """Find accounts by their reference; an empty list means that none was created."""
    return Accounts(accounts=ACCOUNTS.where(work.db, reference=asked.reference))


@OPERATIONS.write("crm.create_account", "/crm/accounts", UNKNOWN_PARENT, undo="crm.close_account")
def create_account(work: Work, asked: CreateAccount) -> Account:
    """Create a customer account."""
    check_parent(work, asked.parent_account)
    work.effect("crm.account", asked.reference)
    row = Account(
        id=ACCOUNTS.new_id(),
        discount_bps=0,
        credit_limit_micros=0,
        payment_terms_days=30,
        version=1,
        status="open",
        **asked.model_dump(),
    )
    return ACCOUNTS.insert(work.db, row)


def _uses(work: Work, account: str) -> list[str]:
    """Tables in which an account is used; by name, for the CRM must not import those areas."""
    asked = (
        ("datasets", "loaded"),
        ("grants", "active"),
        ("subscriptions", "active"),
    )
    sql = "SELECT count(*) FROM {} WHERE account = ? AND status = ?"
    return [
        table
        for table, status in asked
        if work.db.execute(sql.format(table), (account, status)).fetchone()[0]
    ]


@undo(
    OPERATIONS,
    ACCOUNTS,
    "crm.close_account",
    "/crm/accounts/{account}/close",
    UNKNOWN_ACCOUNT,
    ACCOUNT_IN_USE,
    status="closed",
)
def close_account(work: Work, row: Account) -> None:
    """Close an account that nothing hangs on any more."""
    if uses := _uses(work, row.id):
        raise RefusedError(ACCOUNT_IN_USE, f"{row.id!r} still has {', '.join(uses)}")
    work.effect("crm.account", row.reference, direction="undo")


@OPERATIONS.write(
    "crm.load_data",
    "/crm/accounts/{account}/datasets",
    UNKNOWN_ACCOUNT,
    ACCOUNT_CLOSED,
    undo="crm.remove_data",
)
def load_data(work: Work, asked: LoadData) -> Dataset:
    """Load contacts into an account and say how many were fit for it."""
    open_account(work, asked.account)
    accepted = sum(bool(re.fullmatch(EMAIL, row.email)) for row in asked.rows)
    work.effect("crm.dataset", asked.account, asked.name)
    row = Dataset(
        id=DATASETS.new_id(),
        account=asked.account,
        name=asked.name,
        accepted=accepted,
        rejected=len(asked.rows) - accepted,
        status="loaded",
    )
    return DATASETS.insert(work.db, row)


show(
    OPERATIONS,
    DATASETS,
    "crm.get_dataset",
    "/crm/datasets/{dataset}",
    UNKNOWN_DATASET,
    "Read what is known of a data set",
)


@undo(
    OPERATIONS,
    DATASETS,
    "crm.remove_data",
    "/crm/datasets/{dataset}/remove",
    UNKNOWN_DATASET,
    status="removed",
)
def remove_data(work: Work, row: Dataset) -> None:
    """Remove a data set."""
    work.effect("crm.dataset", row.account, row.name, direction="undo")


def seed(db: sqlite3.Connection) -> None:
    """Three open accounts."""
    for number, name, region, segment, discount in (
        (1001, "Nordwind Handels AG", "eu", "enterprise", 500),
        (1002, "Blue Harbor Ltd", "eu", "mid_market", 0),
        (1003, "Cactus Robotics Inc", "us", "startup", 250),
    ):
        values = {
            "id": f"acc-{number}",
            "reference": f"seed-{number}",
            "name": name,
            "owner": "account-owner@acme.example",
            "region": region,
            "segment": segment,
            "phone": "+49 30 1234567",
            "parent_account": None,
            "currency": "EUR" if region == "eu" else "USD",
            "discount_bps": discount,
            "credit_limit_micros": 50_000_000_000,
            "payment_terms_days": 30,
            "version": 1,
            "status": "open",
        }
        ACCOUNTS.insert(db, Account.model_validate(values))


def state(db: sqlite3.Connection) -> Shown:
    """Open accounts with their fields, and loaded data."""
    hidden = {"status", "version"}
    loaded = DATASETS.where(db, status="loaded")
    return {
        "accounts": {
            a.id: a.model_dump(mode="json", exclude=hidden)
            for a in ACCOUNTS.where(db, status="open")
        },
        "datasets": sorted(f"{d.account}|{d.name}: {d.accepted}" for d in loaded),
    }
