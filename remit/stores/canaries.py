"""Canaries in the ledger: a chain of their own, and a mark in the chain of each run on their side.

There is no table of them: what holds is folded from records (`remit.decision.canary`), so that the
evidence has all that anybody went by. The candidate's archive stands where releases' archives do.
"""

import json
from dataclasses import dataclass
from functools import partial

from sqlalchemy import bindparam, select

from remit.canonical import JSONObject, digest_bytes
from remit.decision.canary import (
    CHAIN,
    COUNTED,
    ENDED,
    STARTED,
    Canary,
    Draft,
    End,
    Sides,
    Standing,
)
from remit.decision.release import Release
from remit.ledger.entries import Record
from remit.ledger.errors import LedgerError
from remit.stores import reading, runs
from remit.stores.archiving import Runs
from remit.stores.chain import Chain
from remit.stores.releases import find_newest, keep_archive
from remit.stores.schema import records
from remit.stores.transaction import Transaction

_PAGE = 500
_LAST = (
    select(records.c.seq)
    .where(records.c.root == CHAIN, records.c.kind == STARTED)
    .order_by(records.c.seq.desc())
    .limit(1)
)
_MARK = (
    select(records.c.body)
    .where(records.c.root == bindparam("root"), records.c.kind == STARTED)
    .order_by(records.c.seq)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class News:
    """What came behind a record of the chain."""

    records: list[JSONObject]
    newest: Release | None
    """The newest release, as of the same moment."""


class CanaryStore:
    """The canaries of one ledger."""

    def __init__(self, write: Runs, read: Runs) -> None:
        """Work through the ledger's own transactions."""
        self._write = write
        self._read = read

    async def start(self, draft: Draft, archive: bytes) -> Canary:
        """Begin a canary, with the candidate's archive, and return it.

        Raises:
            LedgerError: `CANARY-RUNNING` when there is one, `CANARY-OVERTAKEN` when another release
                is in force than the one that was asked, `CANARY-SAME` when it is that very one.
        """
        return await self._write(partial(_start, draft=draft, archive=archive))

    async def end(self, end: End) -> bool:
        """End a canary; return whether it was not over already."""
        return await self._write(partial(_end, end=end))

    async def count(self, sides: Sides) -> None:
        """Record what a worker counted."""
        await self._write(partial(_count, sides=sides))

    async def since(self, seq: int) -> News:
        """Return the records behind `seq`, and the newest release.

        Whoever knows nothing yet (0) is told of the newest canary alone.
        """
        return await self._read(partial(_since, seq=seq))

    async def mark(self, root: str) -> int | None:
        """Return by which canary a run was admitted, 0 for none; `None` when it is not admitted."""
        return await self._read(partial(_mark, root=root))


async def standing_of(store: CanaryStore) -> Standing:
    """Return what the chain says now."""
    standing = Standing()
    await catch_up(store, standing)
    return standing


async def catch_up(store: CanaryStore, standing: Standing) -> None:
    """Take all that came since."""
    while True:
        news = await store.since(standing.seq)
        standing.newest = news.newest
        standing.take(news.records)
        if len(news.records) < _PAGE:
            return


def mark_of(canary: Canary) -> Record:
    """Return the record that stands beside the admission of a run on a canary's side."""
    return Record(STARTED, {"canary": canary.number, "revision": canary.revision})


def _start(tx: Transaction, draft: Draft, archive: bytes) -> Canary:
    chain = Chain(tx, CHAIN)  # its row is locked: canaries come one after the other
    standing = _standing(tx)
    if standing.in_force(tx.now_ms) is not None:
        told = f"canary {_number(standing)} decides for a share of the runs already"
        raise LedgerError("CANARY-RUNNING", told)
    newest = standing.newest
    if newest is None or newest.serial != draft.base:
        serial = newest.serial if newest else 0
        raise LedgerError("CANARY-OVERTAKEN", f"release {serial} is in force, not {draft.base}")
    if newest.revision == draft.revision:
        raise LedgerError("CANARY-SAME", f"release {newest.serial} is in force already")
    due = standing.due(tx.now_ms)
    if due is not None:
        chain.append(ENDED, due.model_dump(mode="json"))
    made = Canary(
        **draft.model_dump(),
        number=_number(standing) + 1,
        archive=digest_bytes(archive),
        started_ms=tx.now_ms,
    )
    keep_archive(tx, made.revision, made.archive, archive)
    chain.append(STARTED, made.model_dump(mode="json"))
    chain.save()
    return made


def _number(standing: Standing) -> int:
    return standing.canary.number if standing.canary else 0


def _end(tx: Transaction, end: End) -> bool:
    chain = Chain(tx, CHAIN)
    standing = _standing(tx)
    if standing.canary is None or standing.end is not None or _number(standing) != end.canary:
        return False
    chain.append(ENDED, end.model_dump(mode="json"))
    chain.save()
    return True


def _count(tx: Transaction, sides: Sides) -> None:
    chain = Chain(tx, CHAIN)
    chain.append(COUNTED, sides.model_dump(mode="json"))
    chain.save()


def _since(tx: Transaction, seq: int) -> News:
    if not seq:
        last = tx.one(_LAST)
        # Everything before the newest canary is over.
        seq = int(str(last[0])) - 1 if last else 0
    found = reading.chain_records(tx, root=CHAIN, after=seq, limit=_PAGE)
    return News(list(found), find_newest(tx))


def _standing(tx: Transaction) -> Standing:
    standing = Standing()
    while True:
        news = _since(tx, standing.seq)
        standing.newest = news.newest
        standing.take(news.records)
        if len(news.records) < _PAGE:
            return standing


def _mark(tx: Transaction, root: str) -> int | None:
    if runs.find(tx, root) is None:
        return None
    row = tx.one(_MARK, root=root)
    if row is None:
        return 0
    body: JSONObject = json.loads(str(row[0]))
    return int(str(body["canary"]))
