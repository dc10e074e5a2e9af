"""Signed tree heads in the text form of C2SP: tlog-checkpoint inside signed-note, with Ed25519.

    <origin>
    <number of leaves>
    <root hash, base64>
    <empty line>
    — <key name> <base64 of key id and signature>

Keys stand in the note format's own one-line texts, so that other tools take them: the public one
is `<name>+<key id>+<base64>`, the private one `PRIVATE+KEY+<name>+<key id>+<base64>`. The name of
a key is the origin of its log. Nothing here does I/O or makes keys up.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from remit.evidence.merkle import HASH_BYTES

MAX_BYTES = 16 * 1024
"""Longest note that is read."""
_ALGORITHM = b"\x01"
_SIGNED = "— "
_PRIVATE = "PRIVATE+KEY+"
_NAME = re.compile(r"^[^\s+\x00-\x20\x7f]{1,255}$")
_SIZE = re.compile(r"^(0|[1-9][0-9]{0,17})$")
_KEY_ID = re.compile(r"^[0-9a-f]{8}$")


class CheckpointError(ValueError):
    """A note or a key is not what it must be; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head."""

    origin: str
    """Name of the log, the same for its whole life."""
    size: int
    """Number of leaves."""
    root: bytes

    @property
    def body(self) -> bytes:
        """The text that is signed."""
        hash_text = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{hash_text}\n".encode()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that tree heads are verified with, and the tree sizes that it may sign."""

    name: str
    raw: bytes
    since: int = 0
    """Smallest tree that it may sign."""
    until: int | None = None
    """Largest tree that it may sign; `None`: it is in use."""

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return key_id(self.name, self.raw)

    @property
    def text(self) -> str:
        """Its one-line text."""
        encoded = base64.b64encode(_ALGORITHM + self.raw).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def allows(self, size: int) -> bool:
        """Whether it may sign the tree of `size` leaves."""
        return self.since <= size and (self.until is None or size <= self.until)


class SigningKey:
    """A private key; its text never shows in a message."""

    __slots__ = ("_key", "public")

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the key with this 32-byte seed."""
        _check_name(name)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Return the key that `text` writes.

        Raises:
            CheckpointError: `EVIDENCE-KEY`.
        """
        if not text.startswith(_PRIVATE):
            raise CheckpointError("EVIDENCE-KEY", "not the text of a private key")
        name, stated, seed = _key_parts(text.removeprefix(_PRIVATE).strip())
        made = cls(name, seed)
        if made.public.key_id != stated:
            raise CheckpointError("EVIDENCE-KEY", "the private key's text contradicts itself")
        return made

    @property
    def text(self) -> str:
        """Its one-line text, a secret."""
        encoded = base64.b64encode(_ALGORITHM + self._key.private_bytes_raw()).decode()
        return f"{_PRIVATE}{self.public.name}+{self.public.key_id.hex()}+{encoded}"

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """Return the signed note of `checkpoint`, whose origin is the key's name."""
        if checkpoint.origin != self.public.name:
            raise CheckpointError("EVIDENCE-KEY", "a key signs the heads of its own log only")
        signature = self.public.key_id + self._key.sign(checkpoint.body)
        line = f"{_SIGNED}{self.public.name} {base64.b64encode(signature).decode()}\n"
        return checkpoint.body + b"\n" + line.encode()


def key_id(name: str, raw: bytes) -> bytes:
    """Return the id of an Ed25519 key under `name`."""
    return hashlib.sha256(name.encode() + b"\n" + _ALGORITHM + raw).digest()[:4]


def parse_keys(text: str) -> Sequence[PublicKey]:
    """Return the public keys of a key file: one a line, with the sizes it may sign.

    A line is `KEY`, `KEY SINCE` or `KEY SINCE UNTIL`, sizes in leaves; empty lines and lines that
    begin with `#` are passed over.

    Raises:
        CheckpointError: `EVIDENCE-KEY`; a private key is refused too.
    """
    lines = [line.split() for line in text.splitlines()]
    return [_public(words) for words in lines if words and not words[0].startswith("#")]


def _public(words: Sequence[str]) -> PublicKey:
    if words[0].startswith(_PRIVATE):
        raise CheckpointError("EVIDENCE-KEY", "this is a private key: keep it to yourself")
    name, stated, raw = _key_parts(words[0])
    sizes = words[1:]
    if len(sizes) > 2 or not all(_SIZE.match(size) for size in sizes):
        raise CheckpointError("EVIDENCE-KEY", f"a line of a key file is KEY SINCE UNTIL, at {name}")
    bounds = [int(size) for size in sizes]
    key = PublicKey(name, raw, bounds[0] if bounds else 0, bounds[1] if len(bounds) > 1 else None)
    if key.key_id != stated:
        raise CheckpointError("EVIDENCE-KEY", f"the key of {name!r} is not the one its id names")
    return key


