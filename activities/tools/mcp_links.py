"""The two ways to a server: a process of the worker's own, and streamable HTTP.

Over HTTP every exchange passes `_Guarded`: no cookies, no proxy, no compression, no redirects, a
bounded answer, and an end at the call's deadline. What goes wrong there becomes an answer of its
own kind, because an exception would end the connection, and every other call on it. The stream
by which older servers speak unasked is not opened: what they list is looked at often instead.
"""

import asyncio
import http.cookiejar
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx2
from mcp.client import Transport
from mcp.client.streamable_http import streamable_http_client

from activities.tools.egress import EgressError, is_encoded
from activities.tools.guarded import GuardedProcess
from activities.tools.mcp_flow import MAX_MESSAGE_BYTES, End, Flow, FlowError
from activities.tools.mcp_session import PROGRESS, Progress
from activities.tools.mcp_stdio import PipeTransport
from activities.tools.tunnel import ProxyRefusedError

CONNECT_S = 10.0
"""Longest wait for a connection, in seconds."""
LIMITS = httpx2.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=2.0)
_LEAVE_S = 2.0
_FAILED = 599
"""Status of an answer that stands for none; no server sends it past us."""


class StdioLink:
    """Starts a server, and stops it in the end."""

    sees_sending = False

    def __init__(self, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self.flow = Flow()
        self._command = command
        self._environment = environment
        self._folder = folder
        self._server: GuardedProcess | None = None

    async def open(self) -> Transport:
        """Start the server."""
        self._server = await GuardedProcess.start(
            self._command, self._environment, self._folder, line_bytes=MAX_MESSAGE_BYTES
        )
        return PipeTransport(self._server, self.flow)

    async def close(self) -> None:
        """Stop it, and wait until it is gone."""
        if self._server is not None:
            await self._server.stop()

    def kill(self) -> None:
        """Kill it at once."""
        if self._server is not None:
            self._server.end()

    @property
    def last_words(self) -> str:
        """The end of its standard error."""
        return "" if self._server is None else self._server.last_words


class HttpLink:
    """Speaks to a server at an address."""

    sees_sending = True
    last_words = ""

    def __init__(
        self, url: str, headers: Mapping[str, str], transport: httpx2.AsyncBaseTransport
    ) -> None:
        self.flow = Flow()
        self._url = url
        nothing = http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
        self._client = httpx2.AsyncClient(
            transport=_Guarded(transport, self.flow),
            headers={**headers, "accept-encoding": "identity", "user-agent": "remit"},
            cookies=http.cookiejar.CookieJar(nothing),
            timeout=httpx2.Timeout(None, connect=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
        )

    async def open(self) -> Transport:
        """Return the transport; nothing is sent yet."""
        return streamable_http_client(
            self._url, http_client=self._client, max_sse_event_size=MAX_MESSAGE_BYTES
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def kill(self) -> None:
        """Do nothing: what is left goes with the process."""


class _Guarded(httpx2.AsyncBaseTransport):
    """Watches every exchange, and bounds it."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, flow: Flow) -> None:
        self._inner = inner
        self._flow = flow

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request`; every failure becomes an answer with status 599."""
        if request.method == "GET":
            return httpx2.Response(405)
        progress = PROGRESS.get()
        if progress is not None:
            request.extensions["trace"] = progress
        try:
            async with asyncio.timeout(_LEAVE_S if request.method == "DELETE" else None):
                response = await self._inner.handle_async_request(request)
        except (EgressError, ProxyRefusedError) as error:
            _note(progress, "TOOL-EGRESS", str(error))
            if progress is None:
                self._flow.end("TOOL-EGRESS", str(error))
            return httpx2.Response(_FAILED)
        except (httpx2.TransportError, TimeoutError, OSError) as error:
            _note(progress, "TOOL-CONNECTION", f"lost the connection ({type(error).__name__})")
            return httpx2.Response(_FAILED)
        return await self._checked(response, progress)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def _checked(
        self, response: httpx2.Response, progress: Progress | None
    ) -> httpx2.Response:
        status = response.status_code
        if progress is not None:
            progress.status = status
        else:
            self._flow.status = status if status >= 400 else 0
        if 300 <= status < 400:
            _note(progress, "TOOL-REDIRECT", f"answered {status}; redirects are not followed")
        elif is_encoded(response):
            _note(progress, "TOOL-ANSWER-ENCODED", "answered in an encoding nobody asked for")
        else:
            stream = _Bounded(response, self._flow, progress)
            return httpx2.Response(status, headers=response.headers, stream=stream)
        await response.aclose()
        return httpx2.Response(_FAILED)


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends early when it is too much, too late or breaks off."""

    def __init__(self, response: httpx2.Response, flow: Flow, progress: Progress | None) -> None:
        self._response = response
        self._flow = flow
        self._progress = progress

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body as far as it may go."""
        size = 0
        is_events = "event-stream" in self._response.headers.get("content-type", "")
        chunks = self._response.aiter_raw()
        while (chunk := await self._next(chunks)) is not None:
            size += len(chunk)
            if size > MAX_MESSAGE_BYTES and (self._progress or not is_events):
                message = f"sent more than {MAX_MESSAGE_BYTES} bytes at once"
                _note(self._progress, "TOOL-ANSWER-TOO-LARGE", message)
                return
            if is_events and not self._counted(chunk):
                return
            yield chunk

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        """Return the next part, or `None` at the end, however it ends."""
        limit = None if self._progress is None else self._progress.deadline
        try:
            async with asyncio.timeout_at(limit):
                return await anext(chunks, None)
        except (httpx2.TransportError, httpx2.StreamError, TimeoutError, OSError) as error:
            said = f"lost the connection ({type(error).__name__})"
            _note(self._progress, "TOOL-CONNECTION", said)
            return None

    async def aclose(self) -> None:
        """Close the answer."""
        await self._response.aclose()

    def _counted(self, chunk: bytes) -> bool:
        """Count the events that begin in `chunk`; say whether they may be listened to."""
        try:
            for _ in range(chunk.count(b"\ndata:") + chunk.startswith(b"data:")):
                self._flow.unasked(0)
        except FlowError:
            return False
        return True


def _note(progress: Progress | None, code: str, said: str) -> None:
    if progress is not None and progress.failure is None:
        progress.failure = End(code, said)
