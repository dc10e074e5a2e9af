"""CRM: changes of an account's fields, proposed and made.

Owns what may be set on an account. A change is taken back by writing the previous values
again, so it can be restored from a snapshot that the caller took, and after an answer that
lied. What was proposed is kept beside what was done.
"""

from __future__ import annotations

import sqlite3
from typing import Literal

from pydantic import Field

from .contract import (
    Answer,
    Declaration,
    Email,
    Ident,
    Micros,
    Operations,
    Question,
    Shown,
    Word,
    Work,
)
from .crm import (
    ACCOUNT_CLOSED,
    ACCOUNTS,
    UNKNOWN_ACCOUNT,
    UNKNOWN_PARENT,
    Account,
    BasisPoints,
    Days,
    Segment,
    check_parent,
    open_account,
)
from .refusals import Refusal, RefusedError
from .rows import show, undo
from .table import Table

UNKNOWN_PROPOSAL = Refusal(404, "UNKNOWN_PROPOSAL", "There is no such proposal.")
VERSION_CONFLICT = Refusal(409, "VERSION_CONFLICT", "The account has changed since it was read.")
PROPOSAL_MISMATCH = Refusal(
    409, "PROPOSAL_MISMATCH", "The proposal is withdrawn, or for another account or other fields."
)
PROPOSAL_APPLIED = Refusal(409, "PROPOSAL_APPLIED", "The proposal was applied; restore first.")

FieldValues = dict[str, str | int | None]


class AccountFields(Question):
    """The fields of an account that may be set; a field that is left out stays as it is.

    `discount_bps`, `credit_limit_micros` and `payment_terms_days` are the commercial ones.
    """

    # A factory in place of a default: these are never read when unset, and may not be null.
    name: Word = Field(default_factory=str)
    owner: Email = Field(default_factory=str)
    region: Word = Field(default_factory=str)
    segment: Segment | None = None
    phone: Word | None = None
    parent_account: Ident | None = None
    discount_bps: BasisPoints = Field(default_factory=int)
    credit_limit_micros: Micros = Field(default_factory=int)
    payment_terms_days: Days = Field(default_factory=int)

    @property
    def given(self) -> FieldValues:
        """The fields that the caller named, with their values."""
        return self.model_dump(exclude_unset=True)


class AccountChange(Answer):
    """What a change of fields did."""

    account: Ident
    version: int
    fields: FieldValues
    """The fields as they are now."""
    previous: FieldValues
    """The same fields as they were before: what to restore."""
    changed: bool


class Proposal(Answer):
    """A change that somebody proposed, kept beside what was done."""

    id: Ident
    account: Ident
    proposer: Email
    reason: Word
    fields: FieldValues
    status: Literal["open", "applied", "withdrawn"]


PROPOSALS = Table("proposals", Proposal, "prp", indexes=("account",))
TABLES = (PROPOSALS,)
OPERATIONS = Operations()


class ProposeUpdate(Question):
    """What to change, and why."""

    account: Ident
    proposer: Email
    reason: Word
    fields: AccountFields


class UpdateAccount(Question):
    """Fields to set, at which version, and the proposal that this executes."""

    account: Ident
    fields: AccountFields
    expected_version: int | None = None
    proposal: Ident | None = None


class RestoreAccount(Question):
    """Fields to set back: `previous` of the update, or a snapshot."""

    account: Ident
    fields: AccountFields
    proposal: Ident | None = None


@OPERATIONS.write(
    "crm.propose_update",
    "/crm/accounts/{account}/proposals",
    UNKNOWN_ACCOUNT,
    ACCOUNT_CLOSED,
    undo="crm.withdraw_proposal",
)
def propose_update(work: Work, asked: ProposeUpdate) -> Proposal:
    """Keep a proposed change of an account, without making it."""
    open_account(work, asked.account)
    fields = asked.fields.given
    work.effect("crm.proposal", asked.account, asked.proposer, ",".join(sorted(fields)))
    row = Proposal(
        id=PROPOSALS.new_id(),
        account=asked.account,
        proposer=asked.proposer,
        reason=asked.reason,
        fields=fields,
        status="open",
    )
    return PROPOSALS.insert(work.db, row)


