"""Connections that are kept: each answer belongs to its own question, whatever happened before."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from remit.enforcement.exchange import BrokenReplyError, Exchange, Reply, TooLargeError
from remit.enforcement.opa import OpaClient

QUESTION = b"GET /n HTTP/1.1\r\nHost: x\r\n\r\n"
Answering = Callable[[int, asyncio.StreamWriter], Awaitable[None]]


def reply(body: bytes, headers: bytes = b"") -> bytes:
    """Return an answer on the wire."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), headers, body)


class Server:
    """Answers the nth question as a test says."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.questions = 0
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.questions += 1
                await self.answering(self.questions, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has left, or the test is over
        finally:
            writer.close()


@asynccontextmanager
async def exchanging(
    answering: Answering, connections: int = 4
) -> AsyncIterator[tuple[Exchange, Server]]:
    """Ask a server of one's own."""
    folder = Path(tempfile.mkdtemp(prefix="exchange-"))
    server = Server(answering)
    listening = await asyncio.start_unix_server(server.serve, path=str(folder / "s"))
    exchange = Exchange(folder / "s", connections=connections, max_bytes=1000)
    try:
        yield exchange, server
    finally:
        exchange.close()
        listening.close()
        shutil.rmtree(folder)


async def number(question: int, writer: asyncio.StreamWriter) -> None:
    """Answer with the number of the question."""
    writer.write(reply(b"%d" % question))


async def test_a_connection_is_kept() -> None:
    """Questions after each other share one."""
    async with exchanging(number) as (exchange, server):
        answered = [await exchange.ask(QUESTION) for _ in range(5)]

    assert answered == [Reply(200, b"%d" % n) for n in range(1, 6)]
    assert server.connections == 1


async def test_no_more_connections_than_allowed() -> None:
    """Further questions wait for their turn, and all are answered."""
    async with exchanging(number, connections=2) as (exchange, server):
        answered = await asyncio.gather(*(exchange.ask(QUESTION) for _ in range(20)))

    assert {one.body for one in answered} == {b"%d" % n for n in range(1, 21)}
    assert server.connections <= 2


async def test_a_late_answer_is_not_taken_for_the_next() -> None:
    """Whoever gave up leaves no connection behind on which an answer may still come."""
    release = asyncio.Event()

    async def late(question: int, writer: asyncio.StreamWriter) -> None:
        if question == 1:
            await release.wait()
        await number(question, writer)

    async with exchanging(late, connections=1) as (exchange, _):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await exchange.ask(QUESTION)
        release.set()
        answered = await exchange.ask(QUESTION)

    assert answered == Reply(200, b"2")


@pytest.mark.parametrize(
    "behind", [b"HTTP/1.1 200 OK\r\n", reply(b"foreign"), b"noise", reply(b"foreign")[:-3]]
)
async def test_what_stands_behind_an_answer_is_nobodys(behind: bytes) -> None:
    """Bytes that nobody asked for never stand before the next answer."""

    async def talkative(question: int, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"%d" % question) + (behind if question == 1 else b""))

    async with exchanging(talkative) as (exchange, server):
        bodies = [(await exchange.ask(QUESTION)).body for _ in range(2)]

    assert bodies == [b"1", b"2"]
    assert server.connections == 2


async def test_a_connection_that_the_server_leaves_is_not_used_again() -> None:
    """`Connection: close` is believed."""

    async def parting(question: int, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"%d" % question, b"Connection: close\r\n"))
        writer.close()

    async with exchanging(parting) as (exchange, server):
        bodies = [(await exchange.ask(QUESTION)).body for _ in range(3)]

    assert bodies == [b"1", b"2", b"3"]
    assert server.connections == 3


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"no http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nwithout an end",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        reply(b"whole")[:-1],
    ],
)
async def test_what_is_not_a_whole_answer_is_none(sent: bytes) -> None:
    """Cut, endless, or with two ideas of its length."""

    async def wrong(_: int, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        writer.close()

    async with exchanging(wrong) as (exchange, server):
        with pytest.raises(BrokenReplyError):
            await exchange.ask(QUESTION)

    assert server.questions == 1


async def test_a_chunked_answer_is_whole_at_its_end() -> None:
    """Length or chunks: both say where an answer ends."""

    async def chunked(_: int, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        await writer.drain()
        writer.write(b"1\r\nc\r\n0\r\n\r\n")

    async with exchanging(chunked) as (exchange, _):
        assert await exchange.ask(QUESTION) == Reply(200, b"abc")


async def test_too_long_an_answer_is_not_read_to_its_end() -> None:
    """One byte too many is refused, and the next question begins anew."""

    async def long(question: int, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"x" * (1001 if question == 1 else 1000)))

    async with exchanging(long) as (exchange, server):
        with pytest.raises(TooLargeError):
            await exchange.ask(QUESTION)
        assert len((await exchange.ask(QUESTION)).body) == 1000

    assert server.connections == 2


@pytest.mark.parametrize("token", ["a\r\nX: b", "a\nb", "é"])
def test_a_token_cannot_begin_another_header(token: str) -> None:
    """What cannot be sent as one line is refused before anything is sent."""
    with pytest.raises(ValueError, match="one line"):
        OpaClient(Path("s"), token=token)
