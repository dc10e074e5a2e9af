"""The Merkle tree of RFC 6962: hashes, roots, inclusion and consistency proofs, and their checks.

The tree is never held here. Whoever keeps it stores the hash of every complete subtree under its
level and position (`Nodes`), so that appending a leaf and proving one are O(log n). Every range
of leaves that a proof speaks of is made of such subtrees.

Hashes are the 32 raw bytes of SHA-256. A leaf is hashed behind 0x00 and a node behind 0x01, so
that no node can pass for a leaf. Nothing here does I/O.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""

Nodes = Callable[[int, int], bytes]
"""Returns the hash of the complete subtree at (level, position): of the leaves
`[position * 2**level, (position + 1) * 2**level)`."""


class ProofError(ValueError):
    """A proof does not have the shape that its sizes call for."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def appended(size: int, leaves: Iterable[bytes], nodes: Nodes) -> Iterator[tuple[int, int, bytes]]:
    """Yield `(level, position, hash)` of every subtree that appending completes, leaves included.

    Args:
        size: Leaves in the tree so far.
        leaves: Leaf hashes to append.
        nodes: Subtrees that stand already; asked for O(log n) of them in all.
    """
    edge = _Edge(size, nodes)
    for leaf in leaves:
        yield from edge.add(leaf)


class _Edge:
    """The complete subtrees along the right edge: one per set bit of the size."""

    def __init__(self, size: int, nodes: Nodes) -> None:
        self._size = size
        self._levels = {
            level: nodes(level, (size >> level) - 1)
            for level in range(size.bit_length())
            if size >> level & 1
        }

    def add(self, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
        level, position, value = 0, self._size, leaf
        yield level, position, value
        while position & 1:
            value = node_hash(self._levels.pop(level), value)
            level, position = level + 1, position >> 1
            yield level, position, value
        self._levels[level] = value
        self._size += 1


def root(size: int, nodes: Nodes) -> bytes:
    """Return the root of the tree of the first `size` leaves."""
    return _range(0, size, nodes) if size else EMPTY_ROOT


def inclusion(index: int, size: int, nodes: Nodes) -> Sequence[bytes]:
    """Return the inclusion proof of leaf `index` in the tree of `size` leaves, lowest first.

    Raises:
        ProofError: there is no such leaf in it.
    """
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            path.append(_range(middle, last, nodes))
            last = middle
        else:
            path.append(_range(first, middle, nodes))
            first = middle
    return path[::-1]


def consistency(old: int, new: int, nodes: Nodes) -> Sequence[bytes]:
    """Return the proof that the tree of `old` leaves is the beginning of the one of `new`.

    Raises:
        ProofError: unless 0 <= `old` <= `new`.
    """
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {old} is no beginning of one of {new}")
    if old in (0, new):
        return []
    path: list[bytes] = []
    first, last, is_whole = 0, new, True
    while last != old:
        middle = first + _split(last - first)
        if old <= middle:
            path.append(_range(middle, last, nodes))
            last = middle
        else:
            path.append(_range(first, middle, nodes))
            first, is_whole = middle, False
    if not is_whole:
        path.append(_range(first, last, nodes))
    return path[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes
) -> bool:
    """Say whether `proof` leads from the leaf hash at `index` to the root `expected`."""
    if not 0 <= index < size or not _are_hashes([leaf, *proof]):
        return False
    position, last, value = index, size - 1, leaf
    for sibling in proof:
        if not last:
            return False
        if position & 1 or position == last:
            value = node_hash(sibling, value)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        position, last = position >> 1, last >> 1
    return not last and value == expected


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Say whether `proof` shows that the tree with `old_root` is the beginning of the other."""
    if not 0 <= old <= new or not _are_hashes(proof):
        return False
    if old in (0, new):
        known = EMPTY_ROOT if old == 0 else new_root
        return not proof and old_root == known
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    return bool(steps) and _climb(old - 1, new - 1, steps, old_root, new_root)


def _climb(
    position: int, last: int, steps: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = steps[0]
    for sibling in steps[1:]:
        if not last:
            return False
        if position & 1 or position == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        position, last = position >> 1, last >> 1
    return not last and (before, after) == (old_root, new_root)


def _split(count: int) -> int:
    """Return the largest power of two below `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _range(first: int, last: int, nodes: Nodes) -> bytes:
    """Return the hash of the leaves `[first, last)`; `first` is where a subtree may begin."""
    parts: list[bytes] = []
    while first < last:
        level = (last - first).bit_length() - 1
        parts.append(nodes(level, first >> level))
        first += 1 << level
    value = parts.pop()
    while parts:
        value = node_hash(parts.pop(), value)
    return value


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
