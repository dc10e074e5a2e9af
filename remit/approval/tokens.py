"""Tokens: a signature that one person says one thing, about one run, once. Pure.

A token is a JWT. Remit's own (`typ` `remit+jwt`) are signed with Ed25519 and carry the whole
`Binding`; an OIDC issuer's ID token carries the binding's digest as its `nonce`. A token is read
strictly: one algorithm per key, no key inside the token, no claim or header that nobody asked for,
and one spelling, so that no changed byte is the same token. Whom to trust is said by
`remit.approval.trust`.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from remit.canonical import (
    JSON,
    Digest,
    JSONObject,
    NotCanonicalError,
    canonical,
    digest,
    digest_bytes,
)

Purpose = Literal["vote", "order", "start"]
TYPE = "remit+jwt"
"""Media type of Remit's own tokens, in their header."""
ALGORITHM = "EdDSA"
OIDC_ALGORITHMS = ("RS256", "ES256", "EdDSA")
MAX_BYTES = 8 * 1024
"""Longest token that is looked at."""
LIFE_S = 15 * 60
"""Longest life of a token, in seconds."""
SKEW_MS = 30_000
"""How far clocks may be apart, in milliseconds."""
_OURS = frozenset({"iss", "sub", "aud", "iat", "exp", "jti", "remit"})
_HEADERS = frozenset({"alg", "kid", "typ"})
_KEYS_INSIDE = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64"})
"""Headers by which a token would say itself how it is to be verified."""
_NAME = 200
_NONCE = range(16, 129)


class TokenError(Exception):
    """A token proves nothing; `code` is one of `TOKEN-…`."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Binding:
    """The one thing that a token says."""

    audience: str
    """`remit/<namespace>`."""
    purpose: Purpose
    run: str
    """Root chain id; empty for what is about no run yet."""
    name: str
    """Name of the message, such as `approve`; empty for a start."""
    steps: tuple[str, ...]
    """Paths of the gates; empty for whatever is about none."""
    action: str
    """Digest of the action, or request, that is voted on; of the plan that is started."""
    message: Digest
    """Digest of the whole message without its token."""

    def claims(self) -> JSONObject:
        """Return it as claims."""
        told: JSONObject = asdict(self)
        del told["audience"]
        return {**told, "steps": list(self.steps)}

    @property
    def digest(self) -> Digest:
        """What an ID token carries as `nonce`."""
        return digest({"audience": self.audience, **self.claims()})


@dataclass(frozen=True, slots=True)
class Envelope:
    """A token that was read and not believed yet."""

    token: str
    header: JSONObject
    claims: JSONObject

    @property
    def is_ours(self) -> bool:
        """Whether it says to be of Remit's own kind."""
        return self.header.get("typ") == TYPE

    @property
    def issuer(self) -> str:
        """Who says to have issued it."""
        return _text(self.claims, "iss")

    @property
    def key(self) -> str:
        """The key that says to have signed it."""
        return _text(self.header, "kid")

    @property
    def name(self) -> str:
        """What names a token that has no nonce of its own: the digest of all that is signed."""
        return digest_bytes(self.token.rpartition(".")[0].encode("ascii"))


def audience_of(namespace: str) -> str:
    """Return what tokens for a namespace are for."""
    return f"remit/{namespace}"


def key_id(key: Ed25519PublicKey) -> str:
    """Return the id of a key: one key has one, and two keys have two."""
    return "k-" + digest_bytes(key.public_bytes_raw()).removeprefix("sha256:")[:20]


def message_digest(payload: JSON) -> Digest:
    """Return the digest of a message's body, without its token.

    Raises:
        TokenError: `TOKEN-MALFORMED`; what has no canonical form cannot be signed.
    """
    body = without_token(payload)
    try:
        return digest(body)
    except (NotCanonicalError, UnicodeEncodeError, RecursionError) as error:
        raise TokenError("TOKEN-MALFORMED", "the message has no canonical form") from error


def without_token(payload: JSON) -> JSON:
    """Return a message as it may be recorded: the token itself is never kept."""
    if not isinstance(payload, dict) or "token" not in payload:
        return payload
    return {name: value for name, value in payload.items() if name != "token"}


