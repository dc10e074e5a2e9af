"""Whom a deployment trusts to say who somebody is: the document `remit.identity/v1`. Pure.

A person's own key speaks for that person alone. An issuer's key, such as the console's, speaks for
whom the document lists, and so does an OIDC issuer. Nobody speaks by a key that is revoked or whose
time is over. Nothing here gives a right to anything: that is policy's.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from remit.approval.tokens import Purpose, TokenError, key_id
from remit.canonical import JSON
from remit.diagnostic import Diagnostic, InvalidDocumentError, pointer

SCHEMA = "remit.identity/v1"
PREFIX = "ed25519:"
"""What a public key begins with as it is written."""

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]
Pattern = Annotated[str, Field(max_length=200, pattern=r"^(\*@[a-z0-9.-]+|[^*\s]+)$")]
"""A name, or `*@` and a domain for everybody of it."""


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyEntry(Model):
    """One public key."""

    key: Annotated[str, Field(pattern=r"^ed25519:[A-Za-z0-9_-]{43}$")]
    not_after: AwareDatetime | None = None
    """From then on it signs nothing that counts."""

    @model_validator(mode="after")
    def _is_a_key(self) -> "KeyEntry":
        public_key(self.key)
        return self


Keys = Annotated[list[KeyEntry], Field(min_length=1, max_length=20)]


class IssuerEntry(Model):
    """Somebody whose keys speak for others, such as a console."""

    keys: Keys
    speaks_for: Annotated[list[Pattern], Field(min_length=1, max_length=1000)]
    purposes: Annotated[list[Purpose], Field(min_length=1)] = ["vote"]
    """What it may say for them."""


class OidcEntry(Model):
    """An OIDC issuer, whose ID tokens carry a binding's digest as `nonce`."""

    audience: Name
    """What its tokens must be for: the client's id."""
    jwks_file: Name | None = None
    """File with its keys, beside this document."""
    jwks_url: Annotated[str, Field(pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])")] | (
        None
    ) = None
    """Where its keys are fetched from."""
    person: Annotated[str, Field(pattern=r"^[A-Za-z_:/.]{1,100}$")] = "email"
    """Claim that names the person."""
    speaks_for: Annotated[list[Pattern], Field(min_length=1, max_length=1000)]
    algorithms: Annotated[list[Literal["RS256", "ES256", "EdDSA"]], Field(min_length=1)] = ["RS256"]
    purposes: Annotated[list[Purpose], Field(min_length=1)] = ["vote", "order", "start"]

    @model_validator(mode="after")
    def _has_keys(self) -> "OidcEntry":
        if (self.jwks_file is None) == (self.jwks_url is None):
            raise ValueError("name either jwks_file or jwks_url")
        return self


class Identity(Model):
    """The whole document."""

    schema_: Annotated[Literal["remit.identity/v1"], Field(alias="schema")]
    people: dict[Name, Keys] = {}
    """People, and services that start runs, with their own keys."""
    issuers: dict[Name, IssuerEntry] = {}
    oidc: dict[Name, OidcEntry] = {}
    """By the issuer's address, as it stands in its tokens."""
    revoked: Annotated[list[str], Field(max_length=10_000)] = []
    """Ids of keys that nothing is believed of any more."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key, and what is believed of it."""

    id: str
    public: Ed25519PublicKey
    issuer: str
    speaks_for: Sequence[str]
    purposes: Sequence[Purpose]
    not_after_ms: int | None


@dataclass(frozen=True, slots=True)
class Trust:
    """A document that was read, ready to be asked."""

    keys: Mapping[str, TrustedKey]
    oidc: Mapping[str, OidcEntry]
    revoked: frozenset[str]

    def key(self, key: str, issuer: str, at_ms: int) -> TrustedKey:
        """Return a key that is trusted at a moment.

        Raises:
            TokenError: `TOKEN-KEY-REVOKED`, `TOKEN-KEY-UNKNOWN` or `TOKEN-KEY-EXPIRED`.
        """
        self.check_revoked(key)
        found = self.keys.get(key)
        if found is None or found.issuer != issuer:
            told = f"no key {key[:80]!r} of {issuer[:80]!r} is known"
            raise TokenError("TOKEN-KEY-UNKNOWN", told)
        if found.not_after_ms is not None and at_ms > found.not_after_ms:
            raise TokenError("TOKEN-KEY-EXPIRED", f"the time of the key {key!r} is over")
        return found

    def check_revoked(self, key: str) -> None:
        """Refuse a key that was revoked.

        Raises:
            TokenError: `TOKEN-KEY-REVOKED`.
        """
        if key in self.revoked:
            raise TokenError("TOKEN-KEY-REVOKED", f"the key {key!r} was revoked")


