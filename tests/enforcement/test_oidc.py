"""ID tokens of an OIDC issuer, whose keys come from a file or from a real HTTP server."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from jwt.utils import base64url_decode, base64url_encode, der_to_raw_signature, raw_to_der_signature

from remit.approval.tokens import Binding, TokenError, of_message
from remit.canonical import JSONObject
from remit.enforcement.identity import Identity
from remit.enforcement.keysets import KEPT_MS, PAUSE_MS
from remit.ledger.proofs import Proof
from tests.approval.signing import AUDIENCE, NOW_S, PROPOSED, write
from tests.serving import Asked, reply, serving
from tests.stores.ledger_values import HandClock

BODY: JSONObject = {"step": "pay", "digest": PROPOSED, "by": "anna@lab.example"}
BINDING = of_message(AUDIENCE, "vote", "root", "approve", BODY)
KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def jwks(keys: dict[str, Any] = KEYS) -> JSONObject:
    """Return the keys as an issuer publishes them."""
    listed: list[Any] = []
    for algorithm, key in keys.items():
        made = jwt.get_algorithm_by_name(algorithm)
        public = json.loads(type(made).to_jwk(key.public_key()))
        listed.append({**public, "kid": algorithm, "use": "sig", "alg": algorithm})
    return {"keys": listed}


@dataclass
class Issuer:
    """An issuer's server."""

    url: str = ""
    answer: bytes = b""
    status: int = 200
    asked: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def token(self, algorithm: str = "ES256", key: Any = None, **claims: Any) -> str:
        """Return an ID token for the binding."""
        told = {
            "iss": "https://login.lab.example", "aud": "remit", "sub": "u-17", "iat": NOW_S,
            "exp": NOW_S + 3600, "email": "anna@lab.example", "nonce": BINDING.digest, **claims,
        }  # fmt: skip
        headers = {"kid": algorithm}
        return jwt.encode(told, key or KEYS[algorithm], algorithm=algorithm, headers=headers)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A running issuer."""
    state = Issuer(answer=json.dumps(jwks()).encode())

    def answer(asked: Asked) -> None:
        state.asked += 1
        reply(asked, state.answer, state.status, state.headers)

    with serving(answer) as port:
        state.url = f"http://127.0.0.1:{port}/keys"
        yield state


@dataclass
class Desk:
    """Verifies, at a time that the test chooses."""

    identity: Identity
    clock: HandClock

    async def proof(self, token: str, binding: Binding = BINDING) -> Proof:
        """Return what a token proves."""
        return await self.identity.verify(token, binding, NOW_S * 1000, "e", "anna@lab.example")

    async def code(self, token: str, binding: Binding = BINDING) -> str:
        """Return why it proves nothing."""
        with pytest.raises(TokenError) as error:
            await self.proof(token, binding)
        return error.value.code


def desk(folder: Path, **entry: Any) -> Desk:
    """Return a desk that trusts the issuer so."""
    trusted = {
        "audience": "remit", "algorithms": list(KEYS), "speaks_for": ["*@lab.example"], **entry,
    }  # fmt: skip
    document = {"schema": "remit.identity/v1", "oidc": {"https://login.lab.example": trusted}}
    clock = HandClock(NOW_S * 1000)
    return Desk(Identity(write(folder / "identity.yaml", document), "default", clock), clock)


@pytest.mark.parametrize("algorithm", KEYS)
async def test_an_id_token_proves_a_person(tmp_path: Path, issuer: Issuer, algorithm: str) -> None:
    """By keys from the server, or from a file beside the list of whom to trust."""
    (tmp_path / "jwks.json").write_text(json.dumps(jwks()))
    token = issuer.token(algorithm)

    fetched = await desk(tmp_path, jwks_url=issuer.url).proof(token)
    read = await desk(tmp_path, jwks_file="jwks.json").proof(token)

    assert fetched == read
    assert (fetched.person, fetched.key) == ("anna@lab.example", algorithm)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"nonce": "sha256:other"}, "TOKEN-MESSAGE"),
        ({"nonce": None}, "TOKEN-MESSAGE"),
        ({"aud": "shop"}, "TOKEN-AUDIENCE"),
        ({"aud": ["remit", "shop"]}, "TOKEN-AUDIENCE"),
        ({"iss": "https://evil.example"}, "TOKEN-KEY-UNKNOWN"),
        ({"email": "anna@evil.example"}, "TOKEN-SELF-ISSUED"),
        ({"email": "ben@lab.example"}, "TOKEN-PERSON"),
        ({"email_verified": False}, "TOKEN-PERSON"),
        ({"email": ""}, "TOKEN-MALFORMED"),
        ({"iat": NOW_S - 1000}, "TOKEN-EXPIRED"),
        ({"exp": NOW_S - 31}, "TOKEN-EXPIRED"),
        ({"iat": NOW_S + 31}, "TOKEN-EARLY"),
    ],
)
async def test_a_token_for_something_else(
    tmp_path: Path, issuer: Issuer, claims: dict[str, Any], code: str
) -> None:
    """Every claim counts, also a token's age where its issuer lets it live longer."""
    assert await desk(tmp_path, jwks_url=issuer.url).code(issuer.token(**claims)) == code


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_key_is_for_its_algorithm(tmp_path: Path, issuer: Issuer) -> None:
    """No list of algorithms is wider than the issuer's, and no key serves another one."""
    only = desk(tmp_path, jwks_url=issuer.url, algorithms=["RS256"])
    assert await only.code(issuer.token("ES256")) == "TOKEN-ALGORITHM"

    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 (too small)
    for keys in ({"RS256": small}, {"RS256": KEYS["RS256"]}):
        document = jwks(keys)
        (listed,) = document["keys"]  # type: ignore[misc]
        listed["kid"] = "RS256"  # type: ignore[index,call-overload]
        if keys["RS256"] is not small:
            listed["use"] = "enc"  # type: ignore[index,call-overload]
        issuer.answer = json.dumps(document).encode()
        token = issuer.token("RS256", keys["RS256"])
        assert await desk(tmp_path, jwks_url=issuer.url).code(token) == "TOKEN-ALGORITHM"