def of_message(
    audience: str, purpose: Purpose, run: str, name: str, payload: JSONObject, action: str = ""
) -> Binding:
    """Return what a token for a message must be bound to.

    Args:
        audience: `remit/<namespace>`.
        purpose: `vote` or `order`.
        run: root chain id.
        name: of the message.
        payload: its body, with or without its token.
        action: digest of what stands at the gate, where the message itself states none.
    """
    steps = payload.get("steps")
    listed = steps if isinstance(steps, list) else [payload.get("step") or payload.get("path")]
    stated = payload.get("digest")
    return Binding(
        audience=audience,
        purpose=purpose,
        run=run,
        name=name,
        steps=tuple(step for step in listed if isinstance(step, str)),
        action=stated if isinstance(stated, str) and stated else action,
        message=message_digest(payload),
    )


def of_start(audience: str, document: Digest) -> Binding:
    """Return what a token for a start must be bound to: the document that is handed over."""
    return Binding(audience, "start", "", "", (), document, document)


def mint(
    key: Ed25519PrivateKey,
    person: str,
    binding: Binding,
    *,
    at_s: int,
    nonce: str,
    issuer: str = "",
    life_s: int = 5 * 60,
) -> str:
    """Return a token of Remit's own kind.

    Args:
        key: whose owner speaks.
        person: who says it.
        binding: what is said.
        at_s: now, in seconds of Unix time.
        nonce: 16 to 128 characters that nobody can guess and nobody used before.
        issuer: who issues it; the person, unless another speaks for them.
        life_s: how long it is good, in seconds.
    """
    claims = {
        "iss": issuer or person,
        "sub": person,
        "aud": binding.audience,
        "iat": at_s,
        "exp": at_s + life_s,
        "jti": nonce,
        "remit": binding.claims(),
    }
    headers = {"kid": key_id(key.public_key()), "typ": TYPE}
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers=headers)


def read_token(token: JSON) -> Envelope:
    """Read a token strictly, believing nothing.

    Raises:
        TokenError: `TOKEN-MALFORMED`, or `TOKEN-ALGORITHM` for one that is never taken.
    """
    if not isinstance(token, str) or not token:
        raise TokenError("TOKEN-MALFORMED", "a token is a text")
    if len(token) > MAX_BYTES:
        raise TokenError("TOKEN-MALFORMED", f"the token is longer than {MAX_BYTES} characters")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenError("TOKEN-MALFORMED", "a token has three parts")
    header, claims, _ = (_decoded(part) for part in parts)
    envelope = Envelope(token, _object(header), _object(claims))
    if not envelope.key or not _is_plain(envelope):
        raise TokenError("TOKEN-MALFORMED", "the token's header is not {alg, kid, typ}")
    wanted = (ALGORITHM,) if envelope.is_ours else OIDC_ALGORITHMS
    if envelope.header.get("alg") not in wanted:
        told = f"the token says to be signed with {str(envelope.header.get('alg'))[:20]!r}"
        raise TokenError("TOKEN-ALGORITHM", f"{told}; taken is {', '.join(wanted)}")
    if envelope.is_ours and set(envelope.claims) != _OURS:
        raise TokenError("TOKEN-MALFORMED", f"the token's claims are not {sorted(_OURS)}")
    return envelope


def _is_plain(envelope: Envelope) -> bool:
    if envelope.is_ours:
        return set(envelope.header) == _HEADERS
    # An access token is no proof of who somebody is.
    is_id = envelope.header.get("typ", "JWT") == "JWT"
    return is_id and not set(envelope.header) & _KEYS_INSIDE


def check_signature(envelope: Envelope, key: Any, algorithm: str) -> None:
    """Check that `key` signed it, by the one algorithm that this key is for.

    Raises:
        TokenError: `TOKEN-ALGORITHM` or `TOKEN-SIGNATURE`.
    """
    if envelope.header.get("alg") != algorithm:
        raise TokenError("TOKEN-ALGORITHM", f"the key is for {algorithm} alone")
    try:
        PyJWS(algorithms=[algorithm]).decode(envelope.token, key, algorithms=[algorithm])
    except (PyJWTError, TypeError, ValueError) as error:
        raise TokenError("TOKEN-SIGNATURE", "the signature is not of this key") from error


