"""Records in their canonical form, and the hash chain of one run (design.md §9).

A stored record is `{at_ms, body, hash, kind, prev, root, seq}`. Its hash is the SHA-256 of the
RFC 8785 form of everything but `hash`; `prev` is the hash of the record before it, and of the
first one the hash of the run's name, so that records of two runs cannot be exchanged. Anyone can
verify that with a JSON library and SHA-256. Nothing here does I/O or reads a clock.
"""

from collections.abc import Sequence

from remit.canonical import (
    JSON,
    Digest,
    JSONObject,
    NotCanonicalError,
    canonical,
    digest,
    digest_bytes,
)

FORMAT = "remit.record/v1"
HASHED = frozenset({"at_ms", "body", "kind", "prev", "root", "seq"})
"""Fields of a record that its hash covers: all but the hash itself."""


def genesis(root: str) -> Digest:
    """Return the `prev` of the first record of a run's chain."""
    return digest({"format": FORMAT, "root": root})


def chain_hash(prev: Digest, record: JSONObject) -> Digest:
    """Return the hash of `record` (`at_ms`, `body`, `kind`, `root`, `seq`) behind `prev`."""
    return digest({**record, "prev": prev})


def link(prev: Digest, root: bytes, seq: int, at_ms: int, kind: str, body: bytes) -> Digest:
    """Return the same as `chain_hash`, from parts that are canonical already.

    `root` and `body` are canonical JSON; `kind` is a plain lower-case word. The ledger's one writer
    thread uses this: canonicalising a decision takes longer than writing it.
    """
    head = b'{"at_ms":%d,"body":%b,"kind":"%b"' % (at_ms, body, kind.encode())
    tail = b',"prev":"%b","root":%b,"seq":%d}' % (prev.encode(), root, seq)
    return digest_bytes(head + tail)


def verify_chain(
    records: Sequence[JSONObject], *, head: Digest | None = None, before: JSONObject | None = None
) -> int | None:
    """Return the index of the first bad record, or `None` when the chain holds.

    Args:
        records: Records as `Ledger.records` returns them, in order.
        head: Hash that the chain is known to end with. When the records end with another one,
            though each holds, their tail was cut: the index behind the last is returned.
        before: The verified record before the first of `records`; without it they must begin the
            chain.
    """
    seq, prev = (before["seq"], before["hash"]) if before else (0, None)
    for index, record in enumerate(records):
        if prev is None:
            prev = genesis(str(record.get("root")))
        if not isinstance(seq, int) or not _follows(record, seq + 1, prev, records[0]):
            return index
        seq, prev = seq + 1, record["hash"]
    if head is not None and prev is not None and prev != head:
        return len(records)
    return len(records) if head is not None and prev is None else None


def _follows(record: JSONObject, seq: int, prev: JSON, first: JSONObject) -> bool:
    content = {name: value for name, value in record.items() if name != "hash"}
    if content.keys() != HASHED:
        return False
    if (content["seq"], content["prev"], content["root"]) != (seq, prev, first.get("root")):
        return False
    try:
        return record.get("hash") == digest_bytes(canonical(content))
    except NotCanonicalError:
        return False
