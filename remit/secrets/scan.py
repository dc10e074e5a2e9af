"""Looks for secrets where none may be: histories, ledgers, logs, traces, archives.

Every plain file under the given places is read as bytes, in pieces that overlap. Of SQLite files
each value is read too: one that is longer than a page does not stand in the file in one piece. What
is packed (gzip, zlib, zip) is unpacked, to a bound. A finding says where, whose secret and in which
form; never the secret. What cannot be read is told: a scan that passed it over proved nothing.
"""

import gzip
import sqlite3
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from remit.secrets.forms import forms

_PIECE = 1024 * 1024
_MOST_UNPACKED = 512 * 1024 * 1024
_MOST_VALUE = 64 * 1024 * 1024
_SQLITE = b"SQLite format 3\0"
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"


class Readable(Protocol):
    """Bytes, wherever they come from."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""


@dataclass(frozen=True, slots=True)
class Needle:
    """A secret that is looked for."""

    name: str
    """Its reference, or where it was planted from; never the value."""
    forms: tuple[tuple[bytes, str], ...] = field(repr=False)

    @classmethod
    def of(cls, name: str, value: str) -> "Needle":
        """Return what to look for."""
        return cls(name, tuple((text.encode("utf-8"), form) for text, form in forms(value)))


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A secret where none may be, or a place that could not be looked at."""

    where: str
    needle: str
    """Empty: it could not be read."""
    form: str


@dataclass(slots=True)
class Scan:
    """One look through some places."""

    needles: Sequence[Needle]
    files: int = 0
    size: int = 0
    """Bytes read."""

    def of(self, places: Iterable[Path], besides: Iterable[Path] = ()) -> list[Found]:
        """Return what is found under `places`.

        Args:
            places: files and folders.
            besides: files that are meant to hold secrets.
        """
        passed = {each.resolve() for each in besides}
        found: set[Found] = set()
        for file in sorted({each for place in places for each in _files(place)}):
            if file.resolve() not in passed:
                found |= set(self._file(file))
        return sorted(found)

    def _file(self, file: Path) -> Iterator[Found]:
        name = str(file)
        try:
            with file.open("rb") as opened:
                begins = opened.read(len(_SQLITE))
                opened.seek(0)
                yield from self._stream(name, opened)
            if begins == _SQLITE:
                yield from self._database(file)
            elif begins.startswith(_GZIP):
                with gzip.open(file) as packed:
                    yield from self._stream(f"{name} (unpacked)", packed, _MOST_UNPACKED)
            elif begins.startswith(_ZIP):
                yield from self._archive(file)
            elif begins.startswith(_ZSTANDARD):
                yield Found(name, "", "packed with Zstandard")
        except FileNotFoundError:
            return  # gone while we looked, as write-ahead logs go
        except (OSError, EOFError, sqlite3.Error, zipfile.BadZipFile, zlib.error) as error:
            yield Found(name, "", type(error).__name__)
        self.files += 1

    def _stream(self, name: str, stream: Readable, most: int | None = None) -> Iterator[Found]:
        longest = max((len(text) for needle in self.needles for text, _ in needle.forms), default=1)
        kept, read = b"", 0
        while piece := stream.read(_PIECE):
            read += len(piece)
            self.size += len(piece)
            yield from self._in(name, kept + piece)
            kept = (kept + piece)[-longest:]
            if most is not None and read > most:
                yield Found(name, "", f"larger than {most >> 20} MiB when unpacked")
                return

    def _in(self, name: str, data: bytes) -> Iterator[Found]:
        for needle in self.needles:
            for text, form in needle.forms:
                if text in data:
                    yield Found(name, needle.name, form)

    def _database(self, file: Path) -> Iterator[Found]:
        uri = f"{file.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as database:
            database.text_factory = bytes
            listed = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (raw,) in listed.fetchall():
                table = raw.decode("utf-8", "replace")
                quoted = table.replace('"', '""')
                for row in database.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 - its own names
                    for value in row:
                        if isinstance(value, bytes):
                            yield from self._value(f"{file}: table {table}", value)

    def _value(self, where: str, value: bytes) -> Iterator[Found]:
        yield from self._in(where, value)
        if value.startswith(_GZIP) or (len(value) > 2 and value[0] == 0x78):
            unpacking = zlib.decompressobj(wbits=47)  # gzip or zlib, by its head
            try:
                yield from self._in(where, unpacking.decompress(value, _MOST_VALUE))
            except zlib.error:
                return  # it only looked packed
            if unpacking.unconsumed_tail:
                yield Found(where, "", f"larger than {_MOST_VALUE >> 20} MiB when unpacked")

    def _archive(self, file: Path) -> Iterator[Found]:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                name = f"{file}: {member.filename} (unpacked)"
                try:
                    with archive.open(member) as opened:
                        yield from self._stream(name, opened, _MOST_UNPACKED)
                except (RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                    # Under a password, packed in a way that is not known here, or broken.
                    yield Found(name, "", type(error).__name__)


def _files(place: Path) -> Iterator[Path]:
    """Yield the plain files under `place`; sockets, pipes and links are none."""
    if place.is_dir() and not place.is_symlink():
        try:
            inside = sorted(place.iterdir())
        except FileNotFoundError:
            return
        for each in inside:
            yield from _files(each)
        return
    try:
        if stat.S_ISREG(place.lstat().st_mode):
            yield place
    except FileNotFoundError:
        return