def _key_parts(text: str) -> tuple[str, bytes, bytes]:
    """Return name, stated key id and the 32 bytes of a key's text."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not _KEY_ID.match(parts[1]):
        raise CheckpointError("EVIDENCE-KEY", "a key is NAME+ID+BASE64")
    _check_name(parts[0])
    content = _decoded(parts[2], "EVIDENCE-KEY")
    if content[:1] != _ALGORITHM or len(content) != 1 + HASH_BYTES:
        raise CheckpointError("EVIDENCE-KEY", f"the key of {parts[0]!r} is not an Ed25519 key")
    return parts[0], bytes.fromhex(parts[1]), content[1:]


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise CheckpointError("EVIDENCE-KEY", f"{name!r} cannot be the name of a log")


def parse_note(note: bytes) -> Checkpoint:
    """Return what a note says; nobody has looked at who signed it.

    Raises:
        CheckpointError: `EVIDENCE-FORMAT`, `EVIDENCE-TOO-LARGE`.
    """
    return _parse(note)[0]


def open_note(note: bytes, keys: Sequence[PublicKey]) -> Checkpoint:
    """Return the checkpoint of a note that one of `keys` has signed and may sign.

    Signatures of keys that are not among `keys` are passed over, as the note format wants it: a
    witness may have added its own.

    Raises:
        CheckpointError: `EVIDENCE-FORMAT`; `EVIDENCE-SIGNATURE` when none of the keys signed it or
            a signature of theirs is wrong; `EVIDENCE-KEY` when the key may not sign this size.
    """
    checkpoint, signatures = _parse(note)
    known = {(key.name, key.key_id): key for key in keys if key.name == checkpoint.origin}
    signed = [known[one[:2]] for one in signatures if one[:2] in known]
    for name, identity, signature in signatures:
        key = known.get((name, identity))
        if key is not None and not _is_signed(key, checkpoint.body, signature):
            raise CheckpointError(
                "EVIDENCE-SIGNATURE", f"the signature of {name}+{identity.hex()} is wrong"
            )
    if not signed:
        raise CheckpointError("EVIDENCE-SIGNATURE", "none of the known keys signed the checkpoint")
    if not any(key.allows(checkpoint.size) for key in signed):
        raise CheckpointError(
            "EVIDENCE-KEY", f"its key may not sign a tree of {checkpoint.size} leaves"
        )
    return checkpoint


def _is_signed(key: PublicKey, body: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, body)
    except InvalidSignature:
        return False
    return True


def _parse(note: bytes) -> tuple[Checkpoint, Sequence[tuple[str, bytes, bytes]]]:
    if len(note) > MAX_BYTES:
        raise CheckpointError("EVIDENCE-TOO-LARGE", f"a checkpoint has at most {MAX_BYTES} bytes")
    try:
        text = note.decode()
    except UnicodeDecodeError as error:
        raise _malformed("is not UTF-8") from error
    body, gap, tail = text.partition("\n\n")
    lines = body.split("\n")
    if not gap or not tail.endswith("\n") or len(lines) != 3 or not _SIZE.match(lines[1]):
        raise _malformed("is not origin, size, root and signatures")
    root = _decoded(lines[2], "EVIDENCE-FORMAT")
    if len(root) != HASH_BYTES or not _NAME.match(lines[0]):
        raise _malformed("has no origin or no root")
    signatures = [_signature(line) for line in tail[:-1].split("\n")]
    return Checkpoint(lines[0], int(lines[1]), root), signatures


def _signature(line: str) -> tuple[str, bytes, bytes]:
    words = line.removeprefix(_SIGNED).split(" ")
    if not line.startswith(_SIGNED) or len(words) != 2:
        raise _malformed("has a line that is no signature")
    content = _decoded(words[1], "EVIDENCE-FORMAT")
    if len(content) <= 4:
        raise _malformed("has a signature that is too short")
    return words[0], content[:4], content[4:]


def _decoded(text: str, code: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CheckpointError(code, f"{text[:80]!r} is not base64") from error
    if base64.b64encode(content).decode() != text:
        raise CheckpointError(code, f"{text[:80]!r} is not base64 as it must be written")
    return content


def _malformed(what: str) -> CheckpointError:
    return CheckpointError("EVIDENCE-FORMAT", f"the checkpoint {what}")
