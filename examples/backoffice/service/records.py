"""ERP records: an archive copy can be made and discarded; a deletion is for good.

Owns the master data records. A record is deleted only against an archive copy that is kept,
and such a copy cannot be discarded any more: it is the only one left.
"""

from __future__ import annotations

import hashlib
import json
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
    Word,
    Work,
)
from .refusals import Refusal, RefusedError
from .rows import show, undo
from .table import Table

UNKNOWN_RECORD = Refusal(404, "UNKNOWN_RECORD", "There is no such record.")
UNKNOWN_ARCHIVE = Refusal(404, "UNKNOWN_ARCHIVE", "There is no such archive copy.")
RECORD_DELETED = Refusal(409, "RECORD_DELETED", "The record is deleted.")
ARCHIVE_MISSING = Refusal(
    409, "ARCHIVE_MISSING", "The archive copy is discarded, or of another record."
)
ARCHIVE_IN_USE = Refusal(409, "ARCHIVE_IN_USE", "The record is deleted; this is the only copy.")

Content = dict[str, str | int | None]


class Record(Answer):
    """A master data record; after its deletion only the tombstone is left."""

    id: Ident
    title: Word
    owner: Email
    content: Content
    status: Literal["live", "deleted"]


class Archive(Answer):
    """A copy of a record."""

    id: Ident
    record: Ident
    sha256: str
    """Of the record's content as JSON with sorted keys."""
    content: Content
    status: Literal["kept", "discarded"]


class Deletion(Answer):
    """What a deletion did."""

    record: Ident
    archive: Ident
    status: Literal["deleted"]
    changed: bool
    """False when the record was already deleted: the call had no effect."""


RECORDS = Table("records", Record, "rec")
ARCHIVES = Table("archives", Archive, "arc", indexes=("record",))
TABLES = (RECORDS, ARCHIVES)
OPERATIONS = Operations()


class ArchiveRecord(Question):
    """Which record to copy."""

    record: Ident


class DeleteRecord(Question):
    """Which record to delete, and the archive copy that stays."""

    record: Ident
    archive: Ident


show(
    OPERATIONS,
    RECORDS,
    "erp.get_record",
    "/erp/records/{record}",
    UNKNOWN_RECORD,
    "Read a record, or its tombstone",
)


@OPERATIONS.write(
    "erp.archive_record",
    "/erp/archives",
    UNKNOWN_RECORD,
    RECORD_DELETED,
    undo="erp.discard_archive",
    remit={"resource": ["/record"]},
)
def archive_record(work: Work, asked: ArchiveRecord) -> Archive:
    """Copy a record into the archive."""
    record = RECORDS.need(work.db, asked.record, UNKNOWN_RECORD)
    if record.status == "deleted":
        raise RefusedError(RECORD_DELETED, f"{record.id!r} is deleted")
    work.effect("erp.archive", record.id)
    content = json.dumps(record.content, sort_keys=True).encode()
    row = Archive(
        id=ARCHIVES.new_id(),
        record=record.id,
        sha256=hashlib.sha256(content).hexdigest(),
        content=record.content,
        status="kept",
    )
    return ARCHIVES.insert(work.db, row)


show(
    OPERATIONS,
    ARCHIVES,
    "erp.get_archive",
    "/erp/archives/{archive}",
    UNKNOWN_ARCHIVE,
    "Read an archive copy",
)


@undo(
    OPERATIONS,
    ARCHIVES,
    "erp.discard_archive",
    "/erp/archives/{archive}/discard",
    UNKNOWN_ARCHIVE,
    ARCHIVE_IN_USE,
    status="discarded",
)
def discard_archive(work: Work, row: Archive) -> None:
    """Discard an archive copy whose record still lives."""
    if RECORDS.need(work.db, row.record, UNKNOWN_ARCHIVE).status == "deleted":
        raise RefusedError(ARCHIVE_IN_USE, f"{row.id!r} is the only copy of {row.record!r}")
    work.effect("erp.archive", row.record, direction="undo")


@OPERATIONS.declare(
    Declaration(
        "erp.delete_record",
        "DELETE",
        "/erp/records/{record}",
        (UNKNOWN_RECORD, UNKNOWN_ARCHIVE, ARCHIVE_MISSING),
        writes=True,
        natural=True,
        irreversible=True,
        remit={"resource": ["/record"]},
    )
)
def delete_record(work: Work, asked: DeleteRecord) -> Deletion:
    """Delete a record for good, against a kept archive copy."""
    record = RECORDS.need(work.db, asked.record, UNKNOWN_RECORD)
    archive = ARCHIVES.need(work.db, asked.archive, UNKNOWN_ARCHIVE)
    if (archive.record, archive.status) != (record.id, "kept"):
        raise RefusedError(ARCHIVE_MISSING, f"{archive.id!r} is not a kept copy of {record.id!r}")
    lives = record.status == "live"
    if lives:
        RECORDS.change(work.db, record, content={}, status="deleted")
        work.effect("erp.deletion", record.id)
    return Deletion(record=record.id, archive=archive.id, status="deleted", changed=lives)


def seed(db: sqlite3.Connection) -> None:
    """Three supplier records."""
    for number, title, contact in (
        (77, "Old vendor: Muster GmbH", "max@muster.example"),
        (78, "Old vendor: Example SARL", "luc@example-sarl.example"),
        (79, "Vendor: Kabel & Co", "sales@kabel.example"),
    ):
        row = Record(
            id=f"rec-{number}",
            title=title,
            owner="erp-owner@acme.example",
            content={"vendor_number": 4_000 + number, "contact": contact, "note": None},
            status="live",
        )
        RECORDS.insert(db, row)


def state(db: sqlite3.Connection) -> Shown:
    """Live records with their content, and the records of which copies are kept."""
    return {
        "records": {
            r.id: r.model_dump(mode="json", exclude={"status"})
            for r in RECORDS.where(db, status="live")
        },
        "archives": sorted(a.record for a in ARCHIVES.where(db, status="kept")),
    }
