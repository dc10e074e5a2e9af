"""The `mcp` kind over streamable HTTP: a real server of the SDK, and one whose bytes we decide."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from activities.tools.mcp_listing import listing
from activities.tools.outside import Outside
from activities.tools.registry import Tools
from remit.canonical import JSONObject
from remit.cli.stack.ports import choose
from remit.tool.call import Happened
from remit.tool.contract import ToolContract
from remit.tool.mcp import StreamableHttpServer, listed_digest
from tests.activities.calling import ask
from tests.activities.mcp_calls import ending, mcp_contract, say
from tests.activities.mcp_liar import listed
from tests.activities.origin import Asked, Origin, Reply, answer
from tests.waiting import until

OFFICE = Path(__file__).with_name("mcp_office.py")


@pytest.fixture(scope="module")
def office() -> Iterator[int]:
    """The port of a running server."""
    port = choose(())
    process = subprocess.Popen([sys.executable, str(OFFICE), str(port)])
    try:
        until(lambda: _listens(port))
        yield port
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
async def desks(office: int, tmp_path: Path) -> AsyncIterator[Tools]:
    """Adapters that know where the office is."""
    made = Tools({}, tmp_path, {"OFFICE": f"http://127.0.0.1:{office}", "PATH": os.environ["PATH"]})
    yield made
    await made.aclose()


async def _pinned(office: int, tool: str, **call: object) -> ToolContract:
    """Return the contract of one of the office's tools, as it lists it now."""
    server = StreamableHttpServer(url=f"http://127.0.0.1:{office}/mcp")
    found = await listing(server, ["127.0.0.1"], Outside({}, Path()))
    tools = found["tools"]
    assert isinstance(tools, list)
    [shown] = [each for each in tools if isinstance(each, dict) and each["name"] == tool]
    address = {"transport": "http", "url": "${env:OFFICE}/mcp"}
    own = {"server": address, "schema_sha256": listed_digest(shown), **call}
    return mcp_contract(tool, call=own, destinations=["127.0.0.1"], input_schema={"type": "object"})


async def test_calls_a_server_of_the_sdk(office: int, desks: Tools) -> None:
    """Arguments go there with the step key, and structured content comes back."""
    assign = await _pinned(office, "assign")

    given = await ask(desks, assign, {"desk": "d1", "person": "Ada"})

    assert given == Happened({"desk": "d1", "person": "Ada", "key": "run-1:order:do"})


async def test_an_exception_there_is_unknown_here(office: int, desks: Tools) -> None:
    """An answer that is an error promises nothing unless its contract says so."""
    fails = await _pinned(office, "fail")
    certain = await _pinned(office, "fail", errors="refused")

    assert ending(await ask(desks, fails, {"desk": "d1"})) == "Unknown TOOL-ERROR"
    assert ending(await ask(desks, certain, {"desk": "d1"})) == "Refused TOOL-REFUSED"


