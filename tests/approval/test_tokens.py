"""What a token is, and that no other text is taken for it."""

import base64
import json
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from remit.approval import tokens
from remit.approval.tokens import Binding, Envelope, TokenError
from remit.approval.trust import read_trust
from remit.canonical import JSON, JSONObject, digest
from remit.diagnostic import InvalidDocumentError
from tests.approval.signing import AUDIENCE, NOW_S, PROPOSED, document, key, line, signed

PAYLOAD: JSONObject = {"step": "pay", "digest": PROPOSED, "by": "anna@lab.example", "comment": "ok"}
BINDING = tokens.of_message(AUDIENCE, "vote", "root", "approve", PAYLOAD)
TRUST = read_trust(document())
GOOD = signed(BINDING, nonce="n" * 32)


def verify(token: JSON, binding: Binding = BINDING, at_ms: int = NOW_S * 1000) -> str:
    """Return whom a token proves, as the verifier asks in its order."""
    envelope = tokens.read_token(token)
    trusted = TRUST.key(envelope.key, envelope.issuer, at_ms)
    tokens.check_signature(envelope, trusted.public, tokens.ALGORITHM)
    tokens.check_times(envelope, at_ms)
    tokens.check_binding(envelope, binding)
    tokens.nonce_of(envelope)
    return tokens.person_of(envelope)


def refusal(token: JSON, binding: Binding = BINDING, at_ms: int = NOW_S * 1000) -> str:
    """Return the code with which a token is refused."""
    with pytest.raises(TokenError) as error:
        verify(token, binding, at_ms)
    return error.value.code


def forged(header: JSONObject, claims: JSONObject, signature: bytes = b"") -> str:
    """Return a token put together by hand."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def read(token: str) -> Envelope:
    """Return a token's parts."""
    return tokens.read_token(token)


def test_a_token_proves_who_says_what() -> None:
    """Signed for this message, it names its person."""
    assert verify(GOOD) == "anna@lab.example"


def test_the_order_of_members_and_the_token_itself_do_not_matter() -> None:
    """A message is bound as JSON, not as text, and may carry its token."""
    turned = dict(reversed(PAYLOAD.items()))

    assert (
        tokens.of_message(AUDIENCE, "vote", "root", "approve", {**turned, "token": GOOD}) == BINDING
    )


@given(at=st.integers(0, len(GOOD) - 1), sign=st.integers(32, 126).map(chr))
def test_no_changed_character_is_the_same_token(at: int, sign: str) -> None:
    """Whatever single character is changed, also one that decoders would pass over."""
    if GOOD[at] == sign:
        return

    assert refusal(GOOD[:at] + sign + GOOD[at + 1 :]).startswith("TOKEN-")


@given(at=st.integers(0, len(GOOD)), sign=st.integers(0, 255).map(chr))
def test_no_added_character_is_the_same_token(at: int, sign: str) -> None:
    """Nor whatever is put in between, padding included."""
    assert refusal(GOOD[:at] + sign + GOOD[at:]).startswith("TOKEN-")


TEXTS = st.text(min_size=1, max_size=20)
CHANGES = st.one_of(
    st.fixed_dictionaries({"audience": TEXTS}),
    st.fixed_dictionaries({"purpose": st.sampled_from(["order", "start"])}),
    st.fixed_dictionaries({"run": TEXTS}),
    st.fixed_dictionaries({"name": TEXTS}),
    st.fixed_dictionaries({"steps": st.lists(TEXTS, max_size=3).map(tuple)}),
    st.fixed_dictionaries({"action": TEXTS}),
    st.fixed_dictionaries({"message": TEXTS.map(digest)}),
)


@given(change=CHANGES)
def test_a_token_for_anything_else_is_refused(change: dict[str, str]) -> None:
    """Every part of the binding counts."""
    other = replace(BINDING, **change)
    if other == BINDING:
        return

    assert refusal(GOOD, other) in {
        "TOKEN-AUDIENCE", "TOKEN-PURPOSE", "TOKEN-RUN", "TOKEN-ACTION", "TOKEN-MESSAGE"
    }  # fmt: skip


BODY = st.dictionaries(
    st.sampled_from(["step", "digest", "by", "comment", "args", "to", "output"]),
    st.one_of(TEXTS, st.dictionaries(TEXTS, st.integers(-9, 9), max_size=2), st.none()),
)


@given(body=BODY, other=BODY)
def test_every_member_of_a_message_is_bound(body: JSONObject, other: JSONObject) -> None:
    """Edited arguments, whom it is delegated to and an output given by hand among them."""
    mine, theirs = (
        tokens.of_message(AUDIENCE, "vote", "root", "edit", each) for each in (body, other)
    )

    assert (mine == theirs) == (body == other)


@pytest.mark.parametrize(
    ("late_ms", "code"),
    [
        (300_000 + 30_000 + 1, "TOKEN-EXPIRED"),
        (-30_001, "TOKEN-EARLY"),
    ],
)
def test_a_token_is_for_a_few_minutes(late_ms: int, code: str) -> None:
    """One millisecond beyond what clocks may be apart is too late, or too early."""
    inside = late_ms - 1 if late_ms > 0 else late_ms + 1

    assert refusal(GOOD, at_ms=NOW_S * 1000 + late_ms) == code
    assert verify(GOOD, at_ms=NOW_S * 1000 + inside)


