"""The archive `remit.evidence/v1`: its parts, writing one, and reading one that may be hostile.

A zip file with these entries and no others; `docs/reference/evidence.md` describes them:

    manifest.json       what it is about
    records.jsonl       the run's records in order, one a line
    checkpoint          the signed tree head
    inclusion.json      where the records stand in the tree, and one proof for all of them
    consistency.json    proofs that earlier trees are beginnings of this one
    contents/<hex>      values that records name by digest
    policies/<hex>      policy bundles by revision

Reading bounds everything: the directory before it is parsed, the number of entries, and the bytes
that really come out, whatever an entry says about itself. Works on open files; opens none.
"""

import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remit.canonical import Digest
from remit.evidence.finding import Code, EvidenceError

FORMAT = "remit.evidence/v1"
MANIFEST = "manifest.json"
RECORDS = "records.jsonl"
CHECKPOINT = "checkpoint"
INCLUSION = "inclusion.json"
CONSISTENCY = "consistency.json"
_HEX = r"[0-9a-f]{64}"
_NAMED = re.compile(rf"^(contents|policies)/({_HEX})$")
_SINGLE = (MANIFEST, RECORDS, CHECKPOINT, INCLUSION, CONSISTENCY)
_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The same archive twice is the same bytes."""
_CHUNK = 64 * 1024
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, OSError, ValueError, RuntimeError, NotImplementedError, OverflowError),
)
"""What the zip reader raises over bytes that are no archive; several are not documented."""

M = TypeVar("M", bound=BaseModel)


class Model(BaseModel):
    """A closed, frozen part of an archive."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Manifest(Model):
    """What the archive is about."""

    format: str
    root: str = Field(max_length=200)
    """Root chain id of the run."""
    origin: str = Field(max_length=300)
    """Name of the log that the records are in."""
    records: int = Field(ge=0)


class Inclusion(Model):
    """Where the first records of the run stand in the tree, and the proof of all of them."""

    size: int = Field(ge=0)
    """Leaves of the tree; the checkpoint's."""
    indexes: list[int]
    """Of record 1, 2, …: its leaf; those behind the last are not covered."""
    leaves: list[str]
    """Leaf hashes, hexadecimal, so that the record that differs can be named."""
    proof: list[str]
    """Hashes of the largest subtrees without any of these leaves, from left to right."""


class Consistency(Model):
    """Proof that the tree of `size` leaves is the beginning of the archive's."""

    size: int = Field(ge=0)
    proof: list[str]


class Consistencies(Model):
    """All of them."""

    proofs: list[Consistency]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that a reader takes."""

    file_bytes: int = 2 * 2**30
    directory_bytes: int = 64 * 2**20
    entries: int = 500_000
    total_bytes: int = 8 * 2**30
    """Of all entries, unpacked."""
    part_bytes: int = 256 * 2**20
    """Of one entry but the records, unpacked."""
    line_bytes: int = 4 * 2**20
    ratio: int = 200
    """Unpacked bytes for each packed one, once an entry is larger than `free_bytes`."""
    free_bytes: int = 2**20


BOUNDS = Bounds()


def write(
    file: BinaryIO,
    *,
    manifest: Manifest,
    records: Iterable[bytes],
    checkpoint: bytes | None,
    inclusion: Inclusion | None,
    consistency: Sequence[Consistency],
    contents: Mapping[Digest, bytes],
    policies: Mapping[Digest, bytes],
) -> None:
    """Write an archive; the same parts always give the same bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        _put(packed, MANIFEST, _dumped(manifest))
        with packed.open(_entry(RECORDS), "w", force_zip64=True) as lines:
            for record in records:
                lines.write(record + b"\n")
        if checkpoint is not None:
            _put(packed, CHECKPOINT, checkpoint)
        if inclusion is not None:
            _put(packed, INCLUSION, _dumped(inclusion))
        _put(packed, CONSISTENCY, _dumped(Consistencies(proofs=list(consistency))))
        for folder, given in (("contents", contents), ("policies", policies)):
            for digest in sorted(given):
                _put(packed, f"{folder}/{digest.removeprefix('sha256:')}", given[digest])