async def test_a_stranger_signs_nothing(tmp_path: Path, issuer: Issuer) -> None:
    """With a key of his own under the id of the issuer's."""
    token = issuer.token("ES256", ec.generate_private_key(ec.SECP256R1()))

    assert await desk(tmp_path, jwks_url=issuer.url).code(token) == "TOKEN-SIGNATURE"


async def test_a_signature_spelt_anew_is_no_new_token(tmp_path: Path, issuer: Issuer) -> None:
    """ECDSA lets anybody write the same signature another way: it is used up all the same."""
    token = issuer.token("ES256")
    signed, _, signature = token.rpartition(".")
    curve = ec.SECP256R1()
    r, s = decode_dss_signature(raw_to_der_signature(base64url_decode(signature), curve))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = der_to_raw_signature(encode_dss_signature(r, order - s), curve)
    again = f"{signed}.{base64url_encode(other).decode()}"
    trusting = desk(tmp_path, jwks_url=issuer.url)

    assert again != token
    assert (await trusting.proof(again)).nonce == (await trusting.proof(token)).nonce


async def test_keys_are_kept_for_a_while(tmp_path: Path, issuer: Issuer) -> None:
    """They are fetched once, again after five minutes, and then only if the issuer answers."""
    trusting = desk(tmp_path, jwks_url=issuer.url)
    for _ in range(3):
        await trusting.proof(issuer.token())
    assert issuer.asked == 1

    issuer.status = 503
    trusting.clock.advance(KEPT_MS)
    await trusting.proof(issuer.token())
    trusting.clock.advance(1)

    assert await trusting.code(issuer.token()) == "TOKEN-KEYS-AWAY"
    assert await trusting.code(issuer.token()) == "TOKEN-KEYS-AWAY"
    assert issuer.asked == 2
    issuer.status = 200
    trusting.clock.advance(PAUSE_MS)
    assert (await trusting.proof(issuer.token())).person == "anna@lab.example"


async def test_a_new_key_is_looked_for(tmp_path: Path, issuer: Issuer) -> None:
    """An issuer's rotation needs no waiting; strangers' keys do not make us ask each time."""
    issuer.answer = json.dumps(jwks({"RS256": KEYS["RS256"]})).encode()
    trusting = desk(tmp_path, jwks_url=issuer.url)
    await trusting.proof(issuer.token("RS256"))
    unknown = [await trusting.code(issuer.token("ES256")) for _ in range(5)]
    issuer.answer = json.dumps(jwks()).encode()
    trusting.clock.advance(PAUSE_MS)

    assert unknown == ["TOKEN-KEY-UNKNOWN"] * 5
    assert issuer.asked == 1
    assert (await trusting.proof(issuer.token("ES256"))).key == "ES256"


@pytest.mark.parametrize(
    ("status", "answer", "headers"),
    [
        (302, b"", {"location": "http://127.0.0.1:1/"}),
        (200, b"[]", {}),
        (200, b"{", {}),
        (200, b"[" * 100_000, {}),
        (200, b" " * 300_000, {}),
        (200, json.dumps({"keys": jwks()["keys"] * 2}).encode(), {}),  # type: ignore[operator]
    ],
)
async def test_strange_answers_are_no_keys(
    tmp_path: Path, issuer: Issuer, status: int, answer: bytes, headers: dict[str, str]
) -> None:
    """A redirect, something else, too much, or one id twice."""
    issuer.status, issuer.answer, issuer.headers = status, answer, headers

    assert await desk(tmp_path, jwks_url=issuer.url).code(issuer.token()) == "TOKEN-KEYS-AWAY"


async def test_a_revoked_key_of_an_issuer(tmp_path: Path, issuer: Issuer) -> None:
    """The file's word goes before the issuer's."""
    trusting = desk(tmp_path, jwks_url=issuer.url)
    document = json.loads((tmp_path / "identity.yaml").read_text())
    write(tmp_path / "identity.yaml", {**document, "revoked": ["ES256"]})

    assert await trusting.code(issuer.token("ES256")) == "TOKEN-KEY-REVOKED"
    assert (await trusting.proof(issuer.token("RS256"))).key == "RS256"


async def test_an_access_token_is_no_id_token(tmp_path: Path, issuer: Issuer) -> None:
    """Nor is one that brings its key along."""
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    trusting = desk(tmp_path, jwks_url=issuer.url)
    for more in ({"typ": "at+jwt"}, {"jku": issuer.url}, {"jwk": jwks()["keys"][1]}):  # type: ignore[index]
        token = jwt.encode(
            claims, KEYS["ES256"], algorithm="ES256", headers={"kid": "ES256", **more}
        )
        assert await trusting.code(token) == "TOKEN-MALFORMED"
