"""Egress through a real forward proxy: names go to it, and what it refuses was not sent."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from activities.tools.registry import Tools
from activities.tools.resolving import Resolver
from activities.tools.tunnel import Proxy
from remit.tool.call import Happened, Refused
from remit.tool.contract import ToolContract
from tests.activities.calling import ask
from tests.activities.certificates import server_context, write_authority
from tests.activities.origin import Origin, http_contract


@dataclass
class Forward:
    """A small forward proxy: `CONNECT` to where `names` says, with a password where it has one."""

    names: dict[str, int]
    """Host to port on loopback; what is not here is refused."""
    password: str | None = None
    says: bytes | None = None
    """In place of an answer."""
    port: int = 0
    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.split("\r\n", 1)[0])
            said = self.says or self._answer(head)
            writer.write(said)
            await writer.drain()
            if said.startswith(b"HTTP/1.1 200") and self.says is None:
                await self._join(reader, writer)
        writer.close()

    def _answer(self, head: str) -> bytes:
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        known = base64.b64encode((self.password or "").encode()).decode()
        if self.password is not None and f"Proxy-Authorization: Basic {known}" not in head:
            return b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
        if method != "CONNECT" or target.rpartition(":")[0] not in self.names:
            return b"HTTP/1.1 403 Forbidden\r\n\r\n"
        return b"HTTP/1.1 200 Connection established\r\n\r\n"

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self.names[self.asked[-1].split(" ")[1].rpartition(":")[0]]
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _no_names(host: str) -> list[str]:
    raise AssertionError(f"{host} was looked up here")


@asynccontextmanager
async def _through(
    forward: Forward, folder: Path, *, user: str = "", context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Tools, dict[str, str]]]:
    server = await asyncio.start_server(forward.serve, "127.0.0.1", 0, ssl=context)
    forward.port = server.sockets[0].getsockname()[1]
    scheme = "http" if context is None else "https"
    proxy = Proxy.of(f"{scheme}://{user}{'@' if user else ''}127.0.0.1:{forward.port}")
    environ: dict[str, str] = {"ORIGIN": "http://api.example"}
    tools = Tools({}, folder, environ, resolver=Resolver(_no_names), proxy=proxy)
    yield tools, environ
    await tools.aclose()
    server.close()


def _contract(**changes: object) -> ToolContract:
    return http_contract(**({"destinations": ["api.example"]} | changes))


async def test_a_call_goes_through_the_proxy_by_name(origin: Origin, tmp_path: Path) -> None:
    """A tunnel, kept for the next call; the name is the proxy's to resolve."""
    forward = Forward({"api.example": origin.port}, password="us:w0rd/!")

    async with _through(forward, tmp_path, user="us:w0rd%2F%21") as (tools, _):
        for _ in range(2):
            assert await ask(tools, _contract()) == Happened({"id": "1"})

    assert forward.asked == ["CONNECT api.example:80 HTTP/1.1"]
    assert origin.asked[1].line == "POST /things HTTP/1.1"
    assert "proxy-authorization" not in origin.asked[0].headers


async def test_tls_to_the_tool_and_to_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tunnel carries TLS to the tool's own name, inside TLS to the proxy."""
    monkeypatch.setenv("SSL_CERT_FILE", str(write_authority(tmp_path)))
    context, seen = server_context(tmp_path, ["api.example"])
    of_proxy, _ = server_context(tmp_path, ["127.0.0.1"])
    made = Origin()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    forward = Forward({"api.example": server.sockets[0].getsockname()[1]})

    async with _through(forward, tmp_path, context=of_proxy) as (tools, environ):
        environ["ORIGIN"] = "https://api.example"
        given = await ask(tools, _contract())

    server.close()
    assert given == Happened({"id": "1"})
    assert seen == ["api.example"]
    assert forward.asked == ["CONNECT api.example:443 HTTP/1.1"]


@pytest.mark.parametrize(
    ("says", "code", "again"),
    [
        (None, "TOOL-EGRESS", False),
        (b"HTTP/1.1 407 Who are you\r\n\r\n", "TOOL-EGRESS", False),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "TOOL-UNREACHABLE", True),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}", "TOOL-UNREACHABLE", True),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "TOOL-UNREACHABLE", True),
        (b"HTTP/1.1 200 OK\r\n", "TOOL-UNREACHABLE", True),
        (b"x" * 20_000, "TOOL-UNREACHABLE", True),
    ],
    ids=["403", "407", "502", "answers-itself", "no-http", "cut", "flood"],
)
async def test_what_the_proxy_refuses_was_not_sent(
    origin: Origin, tmp_path: Path, says: bytes | None, code: str, again: bool
) -> None:
    """A proxy without a tunnel is a refusal that is certain, never an unknown outcome."""
    async with _through(Forward({}, says=says), tmp_path) as (tools, _):
        given = await ask(tools, _contract())

    assert isinstance(given, Refused)
    assert (given.code, given.again) == (code, again)
    assert origin.connections == 0


async def test_hosts_that_are_not_listed_do_not_reach_the_proxy(tmp_path: Path) -> None:
    """Nor do addresses that the contract does not name."""
    forward = Forward({})

    async with _through(forward, tmp_path) as (tools, environ):
        for host in ("evil.example", "169.254.169.254", "127.0.0.1"):
            environ["ORIGIN"] = f"http://{host}"
            given = await ask(tools, _contract())
            assert isinstance(given, Refused)
            assert given.code == "TOOL-EGRESS"

    assert forward.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://p.example",
        "p.example:3128",
        "http://",
        "http://p:x",
        "http://p/a",
        "http://p/?a=secret",
    ],
)
def test_what_is_no_proxy_is_refused_without_repeating_it(url: str) -> None:
    """It may hold a password."""
    with pytest.raises(ValueError, match="a proxy is written") as raised:
        Proxy.of(url)

    assert url not in str(raised.value)
    assert "w0rd" not in repr(Proxy.of("http://us:w0rd@p.example"))
    assert Proxy.of("") is None
