"""Identity: who has access to which system.

Owns access grants. Providing access that somebody already has gives the standing grant back
and has no effect: access is a set, so this operation is safe to repeat even without a key.
"""

from __future__ import annotations

import sqlite3
from typing import Literal

from .contract import (
    Answer,
    Declaration,
    Email,
    Ident,
    Operations,
    Question,
    Shown,
    Work,
)
from .crm import ACCOUNT_CLOSED, UNKNOWN_ACCOUNT, open_account
from .refusals import Refusal, RefusedError
from .rows import show, undo
from .table import Table

UNKNOWN_SYSTEM = Refusal(404, "UNKNOWN_SYSTEM", "There is no such system.")
UNKNOWN_GRANT = Refusal(404, "UNKNOWN_GRANT", "There is no such access grant.")

SYSTEMS = {"crm", "warehouse", "portal"}
Role = Literal["reader", "member", "admin"]


class Grant(Answer):
    """Access of one person to one system in one role, for one customer account or for none."""

    id: Ident
    subject: Email
    system: Ident
    role: Role
    account: Ident | None
    status: Literal["active", "revoked"]


class Grants(Answer):
    """Active grants of a person, oldest first."""

    grants: list[Grant]


GRANTS = Table("grants", Grant, "grt", indexes=("subject", "account"))
TABLES = (GRANTS,)
OPERATIONS = Operations()


class ProvisionAccess(Question):
    """Who gets which access. The role `admin` is the high privilege."""

    subject: Email
    system: Ident
    role: Role
    account: Ident | None = None


class FindGrants(Question):
    """Whose grants."""

    subject: Email


def _named(grant: Grant) -> tuple[str, str, str, str]:
    """The business identity of a grant."""
    return grant.subject, grant.system, grant.role, grant.account or ""


@OPERATIONS.declare(
    Declaration(
        "identity.provision_access",
        "POST",
        "/identity/grants",
        (UNKNOWN_SYSTEM, UNKNOWN_ACCOUNT, ACCOUNT_CLOSED),
        created=True,
        writes=True,
        natural=True,
        undo="identity.revoke_access",
    )
)
def provision_access(work: Work, asked: ProvisionAccess) -> Grant:
    """Give a person access to a system."""
    if asked.system not in SYSTEMS:
        raise RefusedError(UNKNOWN_SYSTEM, f"{asked.system!r} is not one of {sorted(SYSTEMS)}")
    if asked.account is not None:
        open_account(work, asked.account)
    wanted = Grant(id=GRANTS.new_id(), status="active", **asked.model_dump())
    for standing in GRANTS.where(work.db, subject=asked.subject, status="active"):
        if _named(standing) == _named(wanted):
            return standing
    work.effect("identity.access", *_named(wanted))
    return GRANTS.insert(work.db, wanted)


show(
    OPERATIONS,
    GRANTS,
    "identity.get_access",
    "/identity/grants/{grant}",
    UNKNOWN_GRANT,
    "Read an access grant",
)


@OPERATIONS.read("identity.find_access", "/identity/grants")
def find_access(work: Work, asked: FindGrants) -> Grants:
    """Find the active grants of a person."""
    return Grants(grants=GRANTS.where(work.db, subject=asked.subject, status="active"))


@undo(
    OPERATIONS,
    GRANTS,
    "identity.revoke_access",
    "/identity/grants/{grant}/revoke",
    UNKNOWN_GRANT,
    status="revoked",
)
def revoke_access(work: Work, row: Grant) -> None:
    """Take access away."""
    work.effect("identity.access", *_named(row), direction="undo")


def seed(db: sqlite3.Connection) -> None:
    """One standing grant."""
    row = Grant(
        id="grt-1",
        subject="account-owner@acme.example",
        system="crm",
        role="member",
        account=None,
        status="active",
    )
    GRANTS.insert(db, row)


def state(db: sqlite3.Connection) -> Shown:
    """Active grants, without their ids."""
    return {"grants": sorted("|".join(_named(g)) for g in GRANTS.where(db, status="active"))}
