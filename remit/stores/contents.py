"""The content store: values by digest, immutable, with the most recent ones kept in memory."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from sqlalchemy import bindparam, select

from remit.canonical import Digest, digest_bytes
from remit.ledger.entries import Content
from remit.ledger.errors import LedgerError
from remit.stores.inserting import insert_once
from remit.stores.schema import contents
from remit.stores.transaction import Transaction

_FIND = select(contents.c.body).where(contents.c.digest == bindparam("digest"))


def check_digests(given: Sequence[Content]) -> None:
    """Refuse a value that is not what its digest names."""
    for content in given:
        if digest_bytes(content.body) != content.digest:
            raise LedgerError("CONTENT-DIFFERS", f"a value is not what {content.digest} names")


def store_contents(tx: Transaction, given: Sequence[Content]) -> None:
    """Store values; those that stand already stay."""
    for content in given:
        tx.insert(insert_once, contents, {"digest": content.digest, "body": content.body})


def find_content(tx: Transaction, digest: Digest) -> bytes:
    """Return a value.

    Raises:
        LedgerError: `CONTENT-ABSENT`; `CONTENT-DIFFERS` when somebody altered it.
    """
    row = tx.one(_FIND, digest=digest)
    if row is None or not isinstance(row[0], bytes):
        raise LedgerError("CONTENT-ABSENT", f"the ledger holds no content {digest}")
    check_digests([Content(digest, row[0])])
    return row[0]


class ContentCache:
    """The values used last, within a number of bytes. Threads may share it."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._size = 0
        self._bodies: OrderedDict[Digest, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._size

    def get(self, digest: Digest) -> bytes | None:
        """Return a value if it is at hand."""
        with self._lock:
            body = self._bodies.get(digest)
            if body is not None:
                self._bodies.move_to_end(digest)
            return body

    def add(self, given: Sequence[Content]) -> None:
        """Keep durable values; the ones used longest ago make room."""
        with self._lock:
            for content in given:
                if content.digest in self._bodies or len(content.body) > self._limit:
                    continue
                self._bodies[content.digest] = content.body
                self._size += len(content.body)
            while self._size > self._limit:
                _, dropped = self._bodies.popitem(last=False)
                self._size -= len(dropped)
