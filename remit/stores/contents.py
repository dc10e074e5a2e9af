"""The content store: values by digest, immutable, with the most recent ones kept in memory."""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, delete, func, literal_column, select, update

from remit.canonical import Digest, JSONObject, digest_bytes
from remit.ledger.entries import Content
from remit.ledger.errors import LedgerError
from remit.stores.inserting import insert_once
from remit.stores.schema import contents, tombstones
from remit.stores.statements import Row, Value
from remit.stores.transaction import Question, Transaction

_FIND = select(contents.c.body, contents.c.key).where(contents.c.digest == bindparam("digest"))
_LENGTH = select(func.length(contents.c.body)).where(contents.c.digest == bindparam("digest"))
_GONE = select(tombstones.c.root, tombstones.c.seq).where(
    tombstones.c.digest == bindparam("digest")
)
_WRITE = (
    update(contents)
    .where(contents.c.digest == bindparam("of"))
    .values(body=bindparam("to_body"), key=bindparam("to_key"))
)
_WIPE = (
    update(contents).where(contents.c.digest == bindparam("of")).values(body=bindparam("to_body"))
)
_FORGETTING = "353350010439"
"""The advisory lock of those who forget: `REMFG`, as a number."""
_SHARED = select(func.pg_advisory_xact_lock_shared(literal_column(_FORGETTING)))
_ALONE = select(func.pg_advisory_xact_lock(literal_column(_FORGETTING)))
_ANY_GONE = select(tombstones.c.digest).limit(1)
_GONE_KNOWN = "forgotten"
_STANDS_AGAIN = delete(tombstones).where(tombstones.c.digest == bindparam("of"))


def check_digests(given: Sequence[Content]) -> None:
    """Refuse a value that is not what its digest names."""
    for content in given:
        if digest_bytes(content.body) != content.digest:
            raise LedgerError("CONTENT-DIFFERS", f"a value is not what {content.digest} names")


def store_contents(tx: Transaction, given: Sequence[Content]) -> None:
    """Store values, encrypted where the ledger is; those that stand already stay.

    One that was forgotten comes back: whoever stores it now has its own right to it.
    """
    vault = tx.vault
    for content in given:
        if _may_be_gone(tx) and is_gone(tx, content.digest):
            rewrite(tx, content.digest, content.body)
            tx.run(_STANDS_AGAIN, of=content.digest)
            continue
        body = vault.seal(content.digest, content.body)
        row: dict[str, Value] = {"digest": content.digest, "body": body, "key": vault.current}
        tx.insert(insert_once, contents, row)


def questions(tx: Transaction) -> Sequence[Question]:
    """Return what to ask before contents are stored: whether any was ever forgotten.

    Where transactions run side by side, they also keep out who forgets: a value that is stored
    must not be forgotten in the same moment for want of anybody who names it.
    """
    lock: Sequence[Question] = ((_SHARED, {}),) if tx.lock_rows else ()
    return (*lock, (_ANY_GONE, {}))


def note_gone(tx: Transaction, rows: Sequence[Row]) -> None:
    """Note the answer to the last of `questions`."""
    tx.note(_GONE_KNOWN, bool(rows))


def shut_out(tx: Transaction) -> None:
    """Let nobody store contents until this transaction ends: it will forget some."""
    tx.lock(_ALONE)
    tx.note(_GONE_KNOWN, True)


def _may_be_gone(tx: Transaction) -> bool:
    known = tx.recall(_GONE_KNOWN)
    if known is None:
        note_gone(tx, tx.first(*questions(tx)))
        known = tx.recall(_GONE_KNOWN)
    return bool(known)


def rewrite(tx: Transaction, digest: Digest, body: bytes) -> None:
    """Write a body anew under the current key."""
    tx.run(_WRITE, of=digest, to_body=tx.vault.seal(digest, body), to_key=tx.vault.current)


def is_gone(tx: Transaction, digest: Digest) -> bool:
    """Whether a value was forgotten and has not come back."""
    return tx.one(_GONE, digest=digest) is not None


def wipe(tx: Transaction, digest: Digest) -> None:
    """Overwrite a body, for which a tombstone stands, where it is.

    As many bytes as there were: SQLite then writes them in the same place. Were the row deleted or
    shortened, it would sooner or later move its neighbours, and leave copies of them in parts of
    pages that nothing cleans, `secure_delete` or not; a test that scanned the file found them.
    """
    row = tx.one(_LENGTH, digest=digest)
    if row is not None:
        tx.run(_WIPE, of=digest, to_body=bytes(int(str(row[0]))))


def about(digest: Digest) -> Question:
    """Return the question that `find_content` asks."""
    return _FIND, {"digest": digest}


def find_content(tx: Transaction, digest: Digest) -> bytes:
    """Return a value.

    Raises:
        LedgerError: `CONTENT-ABSENT`; `CONTENT-FORGOTTEN` when it was deleted on purpose;
            `CONTENT-DIFFERS` when somebody altered it; `CONTENT-KEY` when it is encrypted with a
            key that is not at hand.
    """
    row = tx.one(_FIND, digest=digest)
    if row is None or not isinstance(row[0], bytes):
        raise LedgerError("CONTENT-ABSENT", f"the ledger holds no content {digest}")
    try:
        body = tx.vault.open(digest, str(row[1]), row[0])
        check_digests([Content(digest, body)])
    except LedgerError as error:
        gone = tx.one(_GONE, digest=digest)
        if gone is None:
            raise
        told = f"{digest} was forgotten: record {gone[1]!s} of {gone[0]!s} says why"
        raise LedgerError("CONTENT-FORGOTTEN", told) from error
    return body


def find_object(tx: Transaction, digest: Digest) -> JSONObject:
    """Return a value that is an object; one that was forgotten is `{"forgotten": digest}`."""
    try:
        found: JSONObject = json.loads(find_content(tx, digest))
    except LedgerError as error:
        if error.code != "CONTENT-FORGOTTEN":
            raise
        return {"forgotten": digest}
    return found


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

    def drop(self, digests: Iterable[Digest]) -> None:
        """Let go of values."""
        with self._lock:
            for digest in digests:
                body = self._bodies.pop(digest, None)
                self._size -= len(body or b"")

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
