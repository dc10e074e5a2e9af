"""Analytics: what is put together for a request from elsewhere, and what may be told instead.

Owns extracts, which hold the business fields of a region's accounts and nothing of people, and
their transfers to another region. An aggregate leaves no copy: sums with noise, the same noise for
the same data, so that asking often tells no more than asking once.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from typing import Literal

from .contract import Answer, Ident, Operations, Question, Shown, Word, Work
from .crm import ACCOUNTS, Account
from .refusals import Refusal, RefusedError
from .rows import show, undo
from .table import Table

UNKNOWN_EXTRACT = Refusal(404, "UNKNOWN_EXTRACT", "There is no such extract.")
UNKNOWN_TRANSFER = Refusal(404, "UNKNOWN_TRANSFER", "There is no such transfer.")
EXTRACT_GONE = Refusal(409, "EXTRACT_GONE", "The extract is discarded, or has left already.")
TOO_FEW = Refusal(409, "TOO_FEW", "Of so few accounts an aggregate tells each one.")

FEWEST = 2
_NOISE_PERCENT = 5
_SALT = secrets.token_bytes(32)


class Extract(Answer):
    """A copy of the business fields of a region's accounts, made for one request."""

    id: Ident
    region: Word
    reference: Word
    accounts: int
    content: dict[str, object]
    status: Literal["staged", "transferred", "discarded"]


class Transfer(Answer):
    """An extract as it went to another region."""

    id: Ident
    extract: Ident
    to_region: Word
    kind: Literal["raw"]
    accounts: int
    status: Literal["sent", "recalled"]


class Aggregate(Answer):
    """Sums over a region's accounts, with noise."""

    region: Word
    kind: Literal["aggregate"]
    accounts: int
    credit_limit_micros: int


EXTRACTS = Table("extracts", Extract, "ext", indexes=("reference",))
TRANSFERS = Table("transfers", Transfer, "trf", indexes=("extract",))
TABLES = (EXTRACTS, TRANSFERS)
OPERATIONS = Operations()


class StageExtract(Question):
    """Of which region, for which request."""

    region: Word
    reference: Word


class TransferExtract(Question):
    """Which extract goes where."""

    extract: Ident
    to_region: Word


class AggregateAccounts(Question):
    """Of which region."""

    region: Word


def _open(work: Work, region: str) -> list[Account]:
    return ACCOUNTS.where(work.db, region=region, status="open")


@OPERATIONS.write(
    "analytics.stage_extract", "/analytics/extracts", undo="analytics.discard_extract"
)
def stage_extract(work: Work, asked: StageExtract) -> Extract:
    """Copy the business fields of a region's accounts, in that region."""
    accounts = _open(work, asked.region)
    work.effect("analytics.extract", asked.reference, asked.region)
    row = Extract(
        id=EXTRACTS.new_id(),
        region=asked.region,
        reference=asked.reference,
        accounts=len(accounts),
        content={
            one.id: {"segment": one.segment, "credit_limit_micros": one.credit_limit_micros}
            for one in accounts
        },
        status="staged",
    )
    return EXTRACTS.insert(work.db, row)


show(
    OPERATIONS,
    EXTRACTS,
    "analytics.get_extract",
    "/analytics/extracts/{extract}",
    UNKNOWN_EXTRACT,
    "Read an extract",
)


@undo(
    OPERATIONS,
    EXTRACTS,
    "analytics.discard_extract",
    "/analytics/extracts/{extract}/discard",
    UNKNOWN_EXTRACT,
    EXTRACT_GONE,
    status="discarded",
    content={},
)
def discard_extract(work: Work, row: Extract) -> None:
    """Discard an extract with all that it holds, unless it has left."""
    if row.status == "transferred":
        raise RefusedError(EXTRACT_GONE, f"{row.id!r} has left; recall it first")
    work.effect("analytics.extract", row.reference, row.region, direction="undo")


@OPERATIONS.write(
    "analytics.transfer_extract",
    "/analytics/transfers",
    UNKNOWN_EXTRACT,
    EXTRACT_GONE,
    undo="analytics.recall_transfer",
)
def transfer_extract(work: Work, asked: TransferExtract) -> Transfer:
    """Send an extract to another region; no copy stays."""
    extract = EXTRACTS.need(work.db, asked.extract, UNKNOWN_EXTRACT)
    if extract.status != "staged":
        raise RefusedError(EXTRACT_GONE, f"{extract.id!r} is {extract.status}")
    work.effect("analytics.transfer", extract.reference, asked.to_region)
    EXTRACTS.change(work.db, extract, status="transferred")
    row = Transfer(
        id=TRANSFERS.new_id(),
        extract=extract.id,
        to_region=asked.to_region,
        kind="raw",
        accounts=extract.accounts,
        status="sent",
    )
    return TRANSFERS.insert(work.db, row)


show(
    OPERATIONS,
    TRANSFERS,
    "analytics.get_transfer",
    "/analytics/transfers/{transfer}",
    UNKNOWN_TRANSFER,
    "Read a transfer",
)


@undo(
    OPERATIONS,
    TRANSFERS,
    "analytics.recall_transfer",
    "/analytics/transfers/{transfer}/recall",
    UNKNOWN_TRANSFER,
    status="recalled",
)
def recall_transfer(work: Work, row: Transfer) -> None:
    """Have a transfer destroyed where it went; the extract is here again."""
    extract = EXTRACTS.need(work.db, row.extract, UNKNOWN_TRANSFER)
    EXTRACTS.change(work.db, extract, status="staged")
    work.effect("analytics.transfer", extract.reference, row.to_region, direction="undo")


@OPERATIONS.read("analytics.aggregate_accounts", "/analytics/aggregates", TOO_FEW)
def aggregate_accounts(work: Work, asked: AggregateAccounts) -> Aggregate:
    """Sum up a region's accounts, with noise."""
    accounts = _open(work, asked.region)
    if len(accounts) < FEWEST:
        raise RefusedError(TOO_FEW, f"fewer than {FEWEST} accounts in {asked.region!r}")
    total = sum(one.credit_limit_micros for one in accounts)
    data = "\n".join(f"{one.id} {one.credit_limit_micros}" for one in accounts)
    digest = hashlib.sha256(_SALT + data.encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**63 - 1
    return Aggregate(
        region=asked.region,
        kind="aggregate",
        accounts=len(accounts),
        credit_limit_micros=int(total * (1 + share * _NOISE_PERCENT / 100)),
    )


def state(db: sqlite3.Connection) -> Shown:
    """Extracts that are here, and transfers that have left, without their ids."""
    staged = EXTRACTS.where(db, status="staged")
    sent = TRANSFERS.where(db, status="sent")
    return {
        "extracts": sorted(f"{e.region}|{e.reference}: {e.accounts}" for e in staged),
        "transfers": sorted(f"{t.to_region}: {t.accounts}" for t in sent),
    }
