"""Login by an issuer over real HTTP: whom the console lets in, as whom, and what they see."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from remit.approval.tokens import TokenError, of_message
from remit.approval.trust import spelt
from remit.cli.keys import new
from remit.cli.stack.ports import choose
from remit.client.signing import load_key
from remit.console.inbox import href_of
from remit.console.table import ConsoleTable
from remit.enforcement.identity import Identity
from remit.stores.ledger import SqlLedger
from tests.console.issuer import SECRET, TestIssuer, issuing
from tests.console.place import ARGUMENTS, HOLDER, Place, admit, ask, say, served
from tests.stores.ledger_values import ROOT


@pytest.fixture
async def issuer() -> AsyncIterator[TestIssuer]:
    """An issuer."""
    async with issuing() as found:
        yield found


@pytest.fixture
async def guarded(
    ledger: SqlLedger, ledger_url: str, issuer: TestIssuer, tmp_path: Path
) -> AsyncIterator[Place]:
    """A console with a login."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    port = choose(())
    oidc = {
        "issuer": issuer.url,
        "client_id": "remit",
        "client_secret_file": str(tmp_path / "secret"),
    }
    new(tmp_path / "key.pem", "console", as_json=True)
    given = {"base_url": f"http://127.0.0.1:{port}", "oidc": oidc}
    given["vouch_key_file"] = str(tmp_path / "key.pem")
    async with served(ledger, ledger_url, ConsoleTable.model_validate(given), port) as place:
        yield place


async def login(browser: httpx2.AsyncClient, to: str = "/") -> httpx2.Response:
    """Sign in as a browser does: to the issuer and back."""
    return await browser.get("/login/start", params={"to": to}, follow_redirects=True)


def trusting(folder: Path, speaks_for: str, purposes: str = "[vote]") -> Identity:
    """Return a deployment that trusts the console to speak for these."""
    key = spelt(load_key(folder / "key.pem").key.public_key())
    file = folder / "identity.yaml"
    console = f"{{keys: [{{key: {json.dumps(key)}}}], speaks_for: [{json.dumps(speaks_for)}]"
    console += f", purposes: {purposes}}}"
    file.write_text(f"schema: remit.identity/v1\nissuers:\n  console: {console}\n")
    return Identity(file, "default", lambda: time.time_ns() // 1_000_000)


async def test_a_vote_carries_the_consoles_word(
    guarded: Place, issuer: TestIssuer, tmp_path: Path
) -> None:
    """A deployment that trusts the console for these names takes it as proof, others do not."""
    gate = await ask(guarded.ledger)
    async with guarded.browser() as browser:
        await login(browser, href_of(gate))
        await say(browser, href_of(gate), "approve")
    verb, body = guarded.wire.sent[0][1], guarded.wire.sent[0][2]
    at_ms = time.time_ns() // 1_000_000

    async def proven(speaks_for: str, run: str) -> str:
        identity = trusting(tmp_path, speaks_for)
        binding = of_message(identity.audience, "vote", run, verb, body)
        proof = await identity.verify(body["token"], binding, at_ms, "update:1", str(body["by"]))
        return proof.person

    assert await proven("*@acme.example", ROOT) == HOLDER
    with pytest.raises(TokenError, match="speak"):
        await proven("*@other.example", ROOT)
    with pytest.raises(TokenError, match="another run"):
        await proven("*@acme.example", "other")


async def test_an_order_carries_the_consoles_word(
    guarded: Place, issuer: TestIssuer, tmp_path: Path
) -> None:
    """Where the console is trusted with orders too; to speak in votes is not enough."""
    page = f"/runs/{ROOT}"
    async with guarded.browser() as browser:
        await login(browser, page)
        form = (await browser.get(page)).text.partition('name="order" value="hold"')[2]
        fields = {
            name: form.partition(f'name="{name}" value="')[2].partition('"')[0]
            for name in ("token", "mark", "event")
        }
        answer = await browser.post(page, data={"order": "hold", "comment": "stop", **fields})
    assert answer.status_code == 303, answer.text
    ((_, name, body, _),) = guarded.wire.sent
    at_ms = time.time_ns() // 1_000_000

    async def proven(purposes: str) -> str:
        identity = trusting(tmp_path, "*@acme.example", purposes)
        binding = of_message(identity.audience, "order", ROOT, name, body)
        proof = await identity.verify(body["token"], binding, at_ms, "update:1", str(body["by"]))
        return proof.person

    assert await proven("[vote, order]") == HOLDER
    with pytest.raises(TokenError, match="not trusted with orders"):
        await proven("[vote]")


async def test_a_person_signs_in_and_votes_under_that_name(
    guarded: Place, issuer: TestIssuer
) -> None:
    """Code, PKCE and secret are checked by the issuer; the name in the vote is the issuer's."""
    gate = await ask(guarded.ledger)
    async with guarded.browser() as browser:
        asked = await browser.get(href_of(gate), follow_redirects=True)
        page = await login(browser, href_of(gate))
        answer = await say(browser, href_of(gate), "approve")
        typed = await browser.post("/login", data={"name": "boss@acme.example"})

    assert "Go there and sign in" in asked.text
    assert "Names are unverified" not in page.text
    assert "Place a purchase order." in page.text
    assert (answer.status_code, typed.status_code) == (303, 404)
    assert guarded.wire.sent[0][2]["by"] == HOLDER
    assert issuer.asked["code_challenge_method"] == "S256"
    assert issuer.asked["scope"] == "openid email"


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"aud": "another"}, "does not hold"),
        ({"iss": "https://evil.example"}, "does not hold"),
        ({"exp": int(time.time()) - 60}, "does not hold"),
        ({"exp": None}, "does not hold"),
        ({"nonce": "of another login"}, "another login"),
        ({"nonce": None}, "another login"),
        ({"azp": "another"}, "somebody else"),
        ({"email": None}, "names nobody"),
        ({"email": "a\u202eb"}, "names nobody"),
        ({"email": ["a@b.example"]}, "names nobody"),
        ({"email_verified": False}, "not verified"),
        ({"email_verified": "true"}, "not verified"),
    ],
)
async def test_a_token_that_does_not_fit_signs_nobody_in(
    guarded: Place, issuer: TestIssuer, claims: dict[str, Any], told: str
) -> None:
    """Audience, issuer, end, nonce and the person's claim are all held against what was asked."""
    issuer.claims = claims
    async with guarded.browser() as browser:
        answer = await login(browser)
        after = await browser.get("/")

    assert answer.status_code == 403
    assert told in answer.text
    assert after.status_code == 303


