"""Whatever comes back in place of a decision, nothing of it is ever taken for an allow."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.enforcement.opa import OpaClient, PolicyInvalidError, PolicyUnavailableError
from tests.enforcement.fake_opa import REVISION, FakeOpa, allow, answers, fake_opa
from tests.policies import given

GOOD = allow(given.DIGEST)
TEXT = json.dumps(GOOD)
_TWICE = TEXT.replace('"effect": "allow"', '"effect": "deny", "effect": "allow"')
_NAN = TEXT.replace('"schema_version": 1', '"schema_version": NaN')
_ERROR: JSONObject = {"code": "internal_error", "errors": [{"code": "eval_conflict_error"}]}


async def outcome(fake: FakeOpa, deadline_s: float = 5) -> str:
    """Ask once, and return how it ended: the effect, or the code of the error."""
    async with OpaClient(fake.socket, token="secret", deadline_s=deadline_s) as client:
        try:
            return (await client.decide(given.call())).decision.effect
        except PolicyUnavailableError as error:
            return f"unavailable {error.code}"
        except PolicyInvalidError as error:
            return f"invalid {error.code}"


async def test_the_good_answer_is_an_allow() -> None:
    """The answer that the others damage is taken, so that the damage alone makes the difference."""
    async with fake_opa(answers(GOOD)) as fake:
        assert await outcome(fake) == "allow"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<html>allow</html>", "invalid host:bad_answer"),
        (b"", "invalid host:bad_answer"),
        (TEXT.encode()[:-9], "invalid host:bad_answer"),
        (b"[" + TEXT.encode() + b"]", "invalid host:bad_answer"),
        (b"[" * 100_000, "invalid host:bad_answer"),
        (_TWICE.encode(), "invalid host:bad_answer"),
        (_NAN.encode(), "invalid host:bad_answer"),
        (b'"' + b"x" * 10_000_000 + b'"', "invalid host:answer_too_large"),
        (TEXT.encode("utf-16"), "invalid host:bad_answer"),
        ({**GOOD, "warning": {"code": "api_usage_warning"}}, "invalid host:bad_question"),
        ({k: v for k, v in GOOD.items() if k != "result"}, "invalid host:undefined"),
        ({**GOOD, "result": None}, "invalid host:bad_decision"),
        ({**GOOD, "result": True}, "invalid host:bad_decision"),
        ({**GOOD, "provenance": {}}, "unavailable host:no_bundle"),
        ({"result": GOOD["result"]}, "unavailable host:no_bundle"),
        ({}, "unavailable host:no_bundle"),
        (
            {**GOOD, "provenance": {"bundles": {"system": {"revision": REVISION}}}},
            "unavailable host:no_bundle",
        ),
        (
            {**GOOD, "provenance": {"bundles": {"remit": {"revision": ""}}}},
            "unavailable host:no_bundle",
        ),
        (
            {**GOOD, "provenance": {"bundles": {"a": {"revision": "x"}, "b": {"revision": "y"}}}},
            "unavailable host:no_bundle",
        ),
        (
            {**GOOD, "provenance": {"bundles": {"remit": {"revision": "older"}}}},
            "invalid host:revision_mismatch",
        ),
        (allow("sha256:" + "2" * 64), "invalid host:digest_mismatch"),
    ],
)
async def test_what_is_not_a_decision_is_not_an_allow(
    body: bytes | JSONObject, expected: str
) -> None:
    """HTML, cut, doubled, endless or foreign answers: each an error with a code of its own."""
    async with fake_opa(answers(body)) as fake:
        assert await outcome(fake) == expected
        assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"effect": "Allow"},
        {"effect": ["allow"]},
        {"effect": None},
        {"allow": True},
        {"schema_version": 2},
        {"schema_version": "1"},
        {"permits": []},
        {"permits": [{"code": "host:undefined", "policy": "x", "message": ""}]},
        {"reasons": [{"code": "host:undefined", "policy": "x", "message": ""}]},
        {"reasons": None},
        {"approvals": [{"code": "a.b"}]},
        {"reserve": [{"counter": "run/x/micros", "amount": -1, "ceiling": 5}]},
        {"reserve": [{"counter": "run/x/micros", "amount": "1", "ceiling": 5}]},
        {"obligations": [{"type": "redact", "critical": True, "paths": []}]},
        {"obligations": [{"type": "redact", "critical": False, "paths": ["iban"]}]},
        {"obligations": [{"type": "limit", "critical": False, "path": "amount", "max": 1}]},
        {"obligations": [{"critical": True}]},
        {"risk": "none"},
        {"policy_revision": ""},
        {"effect": "deny", "reasons": []},
        {"effect": "require_approval"},
    ],
)
async def test_a_malformed_decision_is_not_an_allow(changes: JSONObject) -> None:
    """Wrong words, wrong types, further fields, parts that contradict each other."""
    async with fake_opa(answers(allow(given.DIGEST, **changes))) as fake:
        assert await outcome(fake) == "invalid host:bad_decision"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("500 Internal Server Error", GOOD, "unavailable host:opa_unavailable"),
        ("500 Internal Server Error", _ERROR, "invalid host:evaluation_failed"),
        ("502 Bad Gateway", b"<html>", "unavailable host:opa_unavailable"),
        ("503 Service Unavailable", b"", "unavailable host:opa_unavailable"),
        ("429 Too Many Requests", GOOD, "unavailable host:opa_unavailable"),
        ("401 Unauthorized", GOOD, "unavailable host:unauthorized"),
        ("403 Forbidden", GOOD, "unavailable host:unauthorized"),
        ("400 Bad Request", GOOD, "invalid host:bad_question"),
        ("404 Not Found", GOOD, "invalid host:bad_question"),
        ("201 Created", GOOD, "invalid host:bad_question"),
    ],
)
async def test_an_allow_under_another_status_is_not_an_allow(
    status: str, body: bytes | JSONObject, expected: str
) -> None:
    """Only a 200 may decide; what judged wrongly is told from what could not judge."""
    async with fake_opa(answers(body, status)) as fake:
        assert await outcome(fake) == expected
        assert len(fake.requests) == 1


async def test_a_late_answer_is_none() -> None:
    """What comes after the deadline is not waited for, and the next question is not confused."""
    release = asyncio.Event()

    async def late(writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await answers(GOOD)(writer)

    async with fake_opa(late) as fake:
        assert await outcome(fake, deadline_s=0.1) == "unavailable host:deadline"
        release.set()


async def test_an_answer_that_trickles_is_bounded_by_the_same_deadline() -> None:
    """The deadline is absolute: bytes that keep coming do not extend it."""
    stop = asyncio.Event()

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not stop.is_set():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with fake_opa(trickle) as fake:
        assert await outcome(fake, deadline_s=0.2) == "unavailable host:deadline"
        stop.set()


async def test_a_cut_connection_is_no_answer() -> None:
    """An OPA that dies while it answers has not judged."""

    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + TEXT.encode()[:50])
        await writer.drain()
        writer.close()

    async with fake_opa(cut) as fake:
        assert await outcome(fake) == "unavailable host:opa_unavailable"


@pytest.fixture
async def elsewhere() -> AsyncIterator[tuple[str, list[str]]]:
    """An HTTP server on another host and port, and what it was sent."""
    heads: list[str] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        await answers(GOOD)(writer)
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/", heads
    server.close()


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_not_followed(elsewhere: tuple[str, list[str]], status: str) -> None:
    """Neither the facts nor the token go where an answer points."""
    url, heads = elsewhere
    async with fake_opa(answers(GOOD, status, f"Location: {url}\r\n")) as fake:
        assert await outcome(fake) == "invalid host:redirect"

    assert heads == []


async def test_proxies_of_the_environment_are_ignored(
    elsewhere: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts go to the sidecar alone, whatever the environment says."""
    url, heads = elsewhere
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, url)
    async with fake_opa(answers(GOOD)) as fake:
        assert await outcome(fake) == "allow"

    assert heads == []


