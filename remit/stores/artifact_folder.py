"""Artifacts in a folder that all workers share: plain, or sealed with the contents' keys.

    TENANT/ab/abcdef…/data             the bytes, or
    TENANT/ab/abcdef…/data.KEY         sealed under that key (`remit.stores.vault`)
    TENANT/ab/abcdef…/claims/…         one file for each call that brought it: its step key
    incoming/…                         on its way in

A sealed file begins with a random name; each chunk is sealed with that name, its number, and
whether it is the last, so that none can be left out, exchanged or moved. Files appear under their
name when they are whole and on the disk. Appearing and removing exclude each other by a lock.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from remit.canonical import DIGEST, Digest
from remit.ledger.errors import LedgerError
from remit.stores.artifacts import CHUNK_BYTES, ArtifactError, Incoming, Stored
from remit.stores.vault import OPEN, PLAIN, Vault

KEEP_FREE_BYTES = 256 * 1024 * 1024
"""What no artifact may take of a disk."""
_PREFIX = "sha256:"
_NAME_BYTES = 32
_SEAL_BYTES = 28
_SEALED_BYTES = CHUNK_BYTES + _SEAL_BYTES
_ABANDONED_S = 86_400


def default_folder(project: Path) -> Path:
    """Return where a project's artifacts lie unless `REMIT_ARTIFACTS` says otherwise."""
    return project / ".remit" / "data" / "artifacts"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One artifact in a folder."""

    digest: Digest
    folder: Path
    vault: Vault

    @property
    def size(self) -> int:
        """Its bytes."""
        file, key = self._file()
        held = file.stat().st_size
        if key == PLAIN:
            return held
        chunks = -(-(held - _NAME_BYTES) // _SEALED_BYTES)
        return held - _NAME_BYTES - chunks * _SEAL_BYTES

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes, which are checked against the digest behind the last of them."""
        file, key = self._file()
        found = hashlib.sha256()
        with file.open("rb") as held:
            for chunk in _plain(held) if key == PLAIN else self._opened(held, key):
                found.update(chunk)
                yield chunk
        if _PREFIX + found.hexdigest() != self.digest:
            raise ArtifactError("ARTIFACT-DIFFERS", f"what is stored is not {self.digest}")

    def verify(self) -> None:
        """Read it through once."""
        for _ in self.chunks():
            pass

    def claims(self) -> Sequence[str]:
        """Return the step keys of the calls that brought it."""
        try:
            return sorted(file.read_text() for file in (self.folder / "claims").iterdir())
        except FileNotFoundError:
            return ()

    def _file(self) -> tuple[Path, str]:
        for file in sorted(self.folder.glob("data*")):
            return file, file.name.partition(".")[2]
        raise ArtifactError("ARTIFACT-ABSENT", f"there is no artifact {self.digest}")

    def _opened(self, held: BinaryIO, key: str) -> Iterator[bytes]:
        name = held.read(_NAME_BYTES).decode("ascii", "replace")
        number, sealed = 0, held.read(_SEALED_BYTES)
        while True:
            more = held.read(_SEALED_BYTES)
            try:
                yield self.vault.open(_bound(name, number, is_last=not more), key, sealed)
            except LedgerError as error:
                code = "CONTENT-KEY" if error.code == "CONTENT-KEY" else "ARTIFACT-DIFFERS"
                raise ArtifactError(code, f"{self.digest}: {error}") from error
            if not more:
                return
            number, sealed = number + 1, more