async def test_a_listing_that_changes_is_refused(
    office: int, desks: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is listed otherwise than pinned is not called."""
    demolish, assign = await _pinned(office, "demolish"), await _pinned(office, "assign")
    assert ending(await ask(desks, assign, {"desk": "d1", "person": "Ada"})) == "Happened"

    await ask(desks, demolish)
    monkeypatch.setattr("activities.tools.mcp_session.LISTING_S", 0.0)
    monkeypatch.setattr("activities.tools.mcp_session.UNHEARD_LISTING_S", 0.0)

    given = await ask(desks, assign, {"desk": "d1", "person": "Ada"})

    assert ending(given) == "Refused TOOL-LISTING-CHANGED"


def scripted(
    status: int = 200, body: bytes = b"", kind: str = "application/json", more: str = ""
) -> Reply:
    """Return a reply that greets and lists as it should, and answers calls as given."""

    async def reply(asked: Asked, writer: asyncio.StreamWriter) -> None:
        message = json.loads(asked.body) if asked.body else {}
        number, method = message.get("id"), message.get("method")
        about = {"name": "scripted", "version": "1"}
        greeting = {"protocolVersion": "2025-11-25", "serverInfo": about}
        results: JSONObject = {
            "initialize": {**greeting, "capabilities": {"tools": {}}},
            "tools/list": {"tools": listed()},
        }
        if method in results:
            result = json.dumps({"jsonrpc": "2.0", "id": number, "result": results[method]})
            await answer(200, result.encode())(asked, writer)
        elif method == "tools/call":
            sent = body.replace(b"ID", str(number).encode())
            await answer(status, sent, kind, more)(asked, writer)
        elif number is None:
            await answer(202, b"")(asked, writer)
        else:
            error = {"code": -32601, "message": "unknown"}
            said = json.dumps({"jsonrpc": "2.0", "id": number, "error": error})
            await answer(200, said.encode())(asked, writer)

    return reply


def mcp_over_http(headers: Mapping[str, str], **call: object) -> ToolContract:
    """Return the contract of the scripted server's tool `echo`."""
    server = {"transport": "http", "url": "${env:ORIGIN}/mcp", "headers": headers}
    return mcp_contract("echo", call={"server": server, **call}, destinations=["127.0.0.1"])


def _echo(**call: object) -> ToolContract:
    return mcp_over_http({"X-Token": "env:TOKEN"}, **call)


GOOD = b'{"jsonrpc":"2.0","id":ID,"result":{"content":[],"structuredContent":{"a":1}}}'
_LOG = {"method": "notifications/message", "params": {"level": "info", "data": 1}}
NOTE = b"data: " + json.dumps({"jsonrpc": "2.0", **_LOG}).encode() + b"\n\n"


@pytest.mark.parametrize(
    ("status", "body", "kind", "more", "expected"),
    [
        (200, GOOD, "application/json", "", "Happened"),
        (200, b"data: " + GOOD + b"\n\n", "text/event-stream", "", "Happened"),
        (200, NOTE * 3000, "text/event-stream", "", "Unknown TOOL-FLOOD"),
        (200, NOTE, "text/event-stream", "", "Unknown TOOL-CONNECTION"),
        (200, b"x" * (9 * 1024 * 1024), "application/json", "", "Unknown TOOL-ANSWER-TOO-LARGE"),
        (200, b"<h1>Hi</h1>", "text/html", "", "Unknown TOOL-PROTOCOL"),
        (
            200,
            b"\x1f\x8b",
            "application/json",
            "Content-Encoding: gzip\r\n",
            "Unknown TOOL-ANSWER-ENCODED",
        ),
        (307, b"", "text/html", "Location: http://evil.example/\r\n", "Unknown TOOL-REDIRECT"),
        (404, b"", "text/html", "", "Refused TOOL-REFUSED again"),
        (400, b"", "text/html", "", "Refused TOOL-REFUSED again"),
        (403, b"", "text/html", "", "Refused TOOL-REFUSED"),
        (401, b"", "text/html", "", "Refused TOOL-REFUSED"),
        (500, b"", "text/html", "", "Unknown TOOL-STATUS"),
    ],
    ids=[
        "json",
        "sse",
        "flood",
        "cut",
        "huge",
        "html",
        "gzip",
        "redirect",
        "404",
        "400",
        "403",
        "401",
        "500",
    ],
)
async def test_what_an_ending_means(
    origin: Origin, tools: Tools, status: int, body: bytes, kind: str, more: str, expected: str
) -> None:
    """Every answer has a meaning, and none but the promised one says that it did not happen."""
    origin.reply = scripted(status, body, kind, more)

    given = await say(tools, _echo())
    assert ending(given) == expected
    assert getattr(given, "is_unheard", False) is (400 <= status < 500)

    origin.reply = scripted(200, GOOD)
    assert await say(tools, _echo()) == Happened({"a": 1})


async def test_a_server_that_started_anew_is_greeted_anew(origin: Origin, tools: Tools) -> None:
    """It knows the session no more, and says so by 400 as many do; the next attempt is answered."""
    origin.reply = scripted(200, GOOD)
    await say(tools, _echo())
    origin.reply = scripted(400, b'{"error":"no valid session"}')
    assert ending(await say(tools, _echo())) == "Refused TOOL-REFUSED again"
    origin.reply = scripted(200, GOOD)
    origin.asked.clear()

    assert await say(tools, _echo()) == Happened({"a": 1})
    assert any(b'"initialize"' in asked.body for asked in origin.asked)


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "it wants other credentials"), (403, "credentials"), (500, "lists;")]
)
async def test_a_server_that_refuses_to_greet_or_list_says_so(
    origin: Origin, tools: Tools, monkeypatch: pytest.MonkeyPatch, status: int, hint: str
) -> None:
    """Its status is told, at the first call and at a later one; nothing was called."""
    origin.reply = answer(status, b"{}")
    greeted = await say(tools, _echo())

    # A connection of its own: what could not be made is not tried again at once.
    origin.reply = scripted(200, GOOD)
    later = _echo(
        max_bytes=1000, server={**_echo().call.server.model_dump(), "url": "${env:ORIGIN}/m"}
    )
    assert isinstance(await say(tools, later), Happened)
    monkeypatch.setattr("activities.tools.mcp_session.UNHEARD_LISTING_S", 0.0)
    origin.reply = answer(status, b"{}")
    listed_again = await say(tools, later)

    for given in (greeted, listed_again):
        assert ending(given) == "Refused TOOL-UNREACHABLE again"
        assert f"answered {status} when it was greeted or asked what it lists" in str(given)
        assert hint in str(given)


