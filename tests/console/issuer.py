"""A small OpenID Connect issuer over real HTTP: it signs in whoever it is told to."""

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from remit.cli.stack.ports import choose
from tests.console.place import running

SECRET = "hush"


@dataclass
class TestIssuer:
    """What the issuer does, and what it has seen."""

    __test__ = False
    url: str
    person: str = "holder@acme.example"
    claims: dict[str, Any] = field(default_factory=dict)
    """Laid over the claims of the next ID token; `None` leaves one out."""
    algorithm: str = "RS256"
    kid: str = "one"
    key: Any = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    other: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    signs_with: Any = None
    """A key that it does not publish."""
    asked: dict[str, str] = field(default_factory=dict)
    """The last authorization request."""
    keys_read: int = 0

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/.well-known/openid-configuration", self.described),
            Route("/keys", self.keys),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
        ]

    async def described(self, _: Request) -> Response:
        """Say where everything is."""
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            }
        )

    async def keys(self, _: Request) -> Response:
        """Publish the keys."""
        self.keys_read += 1
        made = RSAAlgorithm.to_jwk if hasattr(self.key, "decrypt") else ECAlgorithm.to_jwk
        key = json.loads(made(self.key.public_key()))
        return JSONResponse({"keys": [{**key, "kid": self.kid, "use": "sig"}]})

    async def authorize(self, request: Request) -> Response:
        """Sign somebody in without asking, and send the browser back."""
        self.asked = dict(request.query_params)
        back = urlencode({"code": "the-code", "state": self.asked["state"]})
        return RedirectResponse(f"{self.asked['redirect_uri']}?{back}", 303)

    async def token(self, request: Request) -> Response:
        """Give an ID token for the code, to whoever began and knows the secret."""
        form = dict(parse_qsl((await request.body()).decode()))
        sent = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(sent).decode().rstrip("=")
        if (form["code"], form["client_secret"], challenge) != (
            "the-code",
            SECRET,
            self.asked["code_challenge"],
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"id_token": self.id_token(), "token_type": "Bearer"})

    def id_token(self) -> str:
        """Return an ID token for the login on its way."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "sub": "1",
            "aud": "remit",
            "iat": now,
            "exp": now + 300,
            "nonce": self.asked["nonce"],
            "email": self.person,
            "email_verified": True,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.signs_with or self.key
        return jwt.encode(claims, key, algorithm=self.algorithm, headers={"kid": self.kid})


@asynccontextmanager
async def issuing() -> AsyncIterator[TestIssuer]:
    """Serve an issuer."""
    port = choose(())
    issuer = TestIssuer(f"http://127.0.0.1:{port}")
    config = uvicorn.Config(
        Starlette(routes=issuer.routes()), port=port, log_config=None, access_log=False
    )
    async with running(uvicorn.Server(config)):
        yield issuer