async def test_signatures_that_prove_nothing(guarded: Place, issuer: TestIssuer) -> None:
    """No signature, a secret's, another key under the same name, an unknown key: nobody."""
    public = issuer.key.public_key()
    from cryptography.hazmat.primitives import serialization

    pem = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    another = rsa.generate_private_key(65537, 2048)
    for algorithm, key, kid in (
        ("none", None, "one"),
        ("HS256", pem, "one"),
        ("RS256", another, "one"),
        ("ES256", ec.generate_private_key(ec.SECP256R1()), "one"),
        ("RS256", issuer.key, "unknown"),
    ):
        now = int(time.time())

        def forged(
            algorithm: str = algorithm, key: Any = key, kid: str = kid, now: int = now
        ) -> str:
            claims = {
                "iss": issuer.url,
                "sub": "1",
                "aud": "remit",
                "iat": now,
                "exp": now + 60,
                "nonce": issuer.asked["nonce"],
                "email": HOLDER,
                "email_verified": True,
            }
            return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})

        issuer.id_token = forged  # type: ignore[method-assign]
        async with guarded.browser() as browser:
            assert (await login(browser)).status_code == 403, (algorithm, kid)
            assert (await browser.get("/")).status_code == 303


async def test_the_issuer_may_change_its_key(guarded: Place, issuer: TestIssuer) -> None:
    """A key that is not known yet is asked for; a known one is kept."""
    async with guarded.browser() as browser:
        assert (await login(browser)).status_code == 200
    async with guarded.browser() as browser:
        assert (await login(browser)).status_code == 200
    assert issuer.keys_read == 1
    issuer.key, issuer.kid, issuer.algorithm = issuer.other, "two", "ES256"
    assert guarded.office.issuer is not None
    guarded.office.issuer.forget_keys()
    async with guarded.browser() as browser:
        assert (await login(browser)).status_code == 200
    assert issuer.keys_read == 2


async def test_a_login_is_ended_where_it_was_begun(guarded: Place) -> None:
    """A way back that another browser began, or that was altered, signs nobody in."""
    async with guarded.browser() as mine, guarded.browser() as theirs:
        begun = await mine.get("/login/start")
        there = await mine.get(begun.headers["location"])
        back = there.headers["location"]
        assert (await theirs.get(back)).status_code == 403
        assert (await mine.get(back.replace("state=", "state=x"))).status_code == 403
        assert (await mine.get(f"{back}&error=denied".replace("code=", "co="))).status_code == 403
        assert (await mine.get(back)).status_code == 303
        assert (await mine.get("/")).status_code == 200


async def test_an_absent_issuer_signs_nobody_in(guarded: Place, issuer: TestIssuer) -> None:
    """It is said, and nothing else is broken."""
    issuer.url = "http://127.0.0.1:9"
    async with guarded.browser() as browser:
        answer = await browser.get("/login/start")
        health = await browser.get("/health")

    assert (answer.status_code, health.status_code) == (503, 200)
    assert "Nobody can sign in now" in answer.text


async def test_a_tenants_runs_are_for_its_people(guarded: Place, issuer: TestIssuer) -> None:
    """Somebody of another tenant, and somebody whom policies do not know, see nothing of it."""
    gate = await ask(guarded.ledger)
    await admit(guarded.ledger, "rival", tenant="rival")
    own = await ask(guarded.ledger, root="rival", arguments={**ARGUMENTS, "supplier": "theirs"})
    for person, seen in (("other@rival.example", own), ("stranger@acme.example", None)):
        issuer.person = person
        async with guarded.browser() as browser:
            await login(browser)
            pages = [
                (await browser.get(path)).text for path in ("/?role=", "/runs", "/agents", "/tools")
            ]
            for path in (href_of(gate), f"/runs/{ROOT}", f"/events/{ROOT}"):
                assert (await browser.get(path)).status_code == 404, (person, path)
            status = (await browser.get(href_of(own))).status_code
        assert status == (200 if seen else 404)
        assert not any(ROOT in page for page in pages)
        assert (HOLDER in pages[2]) == (seen is not None)


async def test_arguments_are_for_those_who_decide(guarded: Place, issuer: TestIssuer) -> None:
    """Others of the tenant see that somebody is asked, and for what kind of call."""
    gate = await ask(guarded.ledger)
    issuer.person = "clerk@acme.example"
    async with guarded.browser() as browser:
        await login(browser)
        card = (await browser.get(href_of(gate))).text
        inbox = (await browser.get("/?role=")).text
        tried = await browser.post("/alike", data={"token": "x"})

    assert "Place a purchase order." in card
    for text in ("sup-7", "4,200.50", "Change the arguments"):
        assert text not in card
        assert text not in inbox
    assert tried.status_code == 403
