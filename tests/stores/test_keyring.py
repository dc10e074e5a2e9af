"""The signing key: made once, for its owner alone, and changed so that a crash costs nothing."""

from pathlib import Path

import pytest

from remit.evidence.checkpoint import Checkpoint, CheckpointError, open_note
from remit.stores import keyring
from remit.stores.keyring import Keyring, KeysBusyError, origin_of

ORIGIN = "remit.example/ledger"


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    """A keyring with its first key."""
    made = Keyring(tmp_path / "keys")
    made.make(ORIGIN)
    return made


def signed(keys: Keyring, size: int) -> bytes:
    """Sign a tree with the key in use."""
    with keys.held() as key:
        return key.sign(Checkpoint(ORIGIN, size, bytes(32)))


def test_the_key_is_made_once_and_nobody_else_reads_it(keys: Keyring) -> None:
    """Making keys again changes nothing; the private file is its owner's, the public one is not."""
    before = {file.name: file.read_bytes() for file in keys.folder.iterdir()}
    keys.make("remit.example/another")

    assert {file.name: file.read_bytes() for file in keys.folder.iterdir()} == before
    assert (keys.folder / "signing.key").stat().st_mode & 0o777 == 0o600
    assert keys.folder.stat().st_mode & 0o777 == 0o700
    assert b"PRIVATE" not in keys.public_file.read_bytes()


def test_after_a_rotation_each_key_signs_its_own_trees(keys: Keyring) -> None:
    """Notes of both keys verify with the key file; neither may sign the other's sizes."""
    old = signed(keys, 7)
    with keys.held() as retired:
        opened = keys.rotate(7)
    new = signed(keys, 8)

    assert [(key.since, key.until) for key in keys.publics()] == [(0, 7), (8, None)]
    assert opened == keys.publics()[-1]
    assert open_note(old, keys.publics()).size == 7
    assert open_note(new, keys.publics()).size == 8
    late = retired.sign(Checkpoint(ORIGIN, 9, bytes(32)))
    with pytest.raises(CheckpointError) as error:
        open_note(late, keys.publics())
    assert error.value.code == "EVIDENCE-KEY"


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_a_rotation_broken_off_anywhere_leaves_a_key_that_fits(
    keys: Keyring, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    """Whatever was written last, the key that signs next is the last public one."""
    left = [allowed]
    write = keyring.write_atomically

    def counted(path: Path, content: bytes, *, mode: int = 0o600) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError("the power is gone")
        write(path, content, mode=mode)

    def replaced(self: Path, target: Path) -> Path:
        raise OSError("the power is gone")

    with monkeypatch.context() as patch, keys.held():
        patch.setattr(keyring, "write_atomically", counted)
        if allowed == 2:
            patch.setattr(Path, "replace", replaced)
            patch.setattr(keyring, "write_atomically", write_without_replace)
        with pytest.raises(OSError, match="power"):
            keys.rotate(7)

    note = signed(Keyring(keys.folder), 8)
    assert open_note(note, keys.publics()).size == 8


def write_without_replace(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file where renaming is out of order."""
    path.write_bytes(content)
    path.chmod(mode)


def test_one_holds_the_key_at_a_time(keys: Keyring) -> None:
    """While a batch is signed nobody changes the key, and the other way round."""
    with keys.held(), pytest.raises(KeysBusyError), Keyring(keys.folder).held():
        pass
    with keys.held():
        pass


def test_a_key_that_is_not_the_published_one_signs_nothing(keys: Keyring, tmp_path: Path) -> None:
    """An exchanged private key is refused, and its text stands in no message."""
    other = Keyring(tmp_path / "other")
    other.make(ORIGIN)
    secret = (other.folder / "signing.key").read_text()
    (keys.folder / "signing.key").write_text(secret)

    with pytest.raises(CheckpointError) as error, keys.held():
        pass
    assert error.value.code == "EVIDENCE-KEY"
    assert secret.strip() not in str(error.value)


def test_no_two_logs_share_a_name() -> None:
    """The name of a log is fit for a note, whatever the folder is called."""
    names = {origin_of("My Project + ünïcode") for _ in range(50)}

    assert len(names) == 50
    assert all(name.startswith("remit.local/my-project-n-code-") for name in names)
