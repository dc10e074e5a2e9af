"""The tree against a naive recursive RFC 6962, for every size and against altered proofs."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.evidence import batch, merkle
from remit.evidence.merkle import ProofError, leaf_hash, node_hash
from tests.effort import examples

VECTOR_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
VECTOR_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
"""The vectors that Certificate Transparency's own implementations are tested with."""

SIZES = st.integers(1, 70)


def naive_root(leaves: list[bytes]) -> bytes:
    """Return MTH of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = split(len(leaves))
    return node_hash(naive_root(leaves[:middle]), naive_root(leaves[middle:]))


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """Return PATH of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return [*naive_path(index, leaves[:middle]), naive_root(leaves[middle:])]
    return [*naive_path(index - middle, leaves[middle:]), naive_root(leaves[:middle])]


def naive_proof(old: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """Return SUBPROOF of RFC 6962, section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    middle = split(len(leaves))
    if old <= middle:
        return [*naive_proof(old, leaves[:middle], whole), naive_root(leaves[middle:])]
    rest = naive_proof(old - middle, leaves[middle:], False)
    return [*rest, naive_root(leaves[:middle])]


def split(count: int) -> int:
    """Return the largest power of two smaller than `count`."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def made(leaves: list[bytes], *, at_once: int = 7) -> merkle.Nodes:
    """Return the stored subtrees of a tree that grew by `at_once` leaves at a time."""
    stored: dict[tuple[int, int], bytes] = {}

    def nodes(level: int, position: int) -> bytes:
        return stored[level, position]

    for first in range(0, len(leaves), at_once):
        new = merkle.appended(first, leaves[first : first + at_once], nodes)
        stored.update({(level, position): value for level, position, value in new})
    return nodes


def some(count: int) -> list[bytes]:
    """Return leaf hashes."""
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def flipped(value: bytes, bit: int) -> bytes:
    """Return `value` with one bit altered."""
    changed = bytearray(value)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("size", VECTOR_ROOTS)
def test_known_vectors(size: int) -> None:
    """The roots are those that other implementations of RFC 6962 publish."""
    leaves = [leaf_hash(data) for data in VECTOR_LEAVES[:size]]

    assert merkle.root(size, made(leaves)).hex() == VECTOR_ROOTS[size]


@given(size=SIZES, at_once=st.integers(1, 20))
@settings(max_examples=examples(60), deadline=None)
def test_root_is_that_of_the_standard(size: int, at_once: int) -> None:
    """However the tree grew, its root at every size is the recursive definition's."""
    leaves = some(size)
    nodes = made(leaves, at_once=at_once)

    assert all(merkle.root(n, nodes) == naive_root(leaves[:n]) for n in range(size + 1))


@given(size=SIZES, data=st.data())
@settings(max_examples=examples(150), deadline=None)
def test_inclusion(size: int, data: st.DataObject) -> None:
    """A leaf's proof is the standard's, leads to the root, and no altered bit does."""
    leaves = some(size)
    index = data.draw(st.integers(0, size - 1))
    bit = data.draw(st.integers(0, 255))
    proof = list(merkle.inclusion(index, size, made(leaves)))
    top = naive_root(leaves)

    assert proof == naive_path(index, leaves)
    assert merkle.verify_inclusion(leaves[index], index, size, proof, top)
    assert not merkle.verify_inclusion(flipped(leaves[index], bit), index, size, proof, top)
    assert not merkle.verify_inclusion(leaves[index], index, size, proof, flipped(top, bit))
    assert not merkle.verify_inclusion(leaves[index], index, size, [*proof, top], top)
    assert not merkle.verify_inclusion(leaves[index], size, size, proof, top)
    for at in range(len(proof)):
        bent = [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]]
        assert not merkle.verify_inclusion(leaves[index], index, size, bent, top)
        assert not merkle.verify_inclusion(leaves[index], index, size, proof[:at], top)


@given(new=SIZES, data=st.data())
@settings(max_examples=examples(150), deadline=None)
def test_consistency(new: int, data: st.DataObject) -> None:
    """A beginning's proof is the standard's, and no other tree passes for that beginning."""
    leaves = some(new)
    old = data.draw(st.integers(0, new))
    bit = data.draw(st.integers(0, 255))
    proof = list(merkle.consistency(old, new, made(leaves)))
    before, after = naive_root(leaves[:old]), naive_root(leaves)

    assert proof == (naive_proof(old, leaves) if old else [])
    assert merkle.verify_consistency(old, new, before, after, proof)
    assert not merkle.verify_consistency(old, new, flipped(before, bit), after, proof)
    assert not merkle.verify_consistency(old, new, before, after, [*proof, before])
    if 0 < old < new:
        assert not merkle.verify_consistency(old, new, before, flipped(after, bit), proof)
        assert not merkle.verify_consistency(old, new, before, after, proof[1:])
    for at in range(len(proof)):
        bent = [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]]
        assert not merkle.verify_consistency(old, new, before, after, bent)


@given(size=SIZES, data=st.data())
@settings(max_examples=examples(200), deadline=None)
def test_batch(size: int, data: st.DataObject) -> None:
    """One proof holds for any set of leaves, is no longer than it must be, and cannot be bent."""
    leaves = some(size)
    indexes = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
    wanted = [leaves[index] for index in indexes]
    proof = list(batch.prove(indexes, size, made(leaves)))
    bit = data.draw(st.integers(0, 255))
    at = data.draw(st.integers(0, len(wanted) - 1))
    bent = [*wanted[:at], flipped(wanted[at], bit), *wanted[at + 1 :]]

    assert batch.rebuilt(wanted, indexes, size, proof) == naive_root(leaves)
    assert batch.rebuilt(bent, indexes, size, proof) != naive_root(leaves)
    if len(indexes) == 1:
        assert sorted(proof) == sorted(naive_path(indexes[0], leaves))
    with pytest.raises(ProofError):
        batch.rebuilt(wanted, indexes, size, [*proof, wanted[0]])
    if proof:
        with pytest.raises(ProofError):
            batch.rebuilt(wanted, indexes, size, proof[:-1])


def test_what_is_not_in_the_tree_is_not_proved() -> None:
    """Leaves outside the tree, and trees that shrink, have no proof."""
    nodes = made(some(5))

    with pytest.raises(ProofError):
        merkle.inclusion(5, 5, nodes)
    with pytest.raises(ProofError):
        merkle.consistency(6, 5, nodes)
    with pytest.raises(ProofError):
        batch.prove([2, 2], 5, nodes)
    with pytest.raises(ProofError):
        batch.prove([], 5, nodes)
