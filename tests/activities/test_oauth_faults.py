"""Without an access token nothing is sent: every bad day of whoever gives them, and egress."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from activities.tools.resolving import Resolver
from activities.tools.tunnel import Proxy
from remit.tool.call import Happened, Refused
from tests.activities.calling import ask, code
from tests.activities.mcp_calls import ending, say
from tests.activities.origin import Asked, Origin, Reply, answer, deaf, http_contract
from tests.activities.test_egress_proxy import Forward
from tests.activities.test_mcp_http import mcp_over_http
from tests.activities.tokens_giver import BEARER, Giver, MakeClient


@asynccontextmanager
async def _silent(giver: Giver) -> AsyncIterator[None]:
    over = asyncio.Event()

    async def reply(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await over.wait()

    giver.answers(reply)
    yield
    over.set()


async def test_a_giver_that_is_silent_or_deaf_holds_nothing_up_beyond_the_deadline(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """Nothing was sent, and it may be tried again."""
    with deaf() as away:
        for tools in (client(), client(token_url=f"{away}/token")):
            async with _silent(giver):
                given = await ask(tools, http_contract(headers=BEARER), within_s=0.2)

            assert ending(given) == "Refused TOOL-SECRET again"
            assert "SECRET-UNREACHABLE" in str(given)
    assert origin.connections == 0


def _told(**changes: object) -> Reply:
    told = {"access_token": "abc.def", "token_type": "bearer", "expires_in": 3600, **changes}
    body = {name: value for name, value in told.items() if value is not None}
    return answer(200, json.dumps(body).encode())


_TOKEN = json.dumps({"access_token": "abc", "token_type": "bearer", "expires_in": 60}).encode()
_FAULTS: dict[str, tuple[Reply, str]] = {
    "400": (answer(400, b'{"error":"invalid_scope"}'), "SECRET-DENIED"),
    "401": (answer(401, b'{"error":"invalid_client","x":"cl1ent:s3cret"}'), "SECRET-DENIED"),
    "404": (answer(404, b"<h1>", "text/html"), "SECRET-DENIED"),
    "429": (answer(429, b"{}"), "SECRET-UNREACHABLE"),
    "500": (answer(500, b"cl1ent:s3cret"), "SECRET-UNREACHABLE"),
    "redirect": (answer(307, b"", more="Location: http://127.0.0.1:1/\r\n"), "SECRET-TOKEN"),
    "no content": (answer(204, b""), "SECRET-TOKEN"),
    "html": (answer(200, b"<h1>Hi</h1>", "text/html"), "SECRET-TOKEN"),
    "json as text": (answer(200, _TOKEN, "text/plain"), "SECRET-TOKEN"),
    "cut off": (answer(200, b'{"access_token": "ab'), "SECRET-TOKEN"),
    "a list": (answer(200, b"[1]"), "SECRET-TOKEN"),
    "huge": (answer(200, _TOKEN + b" " * 70_000), "SECRET-TOKEN"),
    "packed": (
        answer(200, gzip.compress(_TOKEN), more="Content-Encoding: gzip\r\n"),
        "SECRET-TOKEN",
    ),
    "no token": (_told(access_token=None), "SECRET-TOKEN"),
    "token of lines": (_told(access_token="a\r\nX-Injected: b"), "SECRET-TOKEN"),
    "token of 20 kB": (_told(access_token="x" * 20_000), "SECRET-TOKEN"),
    "token that is a number": (_told(access_token=7), "SECRET-TOKEN"),
    "no type": (_told(token_type=None), "SECRET-TOKEN"),
    "another type": (_told(token_type="mac"), "SECRET-TOKEN"),
    "without end": (_told(expires_in=None), "SECRET-TOKEN"),
    "an end in words": (_told(expires_in="soon"), "SECRET-TOKEN"),
    "an end in the past": (_told(expires_in=0), "SECRET-TOKEN"),
    "true as its end": (_told(expires_in=True), "SECRET-TOKEN"),
    "a reference": (_told(access_token="env:SECRET"), "SECRET-FORM"),
}


@pytest.mark.parametrize("fault", _FAULTS)
async def test_without_a_token_nothing_is_sent(
    client: MakeClient, giver: Giver, origin: Origin, fault: str
) -> None:
    """Each fault has its code, and no message repeats what the other side says."""
    reply, expected = _FAULTS[fault]
    giver.answers(reply)

    given = await ask(client(), http_contract(headers=BEARER))

    assert isinstance(given, Refused)
    assert (given.code, given.is_own) == ("TOOL-SECRET", True)
    assert f"{expected}: the secret oauth:crm" in given.message
    assert given.again is (expected == "SECRET-UNREACHABLE")
    assert origin.connections == 0
    for known in ("s3cret", "abc", "X-Injected"):
        assert known not in given.message


async def test_a_refusal_of_the_rfc_is_told_and_other_words_are_not(
    client: MakeClient, giver: Giver
) -> None:
    """They say what to do; whatever else stands there may be anybody's."""
    contract = http_contract(headers=BEARER)
    giver.answers(answer(400, b'{"error":"invalid_scope","error_description":"ask Bob"}'))
    assert "(invalid_scope)" in str(await ask(client(), contract))
    giver.answers(answer(400, b'{"error":"ask Bob"}'))
    assert "Bob" not in str(await ask(client(), contract))


