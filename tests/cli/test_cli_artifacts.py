"""`remit artifacts get`: the bytes or a clear refusal."""

import json
from pathlib import Path

import pytest

from remit.cli.main import main
from remit.stores.artifact_folder import ArtifactFolder
from remit.stores.artifacts import Stored


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """An artifact in a store that the environment names."""
    monkeypatch.setenv("REMIT_ARTIFACTS", str(tmp_path / "artifacts"))
    store = ArtifactFolder(tmp_path / "artifacts")
    incoming = store.begin("acme", "r:a:do", 100)
    incoming.write(b"\x00 the bytes")
    digest, _ = incoming.finish()
    return store.find("acme", digest)


def test_writes_the_bytes(
    stored: Stored, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """To stdout as they are, or to a file, which is never one that is there."""
    to = tmp_path / "out.bin"
    codes = [main(["artifacts", "get", stored.digest])]
    printed = capfdbinary.readouterr().out
    codes += [main(["artifacts", "get", stored.digest, "--to", str(to), "--json"])]
    told = json.loads(capfdbinary.readouterr().out)
    codes += [main(["artifacts", "get", stored.digest, "--to", str(to)])]

    assert codes == [0, 0, 2]
    assert (printed, to.read_bytes()) == (b"\x00 the bytes", b"\x00 the bytes")
    assert told == {"digest": stored.digest, "bytes": 11, "file": str(to)}
    assert b"ARTIFACT-FILE" in capfdbinary.readouterr().err


def test_refuses_what_is_absent_or_altered(
    stored: Stored, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And writes nothing then."""
    to = tmp_path / "out.bin"
    codes = [main(["artifacts", "get", "sha256:" + "0" * 64, "--to", str(to)])]
    (file,) = (tmp_path / "artifacts").glob("t-*/*/*/data")
    file.write_bytes(b"altered")
    codes += [main(["artifacts", "get", stored.digest, "--to", str(to)])]
    said = capfd.readouterr().err

    assert codes == [1, 1]
    assert ["ARTIFACT-ABSENT" in said, "ARTIFACT-DIFFERS" in said] == [True, True]
    assert not to.exists()
