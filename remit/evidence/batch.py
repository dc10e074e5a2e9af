"""One inclusion proof for many leaves at once.

The proof is the hashes of the largest subtrees that hold none of the leaves, from left to right.
For the records of one run, which mostly stand together, that is little more than the proof of one
leaf; a proof per record would be twenty times the size of the records. Nothing here does I/O.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

from remit.evidence.merkle import HASH_BYTES, Nodes, ProofError, node_hash, root


def prove(indexes: Sequence[int], size: int, nodes: Nodes) -> Sequence[bytes]:
    """Return the proof of the leaves at `indexes`, ascending, in the tree of `size` leaves.

    Raises:
        ProofError: `indexes` are not ascending, or not in the tree.
    """
    _check(indexes, size)
    return [_subtree(first, last, nodes) for first, last in _gaps(indexes, 0, size)]


def rebuilt(
    leaves: Sequence[bytes], indexes: Sequence[int], size: int, proof: Sequence[bytes]
) -> bytes:
    """Return the root to which leaf hashes at `indexes` and `proof` lead.

    Raises:
        ProofError: their number or order does not fit the size.
    """
    _check(indexes, size)
    if len(leaves) != len(indexes) or any(len(one) != HASH_BYTES for one in (*leaves, *proof)):
        raise ProofError("a proof is made of as many leaves as indexes, and of 32-byte hashes")
    given = iter(proof)
    value = _rebuild(_Leaves(leaves, indexes), 0, size, given)
    if next(given, None) is not None:
        raise ProofError("the proof is longer than its tree")
    return value


class _Leaves:
    __slots__ = ("indexes", "values")

    def __init__(self, values: Sequence[bytes], indexes: Sequence[int]) -> None:
        self.values = values
        self.indexes = indexes

    def between(self, first: int, last: int) -> tuple[int, int]:
        low = bisect_left(self.indexes, first)
        return low, bisect_left(self.indexes, last, low)


def _rebuild(leaves: _Leaves, first: int, last: int, proof: Iterator[bytes]) -> bytes:
    low, high = leaves.between(first, last)
    if low == high:
        given = next(proof, None)
        if given is None:
            raise ProofError("the proof is shorter than its tree")
        return given
    if last - first == 1:
        return leaves.values[low]
    if high - low == last - first:
        return _whole(leaves.values[low:high])
    middle = first + (1 << (last - first - 1).bit_length() - 1)
    left = _rebuild(leaves, first, middle, proof)
    return node_hash(left, _rebuild(leaves, middle, last, proof))


def _whole(values: Sequence[bytes]) -> bytes:
    """Return the root over `values` alone, level by level: the odd one out moves up as it is."""
    row = list(values)
    while len(row) > 1:
        odd = [row.pop()] if len(row) & 1 else []
        pairs = iter(row)
        row = [node_hash(left, right) for left, right in zip(pairs, pairs, strict=True)] + odd
    return row[0]


def _gaps(indexes: Sequence[int], first: int, last: int) -> Iterator[tuple[int, int]]:
    low = bisect_left(indexes, first)
    high = bisect_left(indexes, last, low)
    if low == high:
        yield first, last
    elif high - low < last - first:
        middle = first + (1 << (last - first - 1).bit_length() - 1)
        yield from _gaps(indexes, first, middle)
        yield from _gaps(indexes, middle, last)


def _subtree(first: int, last: int, nodes: Nodes) -> bytes:
    """Return the hash of `[first, last)`, which is a tree of its own inside the large one."""
    return root(last - first, lambda level, position: nodes(level, position + (first >> level)))


def _check(indexes: Sequence[int], size: int) -> None:
    if not indexes or indexes[0] < 0 or indexes[-1] >= size:
        raise ProofError(f"these leaves are not in a tree of {size}")
    if any(one >= other for one, other in pairwise(indexes)):
        raise ProofError("leaves are proved in ascending order")
