"""A stand-in for a language model: an OpenAI-compatible chat endpoint whose words are a script's.

For tests and for the demo without a network. It answers `POST …/chat/completions` as real endpoints
do, counts what it was asked, and has the bad days that they have.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

Request = Mapping[str, Any]
"""The body of a request, as OpenAI's chat API has it."""
_MOST = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bad:
    """One bad answer."""

    status: int = 200
    body: bytes = b'{"error": {"message": "not today"}}'
    after_s: float = 0
    """How long it keeps silent first."""
    content_type: str = "application/json"
    headers: str = ""
    """More header lines, each ended by CRLF."""


@dataclass(frozen=True, slots=True)
class Says:
    """One good answer: a value, or text as it stands."""

    value: Any = None
    tool: str = ""
    """The tool that it calls with the value; without a name the last one that it was told of."""
    text: str | None = None
    """In place of a value: what the model writes, JSON or not."""
    input_tokens: int | None = 20
    """`None`: usage is not told."""
    output_tokens: int = 10
    cut_off: bool = False


Script = Sequence["Says | Bad"] | Callable[[Request], "Says | Bad"]


@dataclass
class StubModel:
    """The server; `async with` starts it on a free port of this machine."""

    script: Script
    """Answers in turn, of which the last is given for ever; or what makes one of a request."""
    asked: list[Request] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """The `Authorization` headers that came."""
    port: int = 0

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                fields = {n.lower(): v.strip() for n, _, v in (x.partition(":") for x in head[1:])}
                size = int(fields.get("content-length", "0"))
                body = json.loads(await reader.readexactly(min(size, _MOST)))
                self.asked.append(body)
                self.keys.append(fields.get("authorization", ""))
                await _reply(writer, self._next(body), body)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    def _next(self, body: Request) -> Says | Bad:
        if callable(self.script):
            return self.script(body)
        return self.script[min(len(self.asked), len(self.script)) - 1]


async def _reply(writer: asyncio.StreamWriter, answer: Says | Bad, request: Request) -> None:
    if isinstance(answer, Says):
        answer = Bad(200, json.dumps(_completion(answer, request)).encode())
    await asyncio.sleep(answer.after_s)
    head = (
        f"HTTP/1.1 {answer.status} X\r\nContent-Type: {answer.content_type}\r\n{answer.headers}"
        f"Content-Length: {len(answer.body)}\r\n\r\n"
    )
    writer.write(head.encode() + answer.body)
    await writer.drain()


def _completion(answer: Says, request: Request) -> dict[str, Any]:
    """Return an answer as the chat API words it: by the tool that must be called, or as text."""
    text = answer.text if answer.text is not None else json.dumps(answer.value)
    tools = request.get("tools") or []
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if tools and answer.text is None:
        name = answer.tool or tools[-1]["function"]["name"]
        call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": text}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    made = {
        "id": "stub",
        "object": "chat.completion",
        "created": 0,
        "model": request.get("model", "stub"),
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "length" if answer.cut_off else "stop",
            }
        ],
    }
    if answer.input_tokens is None:
        return made
    spent = answer.input_tokens + answer.output_tokens
    usage = {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": spent,
    }
    return {**made, "usage": usage}
