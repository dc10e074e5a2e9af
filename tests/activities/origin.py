"""A server whose every byte the test decides, and a contract for it."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from remit.tool.contract import ToolContract
from remit.tool.kinds import HttpKind

Reply = Callable[["Asked", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


def answer(
    status: int, body: bytes, content_type: str = "application/json", more: str = ""
) -> Reply:
    """Return a reply that is a complete answer."""

    async def reply(asked: Asked, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\n{more}"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return reply


@dataclass
class Origin:
    """A scripted HTTP server on a free port."""

    port: int = 0
    reply: Reply = field(default_factory=lambda: answer(200, b'{"id":"1"}'))
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it closes."""
        self.connections += 1
        try:
            while True:
                asked = await _read(reader)
                self.asked.append(asked)
                await self.reply(asked, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *rest = head.strip().split("\r\n")
    headers = {n.lower(): v.strip() for n, _, v in (each.partition(":") for each in rest)}
    return Asked(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def http_contract(**changes: object) -> ToolContract:
    """Return the contract of `POST /things`; fields of `call` may be given by name."""
    call: dict[str, object] = {
        "kind": "http",
        "method": "POST",
        "url": "${env:ORIGIN}/things",
        "body": "*",
        "idempotency_header": "Idempotency-Key",
    }
    call |= {name: changes.pop(name) for name in list(changes) if name in _CALL_FIELDS}
    document: dict[str, object] = {
        "name": "shop.thing",
        "version": "1.0.0",
        "owner": "team:shop",
        "description": "Make a thing.",
        "domain": "shop",
        "operation": "write",
        "input_schema": {"type": "object"},
        "output_schema": {},
        "idempotency": "key",
        "destinations": ["127.0.0.1"],
        "call": call,
    }
    return ToolContract.model_validate(document | changes)


_CALL_FIELDS = HttpKind.model_fields.keys()


@contextmanager
def deaf() -> Iterator[str]:
    """Yield the address of a server that takes no connection, and refuses none."""
    with ExitStack() as sockets:
        listening = sockets.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