def test_no_token_lives_long() -> None:
    """Fifteen minutes is most; one that ends before it begins is none."""
    for life_s in (901, 0, -5):
        token = tokens.mint(
            key(), "anna@lab.example", BINDING, at_s=NOW_S, nonce="n" * 16, life_s=life_s
        )
        assert refusal(token) == "TOKEN-LIFE"


def test_no_token_says_how_it_is_verified() -> None:
    """Neither `none`, nor HMAC with the public key as its secret, nor a key in its header."""
    header, claims = read(GOOD).header, read(GOOD).claims
    public = key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    hmac = jwt.encode(claims, public, headers={**header, "alg": "HS256"})
    inside = jwt.encode(
        claims, key("mallory"), algorithm="EdDSA",
        headers={**header, "jwk": json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(key("mallory")))},
    )  # fmt: skip

    assert refusal(forged({**header, "alg": "none"}, claims)) == "TOKEN-ALGORITHM"
    assert refusal(hmac) == "TOKEN-ALGORITHM"
    assert refusal(inside) == "TOKEN-MALFORMED"
    assert refusal(jwt.encode(claims, key("mallory"), algorithm="EdDSA", headers=header)) == (
        "TOKEN-SIGNATURE"
    )


@pytest.mark.parametrize(
    "token",
    [None, 5, "", "a.b", "..", "a.b.c.d", "x" * 1_000_000, GOOD + "=", [GOOD], {"token": GOOD},
     "é.é.é", forged({"alg": "EdDSA", "kid": "k", "typ": tokens.TYPE}, {"iss": "x"})],
)  # fmt: skip
def test_what_is_no_token(token: JSON) -> None:
    """Anything else is refused for what it is, whatever its size."""
    assert refusal(token) == "TOKEN-MALFORMED"


@pytest.mark.parametrize("moment", [True, 1.5, "1800000000", None, -1, 1 << 60])
def test_moments_are_whole_seconds(moment: JSON) -> None:
    """A moment of another kind is none."""
    claims = {**read(GOOD).claims, "iat": moment}
    token = jwt.api_jws.encode(
        json.dumps(claims).encode(), key(), algorithm="EdDSA", headers=read(GOOD).header
    )

    assert refusal(token) == "TOKEN-MALFORMED"


def test_a_short_nonce_is_none() -> None:
    """Somebody else could have drawn it too."""
    assert refusal(signed(BINDING, nonce="short")) == "TOKEN-MALFORMED"


def test_a_message_without_a_canonical_form_cannot_be_signed() -> None:
    """Numbers that two readers read differently have no digest."""
    with pytest.raises(TokenError) as error:
        tokens.message_digest({"args": {"amount": 1 << 60}})

    assert error.value.code == "TOKEN-MALFORMED"


def test_a_key_has_one_owner_and_one_end() -> None:
    """Whose key it is stands in the file; revoked or over, it is nobody's."""
    given = document(ben=[line("ben", not_after="2027-01-15T08:00:00Z")], carl=[line("carl")])
    revoked = tokens.key_id(key("carl").public_key())
    trust = read_trust({**given, "revoked": [revoked]})
    ben = tokens.key_id(key("ben").public_key())

    def code(kid: str, issuer: str, at_ms: int) -> str:
        with pytest.raises(TokenError) as error:
            trust.key(kid, issuer, at_ms)
        return error.value.code

    assert trust.key(ben, "ben@lab.example", NOW_S * 1000).issuer == "ben@lab.example"
    assert code(ben, "ben@lab.example", NOW_S * 1000 + 1) == "TOKEN-KEY-EXPIRED"
    assert code(ben, "anna@lab.example", 0) == "TOKEN-KEY-UNKNOWN"
    assert code(revoked, "carl@lab.example", 0) == "TOKEN-KEY-REVOKED"
    assert code("k-nobody", "anna@lab.example", 0) == "TOKEN-KEY-UNKNOWN"


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"schema": "remit.identity/v2"}, "IDENTITY-SHAPE", "/schema"),
        ({"peple": {}}, "IDENTITY-SHAPE", "/peple"),
        ({"people": {"a": [{"key": "ed25519:AAAA"}]}}, "IDENTITY-SHAPE", "/people/a/0/key"),
        ({"people": {"a": [line()], "b": [line()]}}, "IDENTITY-KEY-TWICE", "/people/b/0"),
        ({"people": {"a": []}}, "IDENTITY-SHAPE", "/people/a"),
        ({"issuers": {"c": {"keys": [line()], "speaks_for": ["*"]}}}, "IDENTITY-SHAPE",
         "/issuers/c/speaks_for/0"),
        ({"people": {"a": [line(not_after="2027-01-01")]}}, "IDENTITY-SHAPE",
         "/people/a/0/not_after"),
        ({"oidc": {"https://i": {"audience": "c", "speaks_for": ["a"]}}}, "IDENTITY-SHAPE",
         "/oidc/https:~1~1i"),
        ({"oidc": {"https://i": {"audience": "c", "speaks_for": ["a"],
                                 "jwks_url": "http://keys.example/"}}}, "IDENTITY-SHAPE",
         "/oidc/https:~1~1i/jwks_url"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told(change: JSONObject, code: str, path: str) -> None:
    """Each fault has a code and its place."""
    with pytest.raises(InvalidDocumentError) as error:
        read_trust({"schema": "remit.identity/v1", **change})

    assert (error.value.diagnostics[0].code, error.value.diagnostics[0].path) == (code, path)
