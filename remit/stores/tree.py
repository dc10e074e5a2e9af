"""The log's Merkle tree as its tables hold it: leaves, and complete subtrees of 64 and more.

Storing every subtree would double what a record writes. The small ones are made of their leaves
when somebody asks: 64 hashes for a proof, none for a record. Nothing here writes.
"""

from sqlalchemy import bindparam, func, select

from remit.evidence.merkle import HASH_BYTES, node_hash
from remit.ledger.errors import LedgerError
from remit.stores.schema import leaves, nodes
from remit.stores.statements import Row
from remit.stores.transaction import Transaction

STORED_LEVEL = 6
"""Lowest level that has rows of its own."""
_SPAN = 1 << STORED_LEVEL
_KEPT = 64
"""Spans of leaves that are kept at hand."""

_SIZE = select(func.max(leaves.c.position))
_NODE = select(nodes.c.hash).where(
    nodes.c.level == bindparam("level"), nodes.c.position == bindparam("position")
)
_LEAVES = (
    select(leaves.c.hash)
    .where(leaves.c.position >= bindparam("first"), leaves.c.position < bindparam("last"))
    .order_by(leaves.c.position)
)


class Tree:
    """Hashes of complete subtrees, as one transaction sees them."""

    def __init__(self, tx: Transaction) -> None:
        """Read through `tx`."""
        self._tx = tx
        self._fresh: dict[tuple[int, int], bytes] = {}
        self._spans: dict[int, list[list[bytes]]] = {}

    @property
    def size(self) -> int:
        """Leaves that stand."""
        row = self._tx.one(_SIZE)
        highest = row[0] if row else None
        return highest + 1 if isinstance(highest, int) else 0

    def add(self, level: int, position: int, value: bytes) -> None:
        """Take up a subtree that is about to be stored."""
        self._fresh[level, position] = value

    def node(self, level: int, position: int) -> bytes:
        """Return the subtree at (level, position); see `remit.evidence.merkle.Nodes`."""
        fresh = self._fresh.get((level, position))
        if fresh is not None:
            return fresh
        if level >= STORED_LEVEL:
            return _hash(self._tx.one(_NODE, level=level, position=position))
        shift = STORED_LEVEL - level
        rows = self._span(position >> shift)
        return rows[level][position - (position >> shift << shift)]

    def _span(self, number: int) -> list[list[bytes]]:
        """Return the complete subtrees over the leaves of one span, by level."""
        known = self._spans.get(number)
        if known is not None:
            return known
        first = number * _SPAN
        row = [_hash(one) for one in self._tx.all(_LEAVES, first=first, last=first + _SPAN)]
        levels = [row]
        while len(row) > 1:
            pairs = zip(row[::2], row[1::2], strict=False)
            row = [node_hash(left, right) for left, right in pairs]
            levels.append(row)
        if len(self._spans) >= _KEPT:
            self._spans.clear()
        self._spans[number] = levels
        return levels


def _hash(row: Row | None) -> bytes:
    value = row[0] if row else None
    if not isinstance(value, bytes) or len(value) != HASH_BYTES:
        raise LedgerError("LOG-BROKEN", "a part of the log's tree is not there")
    return value