async def test_names_and_passwords_of_the_environment_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `.netrc` that knows OPA's host does not speak for the worker."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine opa login mallory password x\ndefault login mallory password x\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    async with (
        fake_opa(answers(GOOD)) as fake,
        OpaClient(fake.socket, token="secret") as client,
        OpaClient(fake.socket) as without,
    ):
        await client.decide(given.call())
        await without.decide(given.call())
    said = [
        [line for line in head.split("\r\n") if line.startswith("Authorization")]
        for head, _ in fake.requests
    ]

    assert said == [["Authorization: Bearer secret"], []]


async def test_the_question_is_the_facts_and_nothing_else() -> None:
    """Path, flags, token and further headers of a request, and the body that the digest names."""
    async with (
        fake_opa(answers(GOOD)) as fake,
        OpaClient(fake.socket, token="secret") as client,
    ):
        decided = await client.decide(given.call(), {"traceparent": "00-ab-cd-01"})
    head, body = fake.requests[0]

    assert head.startswith("POST /v1/data/remit/main/decision?")
    assert "strict-builtin-errors=true" in head.split("\r\n")[0]
    assert "Authorization: Bearer secret\r\n" in head
    assert "traceparent: 00-ab-cd-01\r\n" in head
    assert body == {"input": given.document(given.call())}
    assert decided.decision_id == "d-1"
    assert decided.revision == REVISION


async def test_a_client_that_is_not_open_asks_nobody() -> None:
    """It says so, with the type that means: wait."""
    async with fake_opa(answers(GOOD)) as fake:
        with pytest.raises(PolicyUnavailableError) as caught:
            await OpaClient(fake.socket).decide(given.call())

        assert caught.value.code == "host:opa_unavailable"
        assert fake.requests == []


@pytest.mark.parametrize(
    ("version", "is_told"),
    [("1.21.3", False), ("1.21.10", False), ("2.0.0-rc1", False), ("1.21.2", True), ("", True)],
)
async def test_an_opa_that_takes_unsigned_bundles_is_not_ready(version: str, is_told: bool) -> None:
    """Before 1.21.3 a bundle could get past the signature: no worker works with such an OPA."""
    provenance = {"version": version, "bundles": {"remit": {"revision": REVISION}}}
    answer = {**allow("x", proposed_digest=None), "provenance": provenance}
    async with fake_opa(answers(answer)) as fake, OpaClient(fake.socket, deadline_s=5) as client:
        problem = await client.ready()

    assert ("1.21.3 is the oldest" in problem) is is_told
