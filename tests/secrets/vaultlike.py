"""A small server that speaks KV version 2 as Vault does: real HTTP, with faults on demand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

Fault = Literal["", "silent", "sealed", "garbage", "redirect"]


@dataclass
class VaultLike:
    """`GET /v1/MOUNT/data/PATH` for whoever has the token."""

    token: str = "hvs.the-token-of-vault"
    kept: dict[str, dict[str, object]] = field(default_factory=dict)
    """`mount/path` to fields."""
    fault: Fault = ""
    port: int = 0
    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.split(" ", 2)[1])
            if self.fault == "silent":
                await reader.read()
                return
            status, body = self._answer(head)
            more = "Location: http://127.0.0.1:1/\r\n" if status == 307 else ""
            start = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{more}"
            writer.write(
                f"{start}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            )
            writer.write(body)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, head: str) -> tuple[int, bytes]:
        if self.fault == "sealed":
            return 503, b'{"errors":["Vault is sealed"]}'
        if self.fault == "garbage":
            return 200, b'{"data": "not a secret of KV version 2"}'
        if self.fault == "redirect":
            return 307, b""
        if f"x-vault-token: {self.token}\r\n" not in head.lower().replace(
            self.token.lower(), self.token
        ):
            return 403, b'{"errors":["permission denied"]}'
        mount, _, path = self.asked[-1].removeprefix("/v1/").partition("/data/")
        fields = self.kept.get(f"{mount}/{path}")
        if fields is None:
            return 404, b'{"errors":[]}'
        return 200, json.dumps({"data": {"data": fields, "metadata": {"version": 1}}}).encode()


@asynccontextmanager
async def vault_like() -> AsyncIterator[VaultLike]:
    """Run one on a free port."""
    made = VaultLike()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
