"""The signing key of a log, on disk: one private key, all public ones, and how they change.

    signing.key        the private key, for its owner alone
    signing.key.next   between the two writes of a rotation
    log.pub            a public key a line, with the sizes of the trees that it signs
    lock               held while a batch is signed and while the key is changed

`remit up` makes the first key; elsewhere `python -m remit.stores.keyring FOLDER` does, and leaves
one alone that is there.

Only the keeper and `remit evidence` are told where this is; what writes the ledger is not. Auditors
get `log.pub`. A rotation that is broken off is finished, or forgotten, by the next who comes.
"""

import argparse
import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from remit.evidence.checkpoint import CheckpointError, PublicKey, SigningKey, parse_keys
from remit.stores.atomic import write_atomically

SIGNING = "signing.key"
PUBLIC = "log.pub"
_NEXT = "signing.key.next"
_HEADER = "# Public keys of the log: KEY, smallest and largest tree that it signs.\n"


class KeysBusyError(Exception):
    """Somebody else signs, or changes the key, at this moment."""


class Keyring:
    """The keys in one folder."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`; `make` puts the first key there."""
        self.folder = folder

    @property
    def public_file(self) -> Path:
        """The file that auditors get."""
        return self.folder / PUBLIC

    def make(self, origin: str) -> None:
        """Make the first key, for the log `origin`, unless there is one."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked(wait=True):
            if not (self.folder / SIGNING).exists() and not self.public_file.exists():
                key = SigningKey(origin, secrets.token_bytes(32))
                self._write(SIGNING, key.text)
                self._publish([key.public])
            elif not self.public_file.exists():
                self._publish([self._read(SIGNING).public])

    def publics(self) -> Sequence[PublicKey]:
        """Return all public keys, the one in use last.

        Raises:
            CheckpointError: `EVIDENCE-KEY`.
        """
        try:
            return parse_keys(self.public_file.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError("EVIDENCE-KEY", f"{self.public_file}: {error}") from error

    @contextmanager
    def held(self, *, wait: bool = False) -> Iterator[SigningKey]:
        """Give the key in use, which nobody changes meanwhile.

        Raises:
            KeysBusyError: somebody else holds it, and `wait` is false.
            CheckpointError: `EVIDENCE-KEY` when private and public keys do not fit.
        """
        with self._locked(wait=wait):
            yield self._in_use()

    def rotate(self, size: int) -> PublicKey:
        """Make a new key for trees of more than `size` leaves, the last that the old one signed.

        The caller is inside `held`.
        """
        *before, last = self.publics()
        key = SigningKey(last.name, secrets.token_bytes(32))
        closed = PublicKey(last.name, last.raw, last.since, size)
        opened = PublicKey(key.public.name, key.public.raw, size + 1)
        self._write(_NEXT, key.text)
        # From here the new key is the one in use: `_in_use` finishes what is left to do.
        self._publish([*before, closed, opened])
        (self.folder / _NEXT).replace(self.folder / SIGNING)
        return opened

    def _in_use(self) -> SigningKey:
        wanted = self.publics()[-1:]
        for name in (SIGNING, _NEXT):
            key = self._read(name) if (self.folder / name).exists() else None
            if key is None or not wanted or key.public.raw != wanted[0].raw:
                continue
            if name == _NEXT:
                (self.folder / _NEXT).replace(self.folder / SIGNING)
            return key
        raise CheckpointError(
            "EVIDENCE-KEY", f"{self.folder} holds no private key for the last line of {PUBLIC}"
        )

    def _read(self, name: str) -> SigningKey:
        try:
            return SigningKey.parse((self.folder / name).read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError("EVIDENCE-KEY", f"{name}: {error}") from error

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.folder / name, f"{text}\n".encode("ascii"))

    def _publish(self, keys: Sequence[PublicKey]) -> None:
        lines = [" ".join([key.text, *_sizes(key)]) for key in keys]
        content = _HEADER + "".join(f"{line}\n" for line in lines)
        write_atomically(self.public_file, content.encode("ascii"), mode=0o644)

    @contextmanager
    def _locked(self, *, wait: bool) -> Iterator[None]:
        handle = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise KeysBusyError(str(self.folder)) from error
        try:
            yield
        finally:
            os.close(handle)


def _sizes(key: PublicKey) -> Sequence[str]:
    if key.until is not None:
        return [str(key.since), str(key.until)]
    return [str(key.since)] if key.since else []


def origin_of(project: str) -> str:
    """Return a name for a new log of a project; no two logs share one."""
    plain = re.sub(r"[^a-z0-9-]+", "-", project.lower()).strip("-") or "project"
    return f"remit.local/{plain}-{secrets.token_hex(4)}"


def main() -> None:
    """Read the command line and make the first key of a log."""
    parser = argparse.ArgumentParser(prog="python -m remit.stores.keyring", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", default="project", help="what the log's name begins with")
    given = parser.parse_args()
    Keyring(given.folder).make(origin_of(given.name))


if __name__ == "__main__":
    main()
