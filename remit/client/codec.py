"""What Temporal keeps, encrypted: AES-256-GCM around every payload, a key by reference.

    REMIT_PAYLOAD_KEYS=file:/etc/remit/payload.key       encrypt with this key
    REMIT_PAYLOAD_KEYS=file:/new.key,file:/old.key       encrypt with the first, read with both
    REMIT_PAYLOAD_KEYS=plain,file:/old.key               encrypt no more, read with it

Arguments, results, signals, updates, queries, memos, summaries, details and the messages and stack
traces of failures are payloads. Names, ids, search attributes and reasons of cancelling are not.
A payload without encryption is read as it is: it is older than the key, or was sent by hand. The
nonce is random, so one key is good for 2^32 payloads. The id of the key, a digest, is authenticated
and stands in the metadata, where the command line and the web UI show it.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)
from temporalio.exceptions import ApplicationError

from remit.client.errors import ClientCode, ClientError
from remit.stores.keyreference import KeyReferenceError, secret_of

VARIABLE = "REMIT_PAYLOAD_KEYS"
ENCODING = b"binary/encrypted"
_ENCODING, _KEY = "encoding", "encryption-key-id"
_NONCE_BYTES = 12
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class PayloadKey:
    """One key."""

    id: str
    cipher: AESGCM = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "PayloadKey":
        """Return the key made of 32 bytes."""
        named = hashlib.sha256(b"remit.payload-key/v1" + secret).hexdigest()
        return cls(named[:16], AESGCM(secret))

    @property
    def bound(self) -> bytes:
        """What is authenticated beside each payload."""
        return b"remit.payload/v1 " + self.id.encode()


class SealingCodec(PayloadCodec):
    """Encrypts and decrypts payloads; threads and event loops may share it."""

    def __init__(self, keys: Sequence[PayloadKey], *, is_plain: bool = False) -> None:
        """Encrypt with the first of `keys`, unless `is_plain`; decrypt with all."""
        self._keys = {key.id: key for key in keys}
        self._current = None if is_plain else keys[0]

    @property
    def seals(self) -> bool:
        """Whether anything is encrypted, or only decrypted."""
        return self._current is not None

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return payloads as Temporal keeps them."""
        key = self._current
        return list(payloads) if key is None else [_sealed(key, one) for one in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return payloads as they were given; those that are not encrypted stay as they are.

        Raises:
            ClientError: `PAYLOAD-KEY`, `PAYLOAD-ALTERED`.
        """
        return [self._opened(one) for one in payloads]

    def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get(_ENCODING) != ENCODING:
            return payload
        name = payload.metadata.get(_KEY, b"").decode(errors="replace")[:64]
        key = self._keys.get(name)
        if key is None:
            message = f"a payload is encrypted with key {name!r}, which {VARIABLE} does not name"
            raise ClientError(ClientCode.PAYLOAD_KEY, message, hint="add that key to the list")
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(key.cipher.decrypt(nonce, sealed, key.bound))
        except (InvalidTag, ValueError) as error:
            message = f"a payload is not what key {name!r} encrypted"
            hint = "somebody changed what Temporal keeps; the ledger is not affected"
            raise ClientError(ClientCode.PAYLOAD_ALTERED, message, hint=hint) from error


def _sealed(key: PayloadKey, payload: Payload) -> Payload:
    nonce = os.urandom(_NONCE_BYTES)
    data = nonce + key.cipher.encrypt(nonce, payload.SerializeToString(), key.bound)
    return Payload(metadata={_ENCODING: ENCODING, _KEY: key.id.encode()}, data=data)


def load_codec(references: str, environ: Mapping[str, str]) -> SealingCodec | None:
    """Return the codec that `references` (`REMIT_PAYLOAD_KEYS`) describe; `None` for none.

    Raises:
        ClientError: `PAYLOAD-KEY`: a reference leads to no key. Nothing is sent in plain then.
    """
    given = [one.strip() for one in references.split(",") if one.strip()]
    if not given:
        return None
    is_plain = given[0] == PLAIN
    try:
        keys = [PayloadKey.of(secret_of(one, environ)) for one in given[is_plain:]]
        if not keys:
            raise KeyReferenceError(PLAIN, "behind it stand the keys of what is encrypted still")
    except KeyReferenceError as error:
        hint = "`remit codec rotate` makes a key of the stack's own; see docs/payloads.md"
        raise ClientError(ClientCode.PAYLOAD_KEY, f"{VARIABLE}: {error}", hint=hint) from error
    return SealingCodec(keys, is_plain=is_plain)


def with_codec(converter: DataConverter, codec: SealingCodec | None) -> DataConverter:
    """Return a converter that encrypts; the same one where there is nothing to encrypt with."""
    if codec is None:
        return converter
    kept = replace(converter, payload_codec=codec)
    if not codec.seals:
        return kept
    # Messages and stack traces of failures are no payloads unless they are moved into one.
    return replace(kept, failure_converter_class=DefaultFailureConverterWithEncodedAttributes)


async def prove(converter: DataConverter) -> None:
    """Send a canary through the converter that a client really has, and look for it.

    A plugin may have put another converter in the place of ours without a word.

    Raises:
        ClientError: `PAYLOAD-READABLE`.
    """
    canary = os.urandom(16).hex()
    (sent,) = await converter.encode([{"canary": canary}])
    failure = Failure()
    await converter.encode_failure(ApplicationError(canary, canary, type="Canary"), failure)
    told = sent.SerializeToString() + failure.SerializeToString()
    back = await converter.decode([sent], [dict])
    if canary.encode() in told or back != [{"canary": canary}]:
        raise ClientError(
            ClientCode.PAYLOAD_READABLE,
            f"{VARIABLE} names a key, and what this process would send can be read",
            hint="some plugin replaced the client's data converter; take it out",
        )


async def unseal(message: Message, codec: PayloadCodec) -> None:
    """Decrypt every payload of a message in place, such as of an event of a history."""
    found = list(payloads_of(message))
    for payload, opened in zip(found, await codec.decode(found), strict=True):
        if opened is not payload:
            payload.CopyFrom(opened)


def payloads_of(message: Message) -> Iterator[Payload]:
    """Yield every payload of a message, those of maps and inner messages too."""
    if isinstance(message, Payload):
        yield message
        return
    for about, value in message.ListFields():
        if about.message_type is None:
            continue
        if about.message_type.GetOptions().map_entry:
            parts = list(value.values())
        else:
            parts = [value] if isinstance(value, Message) else list(value)
        for part in parts:
            if isinstance(part, Message):
                yield from payloads_of(part)