def check_times(envelope: Envelope, at_ms: int) -> int:
    """Check that a token is good at a moment, and short-lived; return its end in milliseconds.

    Raises:
        TokenError: `TOKEN-MALFORMED`, `TOKEN-LIFE`, `TOKEN-EARLY` or `TOKEN-EXPIRED`.
    """
    begin, end = (_seconds(envelope.claims, name) for name in ("iat", "exp"))
    # Somebody else's tokens live as long as their issuer says; no more than these minutes count.
    if envelope.is_ours and not 0 < end - begin <= LIFE_S:
        raise TokenError("TOKEN-LIFE", f"a token lives {LIFE_S} s at most")
    end = min(end, begin + LIFE_S)
    if begin * 1000 > at_ms + SKEW_MS:
        raise TokenError("TOKEN-EARLY", "the token is of a later time; compare the clocks")
    if at_ms > end * 1000 + SKEW_MS:
        raise TokenError("TOKEN-EXPIRED", "the token has expired; sign again")
    return end * 1000


def check_binding(envelope: Envelope, binding: Binding) -> None:
    """Check that one of our tokens says exactly this.

    Raises:
        TokenError: `TOKEN-AUDIENCE`, `TOKEN-PURPOSE`, `TOKEN-RUN`, `TOKEN-ACTION`, `TOKEN-MESSAGE`.
    """
    if envelope.claims.get("aud") != binding.audience:
        raise TokenError("TOKEN-AUDIENCE", f"the token is not for {binding.audience}")
    given, wanted = envelope.claims.get("remit"), binding.claims()
    said: Mapping[str, JSON] = given if isinstance(given, dict) else {}
    if set(said) != set(wanted):
        raise TokenError("TOKEN-MALFORMED", f"the claim `remit` holds {sorted(wanted)}")
    for code, names, what in _BOUND:
        if any(said[name] != wanted[name] for name in names):
            raise TokenError(code, f"the token is for another {what}")


_BOUND: Sequence[tuple[str, Sequence[str], str]] = (
    ("TOKEN-PURPOSE", ("purpose",), "purpose"),
    ("TOKEN-RUN", ("run",), "run"),
    ("TOKEN-ACTION", ("steps", "action"), "gate or action"),
    ("TOKEN-MESSAGE", ("name", "message"), "message"),
)


def check_nonce(envelope: Envelope, binding: Binding) -> None:
    """Check that an ID token was asked for to say exactly this.

    Raises:
        TokenError: `TOKEN-MESSAGE`.
    """
    if envelope.claims.get("nonce") != binding.digest:
        told = f"the ID token's nonce is not {binding.digest}"
        raise TokenError("TOKEN-MESSAGE", f"{told}, so it is for something else")


def nonce_of(envelope: Envelope) -> str:
    """Return what a token is used up by.

    Raises:
        TokenError: `TOKEN-MALFORMED`.
    """
    if not envelope.is_ours:
        return envelope.name
    nonce = _text(envelope.claims, "jti")
    if len(nonce) not in _NONCE:
        raise TokenError("TOKEN-MALFORMED", f"a nonce has {_NONCE[0]} to {_NONCE[-1]} characters")
    return nonce


def person_of(envelope: Envelope, claim: str = "sub") -> str:
    """Return whom a token names.

    Raises:
        TokenError: `TOKEN-MALFORMED`.
    """
    person = _text(envelope.claims, claim)
    if not person or len(person) > _NAME:
        raise TokenError("TOKEN-MALFORMED", f"the token's {claim!r} names nobody")
    if claim == "email" and envelope.claims.get("email_verified", True) is not True:
        raise TokenError("TOKEN-PERSON", "the issuer did not verify the address")
    return person


def _decoded(part: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise TokenError("TOKEN-MALFORMED", "the token is not base64url") from error
    # Decoders pass over spare bits and strange characters; then two texts would be one token.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != part:
        raise TokenError("TOKEN-MALFORMED", "the token is not base64url")
    return raw


def _object(raw: bytes) -> JSONObject:
    try:
        found = json.loads(raw)
        canonical(found)
    except (ValueError, RecursionError, NotCanonicalError) as error:
        raise TokenError("TOKEN-MALFORMED", "the token holds no JSON") from error
    if not isinstance(found, dict):
        raise TokenError("TOKEN-MALFORMED", "the token holds no JSON object")
    return found


def _text(given: JSONObject, name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""


def _seconds(claims: JSONObject, name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
        raise TokenError("TOKEN-MALFORMED", f"the token's {name!r} is no moment in seconds")
    return value