async def test_a_lost_connection_to_the_giver_is_no_attempt(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """It closes before it answers."""

    async def hang_up(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.close()

    giver.answers(hang_up)

    given = await ask(client(), http_contract(headers=BEARER))

    assert ending(given) == "Refused TOOL-SECRET again"
    assert "SECRET-UNREACHABLE" in str(given)
    assert origin.connections == 0


async def test_tokens_come_from_where_the_tool_may_go(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """The giver's host is one of the contract's destinations, whoever asked for the token first."""
    listed = http_contract(headers=BEARER)
    elsewhere = http_contract(headers=BEARER, destinations=["crm.example"])
    environ = {"TOKENS": f"http://127.0.0.1:{giver.origin.port}"}
    tools = client(environ, token_url="${env:TOKENS}/oauth2/token")

    assert code(await ask(tools, elsewhere)) == "TOOL-EGRESS"
    assert isinstance(await ask(tools, listed), Happened)
    assert code(await ask(tools, elsewhere)) == "TOOL-EGRESS"
    assert (len(giver.given), len(origin.asked)) == (1, 1)


@pytest.mark.parametrize(
    ("at", "destinations", "why"),
    [
        ("10.0.0.7", ["login.example"], "a private address"),
        ("169.254.169.254", ["login.example", "127.0.0.1"], "special use"),
    ],
    ids=["private", "metadata"],
)
async def test_the_givers_addresses_are_checked(
    client: MakeClient, origin: Origin, at: str, destinations: list[str], why: str
) -> None:
    """As those of every other way out."""
    resolver = Resolver(lambda host: [at])
    tools = client(token_url="https://login.example/token", within={"resolver": resolver})

    given = await ask(tools, http_contract(headers=BEARER, destinations=destinations))

    assert code(given) == "TOOL-EGRESS"
    assert why in str(given)
    assert origin.connections == 0


async def test_a_secret_does_not_go_where_it_can_be_read_on_the_way(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """Also where the address comes from the environment, which is known when the call is made."""
    resolver = Resolver(lambda host: ["127.0.0.1"])
    environ = {"LOGIN": f"http://login.example:{giver.origin.port}"}
    tools = client(environ, token_url="${env:LOGIN}/token", within={"resolver": resolver})
    contract = http_contract(
        headers=BEARER, destinations=["login.example", "127.0.0.1"], private=["login.example"]
    )

    given = await ask(tools, contract)

    assert code(given) == "TOOL-EGRESS"
    assert "use https" in str(given)
    assert giver.origin.connections == 0


async def test_the_giver_is_asked_through_the_proxy(client: MakeClient, giver: Giver) -> None:
    """As tools are called."""
    forward = Forward({"127.0.0.1": giver.origin.port})
    server = await asyncio.start_server(forward.serve, "127.0.0.1", 0)
    forward.port = server.sockets[0].getsockname()[1]
    tools = client(within={"proxy": Proxy.of(f"http://127.0.0.1:{forward.port}")})

    assert isinstance(await ask(tools, http_contract(headers=BEARER)), Happened)

    assert f"127.0.0.1:{giver.origin.port}" in str(forward.asked)
    server.close()


async def test_without_a_token_no_mcp_server_is_greeted(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """The refusal is the same as for any other kind."""
    giver.answers(answer(401, b'{"error":"invalid_client"}'))

    given = await say(client(), mcp_over_http(BEARER))

    assert ending(given) == "Refused TOOL-SECRET"
    assert origin.connections == 0