async def test_headers_are_resolved_and_nothing_else_is_sent(origin: Origin, tools: Tools) -> None:
    """Secrets stand in the headers of every request; cookies are not kept."""
    origin.reply = scripted(200, GOOD, more="Set-Cookie: a=b\r\n")
    await say(tools, _echo())
    await say(tools, _echo())

    assert {asked.headers.get("x-token") for asked in origin.asked} == {"t0p-secret-token"}
    assert all("cookie" not in asked.headers for asked in origin.asked)
    assert all(asked.headers["accept-encoding"] == "identity" for asked in origin.asked)


async def test_a_server_that_went_away(tools: Tools, environ: dict[str, str]) -> None:
    """Between two calls on one connection: nothing was sent, and the call may be tried again."""
    leaving = Origin(reply=scripted(200, GOOD, more="Connection: close\r\n"))
    server = await asyncio.start_server(leaving.serve, "127.0.0.1", 0)
    environ["ORIGIN"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        assert ending(await say(tools, _echo())) == "Happened"

    assert ending(await say(tools, _echo())) == "Refused TOOL-UNREACHABLE again"


async def test_an_address_elsewhere_is_refused(tools: Tools, environ: dict[str, str]) -> None:
    """What the environment makes of the address must be a destination."""
    environ["ORIGIN"] = "http://169.254.169.254"

    assert ending(await say(tools, _echo())) == "Refused TOOL-EGRESS"


async def test_an_answer_that_never_ends(origin: Origin, tools: Tools) -> None:
    """At the deadline it is unknown, and the connection serves the next call."""
    origin.reply = usual = scripted(200, GOOD)
    waiting = asyncio.Event()

    async def reply(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if b'"tools/call"' in asked.body:
            waiting.set()
            await asyncio.Event().wait()
        await usual(asked, writer)

    assert await say(tools, _echo()) == Happened({"a": 1})
    origin.reply = reply
    assert ending(await say(tools, _echo(), within_s=3.0)) == "Unknown TOOL-TIMEOUT"
    assert waiting.is_set()

    origin.reply = usual
    assert await say(tools, _echo()) == Happened({"a": 1})
