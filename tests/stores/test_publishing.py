"""Checkpoints as files: written once, never again, the newest found."""

from pathlib import Path

import pytest

from remit.evidence.checkpoint import Checkpoint, SigningKey
from remit.stores.publishing import CheckpointFolder, PublishedError

KEY = SigningKey("remit.example/ledger", bytes(range(32)))


def note(size: int, root: bytes = bytes(32)) -> bytes:
    """Return a signed head."""
    return KEY.sign(Checkpoint("remit.example/ledger", size, root))


def test_the_newest_is_found_and_nothing_is_written_twice(tmp_path: Path) -> None:
    """Heads of any size are kept; the same again changes nothing, another is refused."""
    store = CheckpointFolder(tmp_path / "checkpoints")
    assert store.newest() is None
    for size in (9, 100_001, 99_999, 3):
        store.put(size, note(size))
        store.put(size, note(size))

    assert store.newest() == note(100_001)
    with pytest.raises(PublishedError):
        store.put(9, note(9, b"x" * 32))
    files = list(tmp_path.rglob("*.checkpoint"))
    assert len(files) == 4
    assert all(file.stat().st_mode & 0o222 == 0 for file in files)


def test_what_is_no_checkpoint_is_passed_over(tmp_path: Path) -> None:
    """A file that somebody ruined hides the ones before it from nobody."""
    store = CheckpointFolder(tmp_path)
    store.put(3, note(3))
    store.put(5, note(5))
    ruined = max(tmp_path.rglob("*.checkpoint"))
    ruined.chmod(0o600)
    ruined.write_bytes(b"")

    assert store.newest() == note(3)
