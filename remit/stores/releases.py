"""Releases of policies: an order in the ledger, each told by a record in a chain of its own.

The ledger is also the way by which they travel: archive, row and record are written in one
transaction, and whoever serves policies reads the newest release from here. So no policy can
decide that the evidence would lack, and a server that dies is replaced by starting another.
"""

import json
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Executable, bindparam, select

from remit.canonical import JSON, Digest, JSONObject, digest_bytes
from remit.decision.release import CHAIN, Draft, Release
from remit.ledger.entries import Content
from remit.ledger.errors import LedgerError
from remit.stores.archiving import Runs
from remit.stores.chain import Chain
from remit.stores.contents import find_content, store_contents
from remit.stores.inserting import insert_new, insert_once
from remit.stores.schema import bundles, releases
from remit.stores.statements import Row, Value
from remit.stores.transaction import Question, Transaction

_COLUMNS = tuple(Release.model_fields)
_SELECT = select(*[releases.c[name] for name in _COLUMNS])
_NEWEST = _SELECT.order_by(releases.c.serial.desc()).limit(bindparam("most"))
_SINCE = (
    _SELECT.where(releases.c.serial > bindparam("after"))
    .order_by(releases.c.serial)
    .limit(bindparam("most"))
)
_FORWARD = (
    _SELECT.where(releases.c.origin != "rolled_back")
    .order_by(releases.c.serial.desc())
    .limit(bindparam("most"))
)
_OF = (
    _SELECT.where(releases.c.revision == bindparam("revision"))
    .order_by(releases.c.serial.desc())
    .limit(bindparam("most"))
)
_AT = _SELECT.where(releases.c.serial == bindparam("serial"))
_BUNDLE = select(bundles.c.digest, bundles.c.body).where(
    bundles.c.revision == bindparam("revision")
)


class ReleaseStore:
    """The releases of one ledger."""

    def __init__(self, write: Runs, read: Runs) -> None:
        """Work through the ledger's own transactions."""
        self._write = write
        self._read = read

    async def publish(self, draft: Draft, archive: bytes, after: int) -> Release:
        """Add a release, with its archive, and return it.

        Args:
            draft: What it is.
            archive: The signed bundle.
            after: Serial of the newest release that its author knew; 0 for none.

        Raises:
            LedgerError: `RELEASE-OVERTAKEN` when there is a newer one.
        """
        return await self._write(partial(_publish, draft=draft, archive=archive, after=after))

    async def newest(self) -> Release | None:
        """Return the newest release."""
        return await self._read(partial(_first, statement=_NEWEST))

    async def newest_forward(self) -> Release | None:
        """Return the newest release that does not go back."""
        return await self._read(partial(_first, statement=_FORWARD))

    async def since(self, serial: int, most: int) -> Sequence[Release]:
        """Return releases behind `serial`, oldest first."""
        return await self._read(partial(_since, after=serial, most=most))

    async def last(self, most: int) -> Sequence[Release]:
        """Return the newest releases, newest first."""
        return await self._read(partial(_last, most=most))

    async def find(self, name: str) -> Release | None:
        """Return the release with this serial, or the newest one of this revision."""
        return await self._read(partial(_find, name=name))

    async def archive(self, release: Release) -> bytes:
        """Return a release's signed archive.

        Raises:
            LedgerError: `CONTENT-ABSENT`, `CONTENT-DIFFERS`.
        """
        return await self._read(partial(_archive, release=release))


def _publish(tx: Transaction, draft: Draft, archive: bytes, after: int) -> Release:
    chain = Chain(tx, CHAIN)  # its row is locked: releases come one after the other
    last = _first(tx, _NEWEST)
    serial = last.serial if last else 0
    if serial != after:
        raise LedgerError(
            "RELEASE-OVERTAKEN", f"release {serial} came meanwhile; {after} was the newest known"
        )
    made = Release(
        **draft.model_dump(exclude={"raises_floor"}),
        serial=serial + 1,
        archive=digest_bytes(archive),
        floor=serial + 1 if draft.raises_floor else last.floor if last else 1,
        published_ms=tx.now_ms,
    )
    keep_archive(tx, made.revision, made.archive, archive)
    fields: JSONObject = made.model_dump(mode="json")
    row: dict[str, Value] = made.model_dump(exclude={"approvals"})
    tx.insert(insert_new, releases, {**row, "approvals": json.dumps(made.approvals)})
    chain.append("release", fields)
    chain.save()
    return made


def find_newest(tx: Transaction) -> Release | None:
    """Return the newest release."""
    return _first(tx, _NEWEST)


def keep_archive(tx: Transaction, revision: Digest, name: Digest, archive: bytes) -> None:
    """Store the archive: under its revision, where evidence looks for it; else by its digest."""
    row: dict[str, Value] = {
        "revision": revision,
        "digest": name,
        "at_ms": tx.now_ms,
        "body": archive,
    }
    tx.insert(insert_once, bundles, row)
    standing = tx.one(_BUNDLE, revision=revision)
    if standing is not None and standing[0] != name:
        # The same policies, signed by another key or for another scope.
        store_contents(tx, [Content(name, archive)])


def _archive(tx: Transaction, release: Release) -> bytes:
    standing = tx.one(_BUNDLE, revision=release.revision)
    if standing is None or standing[0] != release.archive:
        return find_content(tx, release.archive)
    body = standing[1]
    if not isinstance(body, bytes) or digest_bytes(body) != release.archive:
        raise LedgerError("CONTENT-DIFFERS", f"the archive of release {release.serial} was altered")
    return body


def _first(tx: Transaction, statement: Executable) -> Release | None:
    row = tx.one(statement, most=1)
    return None if row is None else _release(row)


def _since(tx: Transaction, after: int, most: int) -> Sequence[Release]:
    return [_release(row) for row in tx.all(_SINCE, after=after, most=most)]


def _last(tx: Transaction, most: int) -> Sequence[Release]:
    return [_release(row) for row in tx.all(_NEWEST, most=most)]


def _find(tx: Transaction, name: str) -> Release | None:
    at: Question = (
        (_AT, {"serial": int(name)}) if name.isdecimal() else (_OF, {"revision": name, "most": 1})
    )
    rows = tx.ask(at)[0]
    return _release(rows[0]) if rows else None


def _release(row: Row) -> Release:
    fields: dict[str, JSON | bytes] = dict(zip(_COLUMNS, row, strict=True))
    return Release.model_validate({**fields, "approvals": json.loads(str(fields["approvals"]))})
