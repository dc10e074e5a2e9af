"""The folder of artifacts: what is whole stands, what was altered is refused, tenants are apart."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from remit.stores.artifact_folder import ArtifactFolder, StoredFile
from remit.stores.artifacts import CHUNK_BYTES, ArtifactError, Stored
from remit.stores.vault import OPEN, Vault, load_vault

KEYS = {"NEW": "ab" * 32, "OLD": "cd" * 32}
SEALED = load_vault("env:NEW", KEYS)
BOTH = load_vault("env:NEW,env:OLD", KEYS)


def _keep(store: ArtifactFolder, body: bytes, tenant: str = "lab", key: str = "r:a:do") -> Stored:
    incoming = store.begin(tenant, key, 1 << 30)
    for at in range(0, len(body), 100_000):
        incoming.write(body[at : at + 100_000])
    digest, size = incoming.finish()
    assert (digest, size) == ("sha256:" + hashlib.sha256(body).hexdigest(), len(body))
    return store.find(tenant, digest)


def _file(stored: Stored) -> Path:
    assert isinstance(stored, StoredFile)
    (file,) = stored.folder.glob("data*")
    return file


def _code(act: Callable[[], object]) -> str:
    with pytest.raises(ArtifactError) as refused:
        act()
    return refused.value.code


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 700_001])
@pytest.mark.parametrize("vault", [OPEN, SEALED], ids=["plain", "sealed"])
def test_what_goes_in_comes_out(tmp_path: Path, vault: Vault, size: int) -> None:
    """Of any length, plain and sealed; sealed, nothing of it is readable on the disk."""
    body = (b"the plain words of it " * (size // 20 + 1))[:size]

    stored = _keep(ArtifactFolder(tmp_path, vault), body)

    assert (b"".join(stored.chunks()), stored.size) == (body, size)
    assert (b"plain words" in _file(stored).read_bytes()) == (vault is OPEN and size > 20)
    assert list((tmp_path / "incoming").iterdir()) == []


@pytest.mark.parametrize("vault", [OPEN, SEALED], ids=["plain", "sealed"])
def test_an_altered_artifact_is_refused(tmp_path: Path, vault: Vault) -> None:
    """A changed byte, a cut tail and, where it is sealed, two chunks exchanged are told."""
    stored = _keep(ArtifactFolder(tmp_path, vault), os.urandom(3 * CHUNK_BYTES))
    file, whole = _file(stored), _file(stored).read_bytes()
    sealed = CHUNK_BYTES + 28
    first, second = whole[32 : 32 + sealed], whole[32 + sealed : 32 + 2 * sealed]
    altered = [
        whole[:500] + bytes([whole[500] ^ 1]) + whole[501:],
        whole[:-1],
        whole[: 32 + sealed],
        whole[:32] + second + first + whole[32 + 2 * sealed :],
    ]

    for body in altered:
        file.write_bytes(body)
        assert _code(stored.verify) == "ARTIFACT-DIFFERS"


def test_keys_change(tmp_path: Path) -> None:
    """What an old key sealed is read while that key is named, and refused without it."""
    old = _keep(ArtifactFolder(tmp_path, load_vault("env:OLD", KEYS)), b"of old")

    ArtifactFolder(tmp_path, BOTH).find("lab", old.digest).verify()
    without = ArtifactFolder(tmp_path, SEALED).find("lab", old.digest)

    assert _code(without.verify) == "CONTENT-KEY"
    assert b"".join(_keep(ArtifactFolder(tmp_path, SEALED), b"of old").chunks()) == b"of old"


def test_tenants_are_apart(tmp_path: Path) -> None:
    """Who knows the digest of another tenant's artifact has nothing by it; nor by a made-up one."""
    store = ArtifactFolder(tmp_path)
    digest = _keep(store, b"of the lab").digest

    assert _code(lambda: store.find("other", digest)) == "ARTIFACT-ABSENT"
    assert _code(lambda: store.find("lab", "sha256:../../../etc/passwd")) == "ARTIFACT-ABSENT"
    assert [one.digest for one in store.everywhere(digest)] == [digest]


def test_bounds(tmp_path: Path) -> None:
    """Too much is refused and leaves nothing; so is a disk with too little left."""
    store = ArtifactFolder(tmp_path)
    incoming = store.begin("lab", "r:a:do", 10)
    assert _code(lambda: incoming.write(b"x" * 11)) == "ARTIFACT-TOO-LARGE"
    incoming.abandon()
    full = ArtifactFolder(tmp_path, keep_free=1 << 60)

    assert list(store.incoming.iterdir()) == []
    assert _code(lambda: full.begin("lab", "r:a:do", 10)) == "ARTIFACT-NO-ROOM"


def test_a_new_claim_keeps_it(tmp_path: Path) -> None:
    """Removal names the claims that it looked at; a call that brought it since keeps it."""
    store = ArtifactFolder(tmp_path)
    stored = _keep(store, b"x", key="r:a:do")
    seen = stored.claims()
    _keep(store, b"x", key="r:b:do")

    assert not store.remove(stored, seen)
    assert store.remove(stored, stored.claims())
    assert _code(lambda: store.find("lab", stored.digest)) == "ARTIFACT-ABSENT"
    assert list(store.settled(0)) == []
