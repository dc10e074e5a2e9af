"""Login by an OpenID Connect issuer: authorization code with PKCE, and an ID token that we check.

The token is taken from the issuer's own token endpoint, and still checked whole: signature by the
issuer's published keys, issuer, audience, end, and the nonce that this very browser was given.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx2
import jwt
from jwt import PyJWKSet

from remit.canonical import JSONObject
from remit.console.forms import NAME
from remit.console.table import Oidc

ALGORITHMS = ("RS256", "ES256", "EdDSA", "PS256")
"""Signatures that are taken: never a secret's, never none."""
_WITHIN_S = 5.0
_LEEWAY_S = 30
_KEYS_S = 300.0
_AGAIN_S = 10.0
"""How long keys are kept, and how soon they are asked for again when one is unknown."""
_LARGEST = 512 * 1024


class LoginError(Exception):
    """Nobody was signed in; the text says why, for whoever tries."""


@dataclass(frozen=True, slots=True)
class Started:
    """A login on its way; all of it waits in a sealed cookie of the browser that began it."""

    state: str
    nonce: str
    verifier: str
    to: str
    """Where the person was heading."""

    @classmethod
    def new(cls, to: str) -> "Started":
        """Return a fresh one."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, to)


class Issuer:
    """One OpenID Connect issuer."""

    def __init__(
        self,
        settings: Oidc,
        callback: str,
        client: httpx2.AsyncClient | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Talk to the issuer of `settings`, which sends browsers back to `callback`."""
        self._settings = settings
        self._callback = callback
        self._client = client or httpx2.AsyncClient(timeout=_WITHIN_S, follow_redirects=False)
        self._clock = clock
        self._described: JSONObject = {}
        self._keys: PyJWKSet | None = None
        self._keys_at = -_KEYS_S

    async def address(self, started: Started) -> str:
        """Return where to send a browser to sign in."""
        endpoint = await self._endpoint("authorization_endpoint")
        challenge = hashlib.sha256(started.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._callback,
            "scope": " ".join(self._settings.scopes),
            "state": started.state,
            "nonce": started.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def person(self, started: Started, code: str) -> str:
        """Return who signed in, for a code that a browser brought back.

        Raises:
            LoginError: the issuer, or its token, does not say so.
        """
        answer = await self._post(await self._endpoint("token_endpoint"), self._asks(started, code))
        token = answer.get("id_token")
        if not isinstance(token, str) or len(token) > _LARGEST:
            raise LoginError("the issuer gave no ID token")
        return _named(await self._checked(token, started.nonce), self._settings.person_claim)

    def _asks(self, started: Started, code: str) -> dict[str, str]:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "client_id": self._settings.client_id,
            "code_verifier": started.verifier,
        }
        file = self._settings.client_secret_file
        if file is not None:
            try:
                asked["client_secret"] = file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise LoginError(f"the client's secret cannot be read: {error.strerror}") from error
        return asked

    async def _checked(self, token: str, nonce: str) -> JSONObject:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise LoginError(f"the ID token is signed by {header.get('alg')!r}")
            keys = await self._fitting(header.get("kid"))
            key = next((one for one in keys.keys if one.key_id == header.get("kid")), None)
            if key is None and len(keys.keys) == 1 and "kid" not in header:
                key = keys.keys[0]
            if key is None:
                raise LoginError("the ID token is signed by a key that the issuer does not publish")
            claims: JSONObject = jwt.decode(
                token,
                key,
                algorithms=[str(header["alg"])],
                audience=self._settings.client_id,
                issuer=self._settings.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise LoginError(f"the ID token does not hold: {error}") from error
        if not secrets.compare_digest(str(claims.get("nonce", "")), nonce):
            raise LoginError("the ID token is of another login")
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise LoginError("the ID token was made for somebody else")
        return claims

    async def _fitting(self, key_id: object) -> PyJWKSet:
        age = self._clock() - self._keys_at
        known = self._keys
        is_known = known is not None and any(one.key_id == key_id for one in known.keys)
        if known is not None and age < (_KEYS_S if is_known or key_id is None else _AGAIN_S):
            return known
        document = await self._get(await self._endpoint("jwks_uri"))
        try:
            self._keys = PyJWKSet.from_dict(document)
        except jwt.PyJWTError as error:
            raise LoginError(f"the issuer's keys cannot be read: {error}") from error
        self._keys_at = self._clock()
        return self._keys

    def forget_keys(self) -> None:
        """Ask for the issuer's keys at the next login."""
        self._keys_at = -_KEYS_S

    async def _endpoint(self, name: str) -> str:
        if not self._described:
            base = self._settings.issuer.rstrip("/")
            document = await self._get(f"{base}/.well-known/openid-configuration")
            if document.get("issuer") != self._settings.issuer:
                raise LoginError("the issuer calls itself otherwise than it was configured")
            self._described = document
        found = self._described.get(name)
        is_safe = isinstance(found, str) and (
            found.startswith("https://") or self._settings.issuer.startswith("http://")
        )
        if not isinstance(found, str) or not is_safe:
            raise LoginError(f"the issuer names no {name} that can be trusted")
        return found

    async def _get(self, address: str) -> JSONObject:
        return await self._answer("GET", address)

    async def _post(self, address: str, asked: Mapping[str, str]) -> JSONObject:
        return await self._answer("POST", address, dict(asked))

    async def _answer(
        self, method: str, address: str, asked: dict[str, str] | None = None
    ) -> JSONObject:
        try:
            response = await self._client.request(
                method, address, data=asked, headers={"Accept": "application/json"}
            )
            if response.status_code != 200:
                raise LoginError(f"the issuer answers with {response.status_code}")
            document = response.json() if len(response.content) <= _LARGEST else None
        except (httpx2.HTTPError, ValueError) as error:
            raise LoginError(f"the issuer does not answer: {error}") from error
        if not isinstance(document, dict):
            raise LoginError("the issuer's answer is no object")
        return document

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


def _named(claims: JSONObject, claim: str) -> str:
    name = claims.get(claim)
    if not isinstance(name, str) or not 0 < len(name.strip()) <= NAME or not name.isprintable():
        raise LoginError(f"the ID token names nobody: the claim {claim!r} is missing")
    if claim == "email" and claims.get("email_verified") is not True:
        raise LoginError("the issuer has not verified this address")
    return name.strip()