class IncomingFile:
    """One artifact on its way into a folder."""

    def __init__(self, store: "ArtifactFolder", tenant: str, step_key: str, most: int) -> None:
        self._store, self._tenant, self._step_key, self._most = store, tenant, step_key, most
        self._hash = hashlib.sha256()
        self._size = 0
        self._number = 0
        self._rest = bytearray()
        self._name = secrets.token_hex(_NAME_BYTES // 2)
        self._vault = store.vault
        self._path = store.incoming / self._name
        self._file: BinaryIO | None = self._path.open("xb")
        self._path.chmod(0o600)
        if self._vault.current != PLAIN:
            self._file.write(self._name.encode())

    def write(self, chunk: bytes) -> None:
        """Take more bytes."""
        self._size += len(chunk)
        if self._size > self._most:
            raise ArtifactError("ARTIFACT-TOO-LARGE", f"it has more than {self._most} bytes")
        self._hash.update(chunk)
        if self._vault.current == PLAIN:
            self._open().write(chunk)
            return
        self._rest += chunk
        while len(self._rest) > CHUNK_BYTES:
            self._seal(bytes(self._rest[:CHUNK_BYTES]), is_last=False)
            del self._rest[:CHUNK_BYTES]

    def finish(self) -> tuple[Digest, int]:
        """Keep it."""
        file = self._open()
        if self._vault.current != PLAIN:
            self._seal(bytes(self._rest), is_last=True)
        file.flush()
        os.fsync(file.fileno())
        file.close()
        self._file = None
        digest = _PREFIX + self._hash.hexdigest()
        key = self._vault.current
        name = "data" if key == PLAIN else f"data.{key}"
        self._store.keep(self._path, name, self._tenant, digest, self._step_key)
        return digest, self._size

    def abandon(self) -> None:
        """Let go of what was not finished."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._path.unlink(missing_ok=True)

    def _open(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("it is finished, or abandoned")
        return self._file

    def _seal(self, chunk: bytes, *, is_last: bool) -> None:
        name = _bound(self._name, self._number, is_last=is_last)
        self._open().write(self._vault.seal(name, chunk))
        self._number += 1


class ArtifactFolder:
    """All artifacts of one folder. Threads and processes may share it."""

    def __init__(self, folder: Path, vault: Vault = OPEN, keep_free: int = KEEP_FREE_BYTES) -> None:
        """Keep artifacts in `folder`, which is made with the first of them."""
        self.folder = folder
        self.incoming = folder / "incoming"
        self.vault = vault
        self._keep_free = keep_free

    def begin(self, tenant: str, step_key: str, most: int) -> Incoming:
        """Begin to take in at most `most` bytes."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.incoming.mkdir(mode=0o700, exist_ok=True)
            free = shutil.disk_usage(self.folder).free
            if free < self._keep_free:
                raise ArtifactError("ARTIFACT-NO-ROOM", f"the disk has {free} bytes left")
            return IncomingFile(self, tenant, step_key, most)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise ArtifactError("ARTIFACT-NO-ROOM", f"the store cannot be written: {why}") from None

    def find(self, tenant: str, digest: Digest) -> Stored:
        """Return a tenant's artifact."""
        place = self._place(_tenant(tenant), digest)
        if not DIGEST.match(digest) or not place.is_dir():
            raise ArtifactError("ARTIFACT-ABSENT", f"this tenant has no artifact {digest}")
        return StoredFile(digest, place, self.vault)

    def everywhere(self, digest: Digest) -> Sequence[Stored]:
        """Return an artifact as all tenants hold it."""
        places = [self._place(tenant.name, digest) for tenant in self._tenants()]
        return [StoredFile(digest, place, self.vault) for place in places if place.is_dir()]

    def settled(self, age_s: float) -> Iterator[Stored]:
        """Yield all that nobody brought within `age_s` seconds."""
        now = time.time()
        for left in self.incoming.glob("*"):
            with suppress(FileNotFoundError):
                if now - left.stat().st_mtime > _ABANDONED_S:
                    left.unlink()
        for tenant in self._tenants():
            for place in tenant.glob("??/*"):
                with suppress(FileNotFoundError):
                    if now - (place / "claims").stat().st_mtime >= age_s:
                        yield StoredFile(_PREFIX + place.name, place, self.vault)

    def remove(self, stored: Stored, claims: Sequence[str]) -> bool:
        """Remove an artifact unless it has other claims than these by now."""
        if not isinstance(stored, StoredFile):
            raise TypeError("it is of another store")
        with self._alone():
            if set(stored.claims()) - set(claims):
                return False
            shutil.rmtree(stored.folder, ignore_errors=True)
        return True

    def keep(self, path: Path, name: str, tenant: str, digest: Digest, step_key: str) -> None:
        """Put a whole file where it belongs, and claim it."""
        place = self._place(_tenant(tenant), digest)
        claim = place / "claims" / hashlib.sha256(step_key.encode()).hexdigest()[:32]
        with self._alone():
            claim.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            claim.write_text(step_key)
            # Whatever stood there goes: it may have been altered, or be under an older key.
            path.replace(place / name)
            for other in place.glob("data*"):
                if other.name != name:
                    other.unlink()
            for folder in (claim.parent, place, place.parent):
                _to_disk(folder)

    def _place(self, tenant: str, digest: Digest) -> Path:
        named = digest.removeprefix(_PREFIX)
        return self.folder / tenant / named[:2] / named

    def _tenants(self) -> Sequence[Path]:
        return [one for one in sorted(self.folder.glob("t-*")) if one.is_dir()]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _plain(held: BinaryIO) -> Iterator[bytes]:
    while chunk := held.read(CHUNK_BYTES):
        yield chunk


def _bound(name: str, number: int, *, is_last: bool) -> str:
    return f"artifact {name} {number} {'last' if is_last else 'more'}"


def _tenant(tenant: str) -> str:
    return "t-" + hashlib.sha256(tenant.encode()).hexdigest()[:32]


def _to_disk(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
