"""A server on a Unix socket that answers as a test tells it: for faults that a real OPA has not.

It tests what the enforcement point makes of an answer, never a policy.
"""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from remit.canonical import JSON, JSONObject

REVISION = "sha256:fake"
Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


class FakeOpa:
    """One scripted server."""

    def __init__(self, socket: Path, answering: Answering) -> None:
        self.socket = socket
        self.answering = answering
        self.requests: list[tuple[str, JSON]] = []
        """Head and body of every request, in order."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until the client leaves."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(_header(head, "content-length") or 0)
                body = await reader.readexactly(length)
                self.requests.append((head, json.loads(body) if body else None))
                await self.answering(writer)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def fake_opa(answering: Answering) -> AsyncIterator[FakeOpa]:
    """Listen on a socket of its own."""
    folder = Path(tempfile.mkdtemp(prefix="fake-"))
    fake = FakeOpa(folder / "opa.sock", answering)
    server = await asyncio.start_unix_server(fake.serve, path=str(fake.socket))
    try:
        yield fake
    finally:
        server.close()
        shutil.rmtree(folder)


def answers(body: bytes | JSONObject, status: str = "200 OK", headers: str = "") -> Answering:
    """Return a script that answers so every time."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(raw)}\r\n{headers}\r\n"
        writer.write(head.encode() + raw)

    return answer


def allow(digest: str, **changes: JSON) -> JSONObject:
    """Return an answer that is an allow in every respect but `changes` of its decision."""
    reason: JSONObject = {"code": "desk.scoped", "policy": "domains.desk", "message": ""}
    decision: JSONObject = {
        "schema_version": 1,
        "effect": "allow",
        "proposed_digest": digest,
        "reasons": [reason],
        "permits": [reason],
        "obligations": [],
        "approvals": [],
        "reserve": [],
        "risk": "low",
        "policy_revision": REVISION,
    }
    return {
        "decision_id": "d-1",
        "provenance": {"bundles": {"remit": {"revision": REVISION}, "system": {"revision": "x"}}},
        "result": decision | changes,
    }


def _header(head: str, name: str) -> str:
    for line in head.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return ""
