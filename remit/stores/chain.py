"""A run's chain of records, its totals and its barriers, as one transaction sees and changes them.

The chain's row is locked first by every write about a run, so that whatever stands below it is
changed by one transaction at a time. Records are appended here and nowhere else.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace

from sqlalchemy import ARRAY, Text, any_, bindparam, select

from remit.canonical import JSONObject, canonical
from remit.ledger.entries import Record, Totals
from remit.ledger.errors import LedgerError
from remit.ledger.records import genesis, link
from remit.stores.contents import check_digests, store_contents
from remit.stores.inserting import insert_new, insert_once
from remit.stores.schema import chains, records, runs, unindexed
from remit.stores.statements import Row, Value, whole
from remit.stores.transaction import Question, Transaction

_TOTALS = [field.name for field in fields(Totals)]
_SELECT = select(
    chains.c.root,
    chains.c.head,
    chains.c.length,
    chains.c.barriers,
    chains.c.stray_votes,
    *[chains.c[name] for name in _TOTALS],
    runs.c.closed,
).select_from(chains.outerjoin(runs, runs.c.root == chains.c.root))
_FIND = _SELECT.where(chains.c.root == bindparam("root"))
# Apart from `_FIND`: behind a lock that was waited for, only a new statement sees what changed.
_LOCK = select(chains.c.length).where(chains.c.root == bindparam("root")).with_for_update()
_ANY = chains.c.root == any_(bindparam("roots", type_=ARRAY(Text)))
LOCK_FREE = (
    select(chains.c.root).where(_ANY).order_by(chains.c.root).with_for_update(skip_locked=True)
)
"""Locks those of `roots` that nobody else has locked, and returns them."""
FIND_SEVERAL = _SELECT.where(_ANY)
"""Returns the heads of `roots`; see `note_heads`."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands in a chain's row, and in its run's."""

    head: str
    length: int
    barriers: int
    stray: int
    totals: Totals
    closed: str | None


def note_heads(tx: Transaction, rows: Sequence[Row], locked: Collection[Value]) -> None:
    """Note the heads that were found, of the chains that are locked."""
    for row in rows:
        if row[0] in locked:
            tx.note(("chain", row[0]), _head(row))


def about(root: str) -> Question:
    """Return the question that `find_totals` asks."""
    return _FIND, {"root": root}


def find_totals(tx: Transaction, root: str) -> Totals:
    """Return a run's totals without locking anything; zeros for an unknown run."""
    row = tx.one(_FIND, root=root)
    return Totals() if row is None else _head(row).totals


def _head(row: Row) -> Head:
    return Head(
        head=str(row[1]),
        length=whole(row[2]),
        barriers=whole(row[3]),
        stray=whole(row[4]),
        totals=Totals(**dict(zip(_TOTALS, map(whole, row[5:11]), strict=True))),
        closed=None if row[11] is None else str(row[11]),
    )


NAMELESS = frozenset({"forgotten", "order", "quarantine_end", "retention"})
"""Kinds of record that name no content which their run must keep."""


class Chain:
    """The head of one run's chain inside a transaction; `save` writes it back."""

    __slots__ = (
        "_head",
        "_length",
        "_name",
        "_tx",
        "barriers",
        "closed",
        "root",
        "stray",
        "totals",
    )

    def __init__(self, tx: Transaction, root: str, *, begin: bool = True) -> None:
        """Lock the chain of `root`; begin one if there is none, or else leave it empty."""
        head = _find(tx, root)
        if head is None and begin:
            _create(tx, root)
            tx.send()
            head = _find(tx, root)
            if head is None:
                raise LedgerError("CHAIN-ABSENT", f"the chain of {root!r} cannot be begun")
        stands = head or Head("", 0, 0, 0, Totals(), None)
        self._tx = tx
        self._name = canonical(root)
        self._head = stands.head
        self._length = stands.length
        self.root = root
        self.barriers = stands.barriers
        """How many barriers stand in the run."""
        self.stray = stands.stray
        """Votes that fitted no gate, recorded or only counted."""
        self.totals = stands.totals
        self.closed = stands.closed
        """`RemitStatus` at the run's end, empty while it is open, `None` without a run."""

    @property
    def next_seq(self) -> int:
        """Sequence number of the record that is appended next."""
        return self._length + 1

    def append(self, kind: str, body: JSONObject) -> None:
        """Append a record."""
        content = canonical(body)
        seq = self.next_seq
        if self.closed and kind not in NAMELESS:
            # What comes behind a run's end may name contents, and the run was looked through.
            _look_through(self._tx, self.root, self._length)
        sealed = link(self._head, self._name, seq, self._tx.now_ms, kind, content)
        self._tx.insert(
            insert_new,
            records,
            {
                "root": self.root,
                "seq": seq,
                "at_ms": self._tx.now_ms,
                "kind": kind,
                "body": content.decode(),
                "prev": self._head,
                "hash": sealed,
            },
        )
        self._head, self._length = sealed, seq

    def count_denial(self) -> None:
        """Count a denied call."""
        self.totals = replace(self.totals, denials=self.totals.denials + 1)

    def append_all(self, further: Sequence[Record]) -> None:
        """Append records of the caller's, in order, and store what they name."""
        for record in further:
            if record.contents:
                check_digests(record.contents)
                store_contents(self._tx, record.contents)
            self.append(record.kind, record.body)

    def save(self) -> None:
        """Write head, length and totals back."""
        self._tx.note(
            ("chain", self.root),
            Head(self._head, self._length, self.barriers, self.stray, self.totals, self.closed),
        )
        self._tx.change(
            chains,
            {
                "root": self.root,
                "head": self._head,
                "length": self._length,
                "barriers": self.barriers,
                "stray_votes": self.stray,
                **{name: getattr(self.totals, name) for name in _TOTALS},
            },
        )


def _find(tx: Transaction, root: str) -> Head | None:
    known: Head | None = tx.recall(("chain", root))
    if known is not None:
        return known
    locking = [(_LOCK, {"root": root})] if tx.lock_rows else []
    rows = tx.first(*locking, (_FIND, {"root": root}))
    if not rows:
        return None
    found = _head(rows[0])
    tx.note(("chain", root), found)
    return found


def _create(tx: Transaction, root: str) -> None:
    values: dict[str, Value] = {"root": root, "head": genesis(root), "length": 0}
    zeros = dict.fromkeys(("barriers", "stray_votes", *_TOTALS), 0)
    tx.insert(insert_once, chains, {**values, **zeros})
    _look_through(tx, root, 0)


def _look_through(tx: Transaction, root: str, upto: int) -> None:
    """Note that records behind `upto` are to be looked through for contents."""
    tx.insert(insert_once, unindexed, {"root": root, "upto": upto})
