"""A run's chain of records, its totals and its barriers, as one transaction sees and changes them.

The chain's row is locked first by every write about a run, so that whatever stands below it is
changed by one transaction at a time. Records are appended here and nowhere else.
"""

from collections.abc import Collection, Sequence
from dataclasses import fields, replace

from sqlalchemy import bindparam, select, update

from remit.canonical import JSONObject, canonical
from remit.ledger.entries import Record, Totals
from remit.ledger.errors import LedgerError
from remit.ledger.records import genesis, link
from remit.stores.inserting import insert_new, insert_once
from remit.stores.schema import chains, records, runs
from remit.stores.statements import Row, Transaction, Value

_TOTALS = [field.name for field in fields(Totals)]
_FIND = (
    select(
        chains.c.head,
        chains.c.length,
        chains.c.barriers,
        chains.c.stray_votes,
        *[chains.c[name] for name in _TOTALS],
        runs.c.closed,
    )
    .select_from(chains.outerjoin(runs, runs.c.root == chains.c.root))
    .where(chains.c.root == bindparam("root"))
)
# Apart from `_FIND`: behind a lock that was waited for, only a new statement sees what changed.
_LOCK = select(chains.c.length).where(chains.c.root == bindparam("root")).with_for_update()
_SAVE = (
    update(chains)
    .where(chains.c.root == bindparam("key"))
    .values(
        {name: bindparam(name) for name in ("head", "length", "barriers", "stray_votes", *_TOTALS)}
    )
)


def lock_heads(tx: Transaction, roots: Collection[str]) -> None:
    """Lock several chains, in the order of their names."""
    for root in sorted(roots):
        tx.lock(_LOCK, root=root)


def find_totals(tx: Transaction, root: str) -> Totals:
    """Return a run's totals without locking anything; zeros for an unknown run."""
    row = tx.one(_FIND, root=root)
    return Totals() if row is None else _totals(row)


def _totals(row: Row) -> Totals:
    return Totals(**dict(zip(_TOTALS, (_int(value) for value in row[4:10]), strict=True)))


def _int(value: Value) -> int:
    return value if isinstance(value, int) else 0


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

    def __init__(self, tx: Transaction, root: str) -> None:
        """Lock the chain of `root`; begin one if there is none."""
        tx.lock(_LOCK, root=root)
        row = tx.one(_FIND, root=root)
        if row is None:
            _create(tx, root)
            tx.lock(_LOCK, root=root)
            row = tx.one(_FIND, root=root)
        if row is None:
            raise LedgerError("CHAIN-ABSENT", f"the chain of {root!r} cannot be begun")
        self._tx = tx
        self._name = canonical(root)
        self._head = str(row[0])
        self._length = _int(row[1])
        self.root = root
        self.barriers = _int(row[2])
        """How many barriers stand in the run."""
        self.stray = _int(row[3])
        """Votes that fitted no gate, recorded or only counted."""
        self.totals = _totals(row)
        self.closed = None if row[10] is None else str(row[10])
        """`RemitStatus` at the run's end, empty while it is open, `None` without a run."""

    @property
    def next_seq(self) -> int:
        """Sequence number of the record that is appended next."""
        return self._length + 1

    def append(self, kind: str, body: JSONObject) -> None:
        """Append a record."""
        content = canonical(body)
        seq = self.next_seq
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
        """Append records of the caller's, in order."""
        for record in further:
            self.append(record.kind, record.body)

    def save(self) -> None:
        """Write head, length and totals back."""
        self._tx.run(
            _SAVE,
            key=self.root,
            head=self._head,
            length=self._length,
            barriers=self.barriers,
            stray_votes=self.stray,
            **{name: getattr(self.totals, name) for name in _TOTALS},
        )


def _create(tx: Transaction, root: str) -> None:
    values: dict[str, Value] = {"root": root, "head": genesis(root), "length": 0}
    zeros = dict.fromkeys(("barriers", "stray_votes", *_TOTALS), 0)
    tx.insert(insert_once, chains, {**values, **zeros})
