"""What contents are encrypted with where the ledger keeps them: AES-256-GCM, a key by reference.

    REMIT_CONTENT_KEYS=file:/etc/remit/content.key        encrypt with this key
    REMIT_CONTENT_KEYS=env:NEW,file:/etc/remit/old.key    encrypt with the first, read with both
    REMIT_CONTENT_KEYS=plain,file:/etc/remit/old.key      encrypt no more, read with it

A key is 32 bytes, written as 64 hexadecimal digits or in base64. Its id is a digest of it and
stands beside every body. The plain text's digest is the name of the content and is authenticated
together with it, so that no two bodies can be exchanged. Nonces are random: one key is good for
2^32 bodies. Keys are never logged, and no message holds one.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from remit.canonical import Digest
from remit.ledger.errors import LedgerError
from remit.stores.keyreference import KeyReferenceError, secret_of

VARIABLE = "REMIT_CONTENT_KEYS"
PLAIN = ""
"""The key id of bodies that are not encrypted."""
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class ContentKey:
    """One key."""

    id: str
    cipher: AESGCM = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "ContentKey":
        """Return the key made of 32 bytes."""
        named = hashlib.sha256(b"remit.content-key/v1" + secret).hexdigest()
        return cls(named[:16], AESGCM(secret))


class Vault:
    """Encrypts and decrypts bodies. Threads may share it."""

    def __init__(self, keys: Sequence[ContentKey] = (), *, is_plain: bool = False) -> None:
        """Encrypt with the first of `keys`, unless `is_plain`; decrypt with all."""
        self._keys = {key.id: key for key in keys}
        self.current = keys[0].id if keys and not is_plain else PLAIN
        """Id of the key for new bodies."""

    @property
    def known(self) -> frozenset[str]:
        """Ids of the keys at hand."""
        return frozenset(self._keys)

    def seal(self, digest: Digest, body: bytes) -> bytes:
        """Return a body as it is stored under the current key."""
        if self.current == PLAIN:
            return body
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._keys[self.current].cipher
        return nonce + cipher.encrypt(nonce, body, _bound(digest, self.current))

    def open(self, digest: Digest, key: str, stored: bytes) -> bytes:
        """Return the body that is stored under a key's id.

        Raises:
            LedgerError: `CONTENT-KEY` when the key is not at hand, `CONTENT-DIFFERS` when the
                body was altered or belongs to another content.
        """
        if key == PLAIN:
            return stored
        found = self._keys.get(key)
        if found is None:
            raise LedgerError(
                "CONTENT-KEY", f"{digest} is encrypted with key {key}; {VARIABLE} does not name it"
            )
        nonce, sealed = stored[:_NONCE_BYTES], stored[_NONCE_BYTES:]
        try:
            return found.cipher.decrypt(nonce, sealed, _bound(digest, key))
        except (InvalidTag, ValueError) as error:
            message = f"what is stored for {digest} is not what key {key} encrypted"
            raise LedgerError("CONTENT-DIFFERS", message) from error


OPEN = Vault()
"""Encrypts nothing."""


def _bound(digest: Digest, key: str) -> bytes:
    return f"{key} {digest}".encode()


def load_vault(references: str, environ: Mapping[str, str]) -> Vault:
    """Return the vault that `references` (`REMIT_CONTENT_KEYS`) describe; empty encrypts nothing.

    Raises:
        LedgerError: `CONTENT-KEY`: a reference leads to no key. Nothing is written in plain then.
    """
    given = [one.strip() for one in references.split(",") if one.strip()]
    is_plain = given[:1] == ["plain"]
    keys = [_key(one, environ) for one in given[is_plain:]]
    if is_plain and not keys:
        raise _refused("plain", "behind it stand the keys of what is encrypted still")
    return Vault(keys, is_plain=is_plain)


def _key(reference: str, environ: Mapping[str, str]) -> ContentKey:
    try:
        return ContentKey.of(secret_of(reference, environ))
    except KeyReferenceError as error:
        raise _refused(error.reference, error.why) from error


def _refused(reference: str, why: str) -> LedgerError:
    return LedgerError("CONTENT-KEY", f"{VARIABLE}: {reference!r}: {why}")
