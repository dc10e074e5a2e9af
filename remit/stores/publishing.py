"""Where signed tree heads are kept beside the ledger, so that who writes the one cannot mend both.

`CheckpointStore` is the interface; a folder implements it, and an object store can. A checkpoint
is a file of its own, named by its size, written once and never again. Put the folder
where the ledger's writers cannot write: another account's, another host's, append-only storage.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from remit.evidence.checkpoint import CheckpointError, parse_note
from remit.stores.atomic import write_atomically

_BLOCK = 100_000
"""Sizes of one sub-folder, so that none grows without end."""
_SUFFIX = ".checkpoint"


class PublishedError(Exception):
    """Another tree of this size was published before."""


class CheckpointStore(Protocol):
    """Keeps signed heads for good."""

    def put(self, size: int, note: bytes) -> None:
        """Keep the head of a tree of `size` leaves; again changes nothing.

        Raises:
            PublishedError: another one is kept under this size.
            OSError: it cannot be kept now.
        """

    def newest(self) -> bytes | None:
        """Return the head of the largest tree that is kept."""


class CheckpointFolder:
    """Checkpoints as files."""

    def __init__(self, folder: Path) -> None:
        """Keep them below `folder`, which is made when the first one comes."""
        self._folder = folder

    def put(self, size: int, note: bytes) -> None:
        """Write a checkpoint's file."""
        file = self._folder / f"{size // _BLOCK:012d}" / f"{size:020d}{_SUFFIX}"
        if file.exists():
            if file.read_bytes() != note:
                raise PublishedError(f"{file} holds another checkpoint")
            return
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomically(file, note, mode=0o444)

    def newest(self) -> bytes | None:
        """Return the head of the largest tree."""
        for file in self._files():
            note = file.read_bytes()
            try:
                parse_note(note)
            except CheckpointError:
                continue
            return note
        return None

    def _files(self) -> Iterator[Path]:
        """Yield the files, largest tree first."""
        if not self._folder.is_dir():
            return
        for place in sorted(self._folder.iterdir(), reverse=True):
            if place.is_dir():
                yield from sorted(place.glob(f"*{_SUFFIX}"), reverse=True)
