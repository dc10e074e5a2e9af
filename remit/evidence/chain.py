"""The records of an archive, line by line: are they whole, in order, one behind the other?

A line is `{"hash":"sha256:…","record":{…}}`, where the record's bytes are exactly those that its
hash was made of, so that nothing is written anew to be verified. Nothing here does I/O.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic_core import from_json

from remit.canonical import Digest, JSONObject
from remit.evidence.finding import Code, Found
from remit.evidence.merkle import leaf_hash
from remit.ledger.records import HASHED, genesis

_LINE = re.compile(rb'^\{"hash":"sha256:([0-9a-f]{64})","record":(\{.*\})\}$', re.DOTALL)
MOST_FINDINGS = 100
"""Findings of one kind that are listed; the rest would say the same."""


class Entry(NamedTuple):
    """A record as the archive gives it."""

    record: JSONObject
    hash: Digest
    """As stated."""
    leaf: bytes
    """Of what the record really is."""
    is_whole: bool
    """Whether its content is what its hash names."""


@dataclass(slots=True)
class Chain:
    """What a pass over the records found."""

    root: str
    findings: list[Found] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    """Leaf hash of each line, in the order of the lines."""
    seqs: list[int] = field(default_factory=list)
    """Sequence number of each line; 0 for a line that is no record."""

    def find(self, code: Code, place: str, message: str) -> None:
        """Note a finding, within the bound."""
        if sum(found.code is code for found in self.findings) < MOST_FINDINGS:
            self.findings.append(Found(code, place, message))


def line(sealed: Digest, content: bytes) -> bytes:
    """Return the line of a record whose hashed bytes are `content`."""
    return b'{"hash":"%b","record":%b}' % (sealed.encode(), content)


def leaf_of(sealed: Digest) -> bytes:
    """Return the leaf of a record with this hash: its 32 bytes are the leaf's data."""
    return leaf_hash(bytes.fromhex(sealed.removeprefix("sha256:")))


def read(lines: Iterable[bytes], chain: Chain) -> Iterator[Entry]:
    """Yield the records of `lines`, noting in `chain` what is wrong with them."""
    prev, last = genesis(chain.root), 0
    for number, text in enumerate(lines, 1):
        entry = _entry(text)
        if entry is None:
            chain.find(Code.FORMAT, f"line {number}", "it is not a record")
            chain.leaves.append(b"")
            chain.seqs.append(0)
            last, prev = last + 1, ""
            continue
        seq = _check(entry, chain, last, prev)
        chain.leaves.append(entry.leaf)
        chain.seqs.append(seq)
        prev, last = entry.hash, seq
        yield entry
    _check_order(chain)


def record_of(text: bytes) -> JSONObject | None:
    """Return the record of a line, unchecked; `None` when it is not one."""
    found = _entry(text)
    return None if found is None else found.record


def _entry(text: bytes) -> Entry | None:
    matched = _LINE.match(text)
    if matched is None:
        return None
    try:
        # Keeping values that come again costs more than it saves, most are digests; names are few.
        record = from_json(matched[2], allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        return None
    if record.keys() != HASHED or not _is_record(record):
        return None
    actual = hashlib.sha256(matched[2]).digest()
    stated = matched[1].decode()
    return Entry(record, "sha256:" + stated, leaf_hash(actual), actual.hex() == stated)


def _is_record(record: JSONObject) -> bool:
    whole = type(record["seq"]) is int and type(record["at_ms"]) is int
    named = type(record["kind"]) is str and type(record["prev"]) is str
    return whole and named and type(record["root"]) is str and type(record["body"]) is dict


def _check(entry: Entry, chain: Chain, last: int, prev: Digest) -> int:
    seq = entry.record["seq"]
    number = seq if isinstance(seq, int) else 0
    if not entry.is_whole:
        chain.find(Code.EDITED, f"record {number}", "its content is not what its hash names")
    if entry.record["root"] != chain.root:
        chain.find(Code.CHAIN, f"record {number}", "it belongs to another run")
    if number == last + 1 and prev and entry.record["prev"] != prev:
        chain.find(Code.CHAIN, f"record {number}", f"it does not follow record {last}")
    return number


def _check_order(chain: Chain) -> None:
    known = {seq for seq in chain.seqs if seq}
    for first, last in _holes(sorted(known), len(chain.seqs) - len(known)):
        what = f"record {first}" if first == last else f"records {first} to {last}"
        chain.find(Code.MISSING, what, "not in the archive, though later ones are")
    before = 0
    for seq in chain.seqs:
        if seq and seq <= before:
            chain.find(Code.REORDERED, f"record {seq}", f"it stands behind record {before}")
        before = max(before, seq)


def _holes(seqs: list[int], unread: int) -> Iterator[tuple[int, int]]:
    """Yield ranges that are absent; lines that could not be read account for as many."""
    before = 0
    for seq in seqs:
        absent = seq - before - 1
        if absent > unread:
            yield before + 1, seq - 1
        unread = max(0, unread - absent)
        before = seq
