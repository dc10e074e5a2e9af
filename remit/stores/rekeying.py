"""Writing contents anew under the key in force, and letting go of keys that nothing needs.

Batches go by digest, each in a transaction of its own; one broken off is begun again and finds
most of its work done. A key leaves the ledger's list when nothing is encrypted with it.
"""

from dataclasses import dataclass, replace

from sqlalchemy import bindparam, delete, select

from remit.ledger.entries import Content
from remit.stores.contents import check_digests, rewrite
from remit.stores.schema import content_keys, contents, tombstones
from remit.stores.transaction import Transaction

BATCH = 200
_STANDS = ~select(tombstones.c.digest).where(tombstones.c.digest == contents.c.digest).exists()
_NEXT = (
    select(contents.c.digest, contents.c.key)
    .where(contents.c.digest > bindparam("after"), _STANDS)
    .order_by(contents.c.digest)
    .limit(bindparam("most"))
)
_BODY = select(contents.c.body).where(contents.c.digest == bindparam("digest"))
_KEYS = select(content_keys.c.key)
_USES = select(contents.c.digest).where(contents.c.key == bindparam("key"), _STANDS).limit(1)
_RETIRE = delete(content_keys).where(content_keys.c.key == bindparam("gone"))


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """How far it went."""

    after: str = ""
    looked: int = 0
    written: int = 0
    retired: tuple[str, ...] = ()
    """Keys that nothing is encrypted with any more."""
    is_done: bool = False


def rekey(tx: Transaction, done: Rekeyed, most: int = BATCH) -> Rekeyed:
    """Write the next contents under the current key.

    Raises:
        LedgerError: `CONTENT-KEY`, `CONTENT-DIFFERS`: one cannot be read; it stays as it is.
    """
    rows = [(str(row[0]), str(row[1])) for row in tx.all(_NEXT, after=done.after, most=most)]
    if not rows:
        return replace(done, retired=_retire(tx), is_done=True)
    vault, written = tx.vault, 0
    for digest, key in rows:
        if key == vault.current:
            continue
        row = tx.one(_BODY, digest=digest)
        stored = row[0] if row and isinstance(row[0], bytes) else b""
        body = vault.open(digest, key, stored)
        check_digests([Content(digest, body)])
        rewrite(tx, digest, body)
        written += 1
    return replace(
        done, after=rows[-1][0], looked=done.looked + len(rows), written=done.written + written
    )


def _retire(tx: Transaction) -> tuple[str, ...]:
    noted = [str(row[0]) for row in tx.all(_KEYS)]
    unused = [key for key in noted if key != tx.vault.current and tx.one(_USES, key=key) is None]
    for key in unused:
        tx.run(_RETIRE, gone=key)
    return tuple(sorted(unused))
