"""Canonical JSON and the digests made of it (RFC 8785, SHA-256).

Everything that is compared, pinned or chained goes through `digest`, so two processes that
hold the same value always name it alike. Nothing here reads a clock, a file or the network.
"""

import hashlib
from collections.abc import Mapping, Sequence

import rfc8785
from pydantic import JsonValue

JSON = JsonValue
"""Any JSON value, as `json.loads` gives it."""

JSONObject = dict[str, JSON]
"""A JSON object."""

Digest = str
"""`sha256:` and 64 hexadecimal digits."""


class NotCanonicalError(ValueError):
    """The value has no canonical JSON form: an integer beyond 2^53, NaN, or not JSON at all."""


def canonical(value: JSON | Mapping[str, JSON] | Sequence[JSON]) -> bytes:
    """Return the RFC 8785 bytes of `value`.

    Raises:
        NotCanonicalError: for integers beyond 2^53 (send them as text), NaN and infinities.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise NotCanonicalError(f"{error}; send large integers as text") from error


def digest(value: JSON | Mapping[str, JSON] | Sequence[JSON]) -> Digest:
    """Return the SHA-256 digest of the canonical form of `value`."""
    return digest_bytes(canonical(value))


def digest_bytes(content: bytes) -> Digest:
    """Return the SHA-256 digest of `content` as it is."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