show(
    OPERATIONS,
    PROPOSALS,
    "crm.get_proposal",
    "/crm/proposals/{proposal}",
    UNKNOWN_PROPOSAL,
    "Read a proposal",
)


@undo(
    OPERATIONS,
    PROPOSALS,
    "crm.withdraw_proposal",
    "/crm/proposals/{proposal}/withdraw",
    UNKNOWN_PROPOSAL,
    PROPOSAL_APPLIED,
    status="withdrawn",
)
def withdraw_proposal(work: Work, row: Proposal) -> None:
    """Take a proposal back that is not applied."""
    if row.status == "applied":
        raise RefusedError(PROPOSAL_APPLIED, f"{row.id!r} was applied to {row.account!r}")
    names = ",".join(sorted(row.fields))
    work.effect("crm.proposal", row.account, row.proposer, names, direction="undo")


def _write_fields(
    work: Work, account: Account, values: FieldValues, direction: Literal["do", "undo"]
) -> AccountChange:
    """Set fields; the effect is named by the fields that really change."""
    check_parent(work, values.get("parent_account"))
    before: FieldValues = {name: getattr(account, name) for name in values}
    differing = sorted(name for name in values if values[name] != before[name])
    if differing:
        account = ACCOUNTS.change(work.db, account, **values, version=account.version + 1)
        work.effect("crm.account_fields", account.id, ",".join(differing), direction=direction)
    return AccountChange(
        account=account.id,
        version=account.version,
        fields=values,
        previous=before,
        changed=bool(differing),
    )


@OPERATIONS.declare(
    Declaration(
        "crm.update_account",
        "PATCH",
        "/crm/accounts/{account}",
        (
            UNKNOWN_ACCOUNT,
            ACCOUNT_CLOSED,
            UNKNOWN_PARENT,
            VERSION_CONFLICT,
            UNKNOWN_PROPOSAL,
            PROPOSAL_MISMATCH,
        ),
        writes=True,
        natural=True,
        undo="crm.restore_account",
        remit={
            "compensate": {
                "operation": "crm.restore_account",
                "args": {"account": "${args.account}", "fields": "${output.previous}"},
            },
            "read-back": {
                "operation": "crm.get_account",
                "args": {"account": "${args.account}"},
                "expect": "${args.fields}",
            },
        },
    )
)
def update_account(work: Work, asked: UpdateAccount) -> AccountChange:
    """Set fields of an account."""
    account = open_account(work, asked.account)
    if asked.expected_version not in (None, account.version):
        raise RefusedError(VERSION_CONFLICT, f"{account.id!r} is at version {account.version}")
    if asked.proposal is not None:
        proposal = PROPOSALS.need(work.db, asked.proposal, UNKNOWN_PROPOSAL)
        same = (proposal.account, proposal.fields) == (account.id, asked.fields.given)
        if proposal.status == "withdrawn" or not same:
            raise RefusedError(PROPOSAL_MISMATCH, f"{proposal.id!r} does not propose this")
        PROPOSALS.change(work.db, proposal, status="applied")
    return _write_fields(work, account, asked.fields.given, "do")


@OPERATIONS.declare(
    Declaration(
        "crm.restore_account",
        "POST",
        "/crm/accounts/{account}/restore",
        (UNKNOWN_ACCOUNT, ACCOUNT_CLOSED, UNKNOWN_PARENT),
        writes=True,
        natural=True,
    )
)
def restore_account(work: Work, asked: RestoreAccount) -> AccountChange:
    """Set fields back to what they were, and reopen the proposal that they came from."""
    account = open_account(work, asked.account)
    proposal = PROPOSALS.get(work.db, asked.proposal) if asked.proposal else None
    if proposal is not None and proposal.status == "applied":
        PROPOSALS.change(work.db, proposal, status="open")
    return _write_fields(work, account, asked.fields.given, "undo")


def state(db: sqlite3.Connection) -> Shown:
    """Proposals that stand."""
    standing = [p for p in PROPOSALS.where(db) if p.status != "withdrawn"]
    return {"proposals": {p.id: p.model_dump(mode="json", exclude={"id"}) for p in standing}}