def check_speaks(
    issuer: str,
    speaks_for: Sequence[str],
    purposes: Sequence[Purpose],
    person: str,
    purpose: Purpose,
) -> None:
    """Refuse an issuer that may not say this for that person.

    Raises:
        TokenError: `TOKEN-SELF-ISSUED` or `TOKEN-PURPOSE`.
    """
    if not any(_fits(pattern, person) for pattern in speaks_for):
        told = f"{issuer[:80]!r} may not speak for {person[:80]!r}"
        raise TokenError("TOKEN-SELF-ISSUED", told)
    if purpose not in purposes:
        raise TokenError("TOKEN-PURPOSE", f"{issuer[:80]!r} is not trusted with {purpose}s")


def _fits(pattern: str, person: str) -> bool:
    if not pattern.startswith("*@"):
        return pattern == person
    name, _, domain = person.rpartition("@")
    return bool(name) and "@" not in name and domain.lower() == pattern[2:]


def public_key(text: str) -> Ed25519PublicKey:
    """Return the key that `ed25519:` and 43 characters spell.

    Raises:
        ValueError: it spells none.
    """
    try:
        raw = base64.urlsafe_b64decode(text.removeprefix(PREFIX) + "=")
    except binascii.Error as error:
        raise ValueError("this is no public key") from error
    found = Ed25519PublicKey.from_public_bytes(raw)
    if spelt(found) != text:
        raise ValueError("this is no public key as `remit keys show` spells it")
    return found


def spelt(key: Ed25519PublicKey) -> str:
    """Return a public key as the document writes it."""
    raw = base64.urlsafe_b64encode(key.public_bytes_raw())
    return PREFIX + raw.rstrip(b"=").decode("ascii")


def read_trust(document: JSON) -> Trust:
    """Return whom a document trusts.

    Raises:
        InvalidDocumentError: `IDENTITY-SHAPE` for each field, `IDENTITY-KEY-TWICE` for a key that
            two parties share: nobody could say whose it is.
    """
    try:
        identity = Identity.model_validate(document)
    except ValidationError as error:
        raise InvalidDocumentError(
            Diagnostic(
                code="IDENTITY-SHAPE",
                path=pointer(*each["loc"]),
                message=each["msg"],
                hint="docs/identity.md shows the file; `remit keys show` prints a key for it",
            )
            for each in error.errors()[:20]
        ) from error
    keys: dict[str, TrustedKey] = {}
    for place, key in _listed(identity):
        if key.id in keys:
            message = f"the key {key.id} stands at {keys[key.id].issuer!r} already"
            hint = "give everybody a key of their own"
            raise InvalidDocumentError(
                [Diagnostic(code="IDENTITY-KEY-TWICE", path=place, message=message, hint=hint)]
            )
        keys[key.id] = key
    return Trust(keys, identity.oidc, frozenset(identity.revoked))


def _listed(identity: Identity) -> list[tuple[str, TrustedKey]]:
    every: Sequence[Purpose] = ("vote", "order", "start")
    found = [
        (pointer("people", name, at), _key(entry, name, [name], every))
        for name, entries in identity.people.items()
        for at, entry in enumerate(entries)
    ]
    found += [
        (
            pointer("issuers", name, "keys", at),
            _key(entry, name, issuer.speaks_for, issuer.purposes),
        )
        for name, issuer in identity.issuers.items()
        for at, entry in enumerate(issuer.keys)
    ]
    return found


def _key(
    entry: KeyEntry, issuer: str, speaks_for: Sequence[str], purposes: Sequence[Purpose]
) -> TrustedKey:
    public = public_key(entry.key)
    return TrustedKey(
        key_id(public), public, issuer, speaks_for, purposes, _milliseconds(entry.not_after)
    )


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.astimezone(UTC).timestamp() * 1000)
