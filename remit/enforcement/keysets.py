"""The public keys of OIDC issuers: from a file, or fetched and kept for a while.

A fetch has a deadline, follows no redirect, knows no proxy and reads a bounded answer. A key that
is not there yet is looked for again, though not as often as a stranger likes. Keys that could not
be fetched in time prove nothing.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.exceptions import PyJWTError

from remit.approval.tokens import TokenError
from remit.approval.trust import OidcEntry
from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, InvalidDocumentError
from remit.stores.identity import Watched, read_bounded

KEPT_MS = 5 * 60_000
"""How long fetched keys count."""
PAUSE_MS = 10_000
"""Shortest time between two fetches for keys that are not known."""
DEADLINE_S = 3.0
_MAX_BYTES = 256 * 1024
_MAX_KEYS = 100
_LEAST_RSA = 2048
_KINDS: Mapping[str, JSONObject] = {
    "RS256": {"kty": "RSA"},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}

KeySet = Mapping[str, JSONObject]
"""Keys as JWKs, by id."""


@dataclass(slots=True)
class _Fetched:
    keys: KeySet
    at_ms: int


class KeySets:
    """Finds an issuer's keys."""

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        """Read files beside `folder`; `clock` gives milliseconds of Unix time."""
        self._folder = folder
        self._clock = clock
        self._files: dict[Path, Watched[KeySet]] = {}
        self._fetched: dict[str, _Fetched] = {}
        self._tried: dict[str, int] = {}
        self._fetching = asyncio.Lock()

    async def key(self, issuer: OidcEntry, key: str, algorithm: str) -> Any:
        """Return an issuer's public key.

        Raises:
            TokenError: `TOKEN-KEY-UNKNOWN`, `TOKEN-ALGORITHM` or `TOKEN-KEYS-AWAY`.
        """
        if algorithm not in issuer.algorithms:
            told = f"the issuer signs with {', '.join(issuer.algorithms)}"
            raise TokenError("TOKEN-ALGORITHM", told)
        keys = self._of_file(issuer) if issuer.jwks_file else await self._of_url(issuer, key)
        found = keys.get(key)
        if found is None:
            raise TokenError("TOKEN-KEY-UNKNOWN", f"the issuer has no key {key[:80]!r}")
        return _public(found, algorithm)

    def _of_file(self, issuer: OidcEntry) -> KeySet:
        file = self._folder / str(issuer.jwks_file)
        watched = self._files.setdefault(file, Watched(file, _load))
        try:
            return watched.get()
        except InvalidDocumentError as error:
            raise TokenError("TOKEN-KEYS-AWAY", f"the issuer's keys: {error}") from error

    async def _of_url(self, issuer: OidcEntry, key: str) -> KeySet:
        url = str(issuer.jwks_url)
        async with self._fetching:
            kept = self._fetched.get(url)
            now = self._clock()
            is_fresh = kept is not None and now - kept.at_ms <= KEPT_MS
            may_ask = now - self._tried.get(url, -PAUSE_MS) >= PAUSE_MS
            if may_ask and (not is_fresh or (kept is not None and key not in kept.keys)):
                self._tried[url] = now
                kept = self._fetched[url] = _Fetched(await _fetch(url), self._clock())
                is_fresh = True
        if kept is None or not is_fresh:
            raise TokenError("TOKEN-KEYS-AWAY", "the issuer's keys cannot be had; try again")
        return kept.keys


async def _fetch(url: str) -> KeySet:
    try:
        async with asyncio.timeout(DEADLINE_S):
            return _keys(json.loads(await _read(url)))
    except (TimeoutError, httpx2.HTTPError, ValueError, RecursionError) as error:
        why = f"the issuer's keys could not be fetched: {type(error).__name__}"
        raise TokenError("TOKEN-KEYS-AWAY", f"{why}; try again") from error


async def _read(url: str) -> bytes:
    read = bytearray()
    async with (
        httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=DEADLINE_S) as client,
        client.stream("GET", url, headers={"accept": "application/json"}) as answer,
    ):
        if answer.status_code != httpx2.codes.OK:
            raise ValueError(f"status {answer.status_code}")
        async for part in answer.aiter_bytes():
            read += part
            if len(read) > _MAX_BYTES:
                raise ValueError("too large")
    return bytes(read)


def _load(file: Path) -> KeySet:
    try:
        return _keys(json.loads(read_bounded(file)))
    except (OSError, ValueError, RecursionError) as error:
        message = f"{file}: {error}"[:300]
        raise InvalidDocumentError(
            [Diagnostic(code="IDENTITY-UNREADABLE", path="", message=message)]
        ) from error


def _keys(document: JSON) -> KeySet:
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > _MAX_KEYS:
        raise ValueError("it is no set of keys")
    found: dict[str, JSONObject] = {}
    for each in listed:
        if isinstance(each, dict) and isinstance(each.get("kid"), str):
            if str(each["kid"]) in found:
                raise ValueError("two keys share an id")
            found[str(each["kid"])] = each
    return found


def _public(jwk: JSONObject, algorithm: str) -> Any:
    fits = all(jwk.get(name) == value for name, value in _KINDS[algorithm].items())
    if not fits or jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        raise TokenError("TOKEN-ALGORITHM", f"the issuer's key is not for {algorithm}")
    public = {name: value for name, value in jwk.items() if name != "d"}
    try:
        key = jwt.PyJWK.from_dict(public, algorithm=algorithm).key
    except (PyJWTError, ValueError, TypeError) as error:
        raise TokenError("TOKEN-KEY-UNKNOWN", "the issuer's key cannot be read") from error
    if isinstance(key, RSAPublicKey) and key.key_size < _LEAST_RSA:
        raise TokenError("TOKEN-ALGORITHM", f"an RSA key has {_LEAST_RSA} bits at least")
    return key