def _put(packed: zipfile.ZipFile, name: str, content: bytes) -> None:
    packed.writestr(_entry(name), content)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _dumped(part: Model) -> bytes:
    text = json.dumps(part.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return text.encode()


class Archive:
    """An archive open for reading, within bounds."""

    def __init__(self, file: BinaryIO, bounds: Bounds = BOUNDS) -> None:
        """Read the directory of `file` and the manifest.

        Raises:
            EvidenceError: `EVIDENCE-FORMAT`, `EVIDENCE-VERSION`, `EVIDENCE-TOO-LARGE`.
        """
        self._bounds = bounds
        self._left = bounds.total_bytes
        _check_directory(file, bounds)
        try:
            self._packed = zipfile.ZipFile(file)
        except _UNREADABLE as error:
            raise _malformed("archive", f"it cannot be opened: {error}") from error
        self._entries = _checked(self._packed.infolist(), bounds)
        self.manifest = self._manifest()

    def _manifest(self) -> Manifest:
        content = self.part(MANIFEST)
        if content is None:
            raise _malformed(MANIFEST, "it is not in the archive")
        stated = _format_of(content)
        if stated != FORMAT:
            raise EvidenceError(
                Code.VERSION, MANIFEST, f"the format is {stated!r}, and known is {FORMAT!r}"
            )
        return _parsed(Manifest, content, MANIFEST)

    def part(self, name: str) -> bytes | None:
        """Return an entry's content, `None` when there is no such entry."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        return b"".join(self._unpacked(entry, self._bounds.part_bytes))

    def inclusion(self) -> Inclusion | None:
        """Return the proof of the records."""
        content = self.part(INCLUSION)
        return None if content is None else _parsed(Inclusion, content, INCLUSION)

    def consistency(self) -> Mapping[int, Sequence[str]]:
        """Return the proofs about earlier trees, by size."""
        content = self.part(CONSISTENCY)
        if content is None:
            return {}
        found = _parsed(Consistencies, content, CONSISTENCY)
        return {one.size: one.proof for one in found.proofs}

    def named(self, folder: str) -> Sequence[Digest]:
        """Return the digests of the entries in `contents` or `policies`."""
        found = [name.partition("/") for name in self._entries]
        return sorted(f"sha256:{last}" for first, _, last in found if first == folder)

    def content(self, digest: Digest, folder: str = "contents") -> bytes | None:
        """Return what stands under a digest; unchecked."""
        return self.part(f"{folder}/{digest.removeprefix('sha256:')}")

    def lines(self) -> Iterator[bytes]:
        """Yield the records' lines without their line breaks."""
        entry = self._entries.get(RECORDS)
        if entry is None:
            raise _malformed(RECORDS, "it is not in the archive")
        rest = b""
        for chunk in self._unpacked(entry, self._bounds.total_bytes):
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            if len(rest) > self._bounds.line_bytes:
                raise _large(RECORDS, f"a line has more than {self._bounds.line_bytes} bytes")
            yield from lines
        if rest:
            raise _malformed(RECORDS, "the last line has no end")

    def _unpacked(self, entry: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
        allowed = self._bounds.free_bytes + entry.compress_size * self._bounds.ratio
        size = 0
        try:
            with self._packed.open(entry) as packed:
                while chunk := packed.read(_CHUNK):
                    size += len(chunk)
                    self._left -= len(chunk)
                    if size > most or size > allowed or self._left < 0:
                        raise _large(entry.filename, f"it unpacks to more than {size} bytes")
                    yield chunk
        except EvidenceError:
            raise
        except _UNREADABLE as error:
            raise _malformed(entry.filename, f"it cannot be unpacked: {error}") from error


def _format_of(content: bytes) -> object:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _malformed(MANIFEST, "it is not JSON") from error
    return document.get("format") if isinstance(document, dict) else None


def _check_directory(file: BinaryIO, bounds: Bounds) -> None:
    """Look at the size of the directory before anything parses it."""
    size = file.seek(0, 2)
    if size > bounds.file_bytes:
        raise _large("archive", f"it has more than {bounds.file_bytes} bytes")
    tail_bytes = min(size, 22 + 65_535 + 76)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise _malformed("archive", "it is no zip file, or its end was cut")
    count, length = struct.unpack_from("<HI", tail, at + 10)
    large = tail.rfind(b"PK\x06\x06", 0, at)
    if large >= 0 and at - large >= 56:
        count, length = struct.unpack_from("<QQ", tail, large + 32)
    if count > bounds.entries or length > bounds.directory_bytes:
        raise _large("archive", f"its directory has {count} entries in {length} bytes")
    file.seek(0)


def _checked(entries: Sequence[zipfile.ZipInfo], bounds: Bounds) -> Mapping[str, zipfile.ZipInfo]:
    if len(entries) > bounds.entries:
        raise _large("archive", f"it has more than {bounds.entries} entries")
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = entry.filename
        if name in found:
            raise _malformed(name[:100], "it stands in the archive twice")
        if name not in _SINGLE and not _NAMED.match(name):
            raise _malformed(name[:100], "no such entry belongs into evidence")
        if entry.flag_bits & 1 or entry.compress_type not in (0, zipfile.ZIP_DEFLATED):
            raise _malformed(name, "it is encrypted, or packed in an unknown way")
        found[name] = entry
    return found


def _parsed(model: type[M], content: bytes, name: str) -> M:
    try:
        return model.model_validate_json(content)
    except (ValidationError, RecursionError) as error:
        raise _malformed(name, "it does not have the shape of the format") from error


def _malformed(place: str, message: str) -> EvidenceError:
    return EvidenceError(Code.FORMAT, place, message)


def _large(place: str, message: str) -> EvidenceError:
    return EvidenceError(Code.TOO_LARGE, place, message)
