"""One connection to one MCP server: opened, listed, used, and closed by a task of its own.

The client library ties a connection to the task that opened it; so each has one, and calls come
from outside. The listing is kept as digests, taken anew when the server says that it changed, and
when it is old, because a server need not say so. Sampling, elicitation and roots are not offered,
and refused when asked for all the same. Nothing is tried twice here.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import mcp_types
from mcp import Client, MCPError
from mcp.client import Transport
from mcp.client.session import ClientSession
from opentelemetry import baggage, context
from pydantic import TypeAdapter

from activities.tools.mcp_flow import End, Flow
from activities.tools.sending import Sending
from remit.canonical import JSON, Digest, JSONObject, NotCanonicalError
from remit.tool.mcp import listed_digest
from remit.version import VERSION

CONNECT_S = 30.0
"""Longest wait for a server to start, greet and list its tools, in seconds."""
IDLE_S = 300.0
"""A connection that nobody used so long is closed."""
LISTING_S = 60.0
"""Age at which a listing is taken anew, though the server would say that it changed."""
UNHEARD_LISTING_S = 10.0
"""The same where a server cannot say so."""
MAX_PAGES = 20
MAX_TOOLS = 2000

Result = mcp_types.CallToolResult | mcp_types.InputRequiredResult
_RESULT: TypeAdapter[Result] = TypeAdapter(Result)
_MODERN = "2026"

# They log what a server sent, which may hold anything, secrets among it.
for _name in ("mcp", "client"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


@dataclass(slots=True, kw_only=True)
class Progress(Sending):
    """How far one call came; `began` says whether the server may have seen it."""

    deadline: float
    asks: int = 0
    """How often the server had asked the client for something before."""
    status: int = 0
    """HTTP status of the answer, where there is one."""
    failure: End | None = None
    """What went wrong on the way, if the link saw it."""


PROGRESS: ContextVar[Progress | None] = ContextVar("mcp_call", default=None)
"""The call whose message is being sent; the client library carries it to its transport."""


class Link(Protocol):
    """The way to a server, and what may come back on it."""

    flow: Flow
    sees_sending: bool
    """Whether it marks `Progress.began` itself; else a call counts as sent when it is handed on."""

    async def open(self) -> Transport:
        """Return a transport for the client library."""

    async def close(self) -> None:
        """Let go of everything; bounded in time."""

    def kill(self) -> None:
        """Let go of everything at once."""

    @property
    def last_words(self) -> str:
        """What the server said besides, for the one who looks for a fault."""


class DriftError(Exception):
    """The server does not list the tool as it is pinned."""

    def __init__(self, listed: Digest | None) -> None:
        self.listed = listed
        super().__init__("drift")


class ListingError(Exception):
    """The server's listing cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent."""

    tool: str
    pinned: Digest
    arguments: JSONObject
    meta: Mapping[str, str]


class Session:
    """A connection, from its making to its end."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.in_use = 0
        """Calls that wait for an answer."""
        self.is_silent = False
        """Whether the last call had no answer in time; any answer clears it."""
        self.tools: dict[str, JSONObject] = {}
        """The listing: name to the members that a pin covers."""
        self._digests: dict[str, Digest | None] = {}
        self._listed_at = 0.0
        self._is_stale = True
        self._hears = False
        self._relisting = asyncio.Lock()
        self._session: ClientSession | None = None
        self.used_at = asyncio.get_running_loop().time()
        self.ready: asyncio.Future[End | None] = asyncio.get_running_loop().create_future()
        """Set once: to `None` when it can be used, else to why it cannot."""
        self._task = asyncio.create_task(self._run())

    @property
    def is_over(self) -> bool:
        """Whether it cannot be used any more."""
        return self.link.flow.over.is_set() or self._task.done()

    @property
    def server(self) -> str:
        """What the server calls itself; its own word."""
        told = self._session.server_info if self._session is not None else None
        return "" if told is None else f"{told.name} {told.version}"

    @property
    def revision(self) -> str:
        """The revision of the protocol that was agreed on."""
        return (self._session.protocol_version if self._session is not None else None) or ""

    async def call(self, call: Call, progress: Progress) -> Result:
        """Send `call`, if the tool is listed as pinned, and return the answer.

        Raises:
            DriftError: it is not.
            MCPError: the server answered an error, or the connection ended.
            ValueError: the answer is not one.
        """
        listed = await self._digest_of(call.tool)
        if listed != call.pinned:
            raise DriftError(listed)
        request = mcp_types.CallToolRequest(
            params=mcp_types.CallToolRequestParams.model_validate(
                {"name": call.tool, "arguments": call.arguments, "_meta": dict(call.meta)}
            )
        )
        # The trace's ids go along and nothing else: this task's context is its own.
        context.attach(baggage.clear())
        PROGRESS.set(progress)
        progress.began = not self.link.sees_sending
        return await self._opened().send_request(request, _RESULT)

    def close(self, end: End | None = None) -> None:
        """End the connection; its task closes what belongs to it."""
        given = end or End("TOOL-CONNECTION", "was let go")
        self.link.flow.end(given.code, given.said)
        if not self.ready.done():
            self._task.cancel()

    async def closed(self, within_s: float) -> None:
        """Wait until everything is let go of; kill what has not gone by then."""
        done, _ = await asyncio.wait({self._task}, timeout=within_s)
        if not done:
            self._task.cancel()
            self.link.kill()
            await asyncio.wait({self._task}, timeout=1.0)

    async def _run(self) -> None:
        try:
            await self._live()
        except TimeoutError:
            self._fail(f"did not greet and list its tools within {CONNECT_S:.0f} s")
        except Exception as error:
            self._fail(self.link.flow.refusal or _reason(error))
        finally:
            self._fail("ended the connection")
            self.link.flow.end("TOOL-CONNECTION", "ended the connection")

    def _fail(self, said: str) -> None:
        if not self.ready.done():
            self.ready.set_result(self.link.flow.ended or End("TOOL-UNREACHABLE", said))

    async def _live(self) -> None:
        async with asyncio.timeout(CONNECT_S) as greeting:
            try:
                transport = await self.link.open()
                about = mcp_types.Implementation(name="remit", version=VERSION)
                async with Client(
                    transport, cache=None, client_info=about, message_handler=self._hear
                ) as client:
                    self._session = client.session
                    await self._relist()
                    greeting.reschedule(None)
                    self.ready.set_result(None)
                    await self._attend(client)
            finally:
                greeting.reschedule(None)
                if not self.ready.done():
                    self.link.kill()
                await self.link.close()

    async def _attend(self, client: Client) -> None:
        """Stay until the connection is over or nobody has used it for long."""
        listed = client.server_capabilities.tools
        listening: asyncio.Task[None] | None = None
        if listed is not None and listed.list_changed:
            if self.revision.startswith(_MODERN):
                listening = asyncio.create_task(self._listen(client))
            else:
                self._hears = not self.link.sees_sending
        over, loop = self.link.flow.over, asyncio.get_running_loop()
        try:
            while not over.is_set():
                left = self.used_at + IDLE_S - loop.time()
                if left <= 0 and not self.in_use:
                    self.close(End("TOOL-CONNECTION", "was not used for long"))
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(left, 1.0)):
                        await over.wait()
        finally:
            if listening is not None:
                listening.cancel()

    async def _listen(self, client: Client) -> None:
        # Whatever the reason for its end, listings are then taken more often.
        with suppress(Exception):
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    self._hears = True
                    async for _ in changes:
                        self._is_stale = True
            finally:
                self._hears = False

    async def _hear(self, message: object) -> None:
        if isinstance(message, mcp_types.ToolListChangedNotification):
            self._is_stale = True

    async def _digest_of(self, tool: str) -> Digest | None:
        """Return the digest of a tool's listing; `None` if it is not there, or there twice."""
        loop = asyncio.get_running_loop()
        async with self._relisting:
            age = LISTING_S if self._hears else UNHEARD_LISTING_S
            if self._is_stale or loop.time() - self._listed_at > age:
                await self._relist()
        if tool not in self._digests:
            listed = self.tools.get(tool)
            try:
                self._digests[tool] = None if listed is None else listed_digest(listed)
            except NotCanonicalError:
                self._digests[tool] = None
        return self._digests[tool]

    async def _relist(self) -> None:
        # Cleared before the first page: a change that is announced meanwhile must not be forgotten.
        begun, self._is_stale = asyncio.get_running_loop().time(), False
        try:
            self.tools = await self._listing()
        except BaseException:
            self._is_stale = True
            raise
        self._listed_at, self._digests = begun, {}

    async def _listing(self) -> dict[str, JSONObject]:
        found: dict[str, JSONObject] = {}
        twice: set[str] = set()
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            params = mcp_types.PaginatedRequestParams(cursor=cursor)
            page = await self._opened().list_tools(params=params)
            for tool in page.tools:
                twice |= {tool.name} & found.keys()
                found[tool.name] = _wire(tool)
            if len(found) > MAX_TOOLS:
                raise ListingError(f"lists more than {MAX_TOOLS} tools")
            cursor = page.next_cursor
            if cursor is None:
                return {name: tool for name, tool in found.items() if name not in twice}
        raise ListingError(f"lists its tools on more than {MAX_PAGES} pages")

    def _opened(self) -> ClientSession:
        if self._session is None:
            raise RuntimeError("a session is used once it is ready")
        return self._session


def _wire(tool: mcp_types.Tool) -> JSONObject:
    """Return the members that a pin covers, as they stood on the wire."""
    hints = tool.annotations
    members: dict[str, JSON] = {
        "name": tool.name,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "description": tool.description,
        "annotations": None
        if hints is None
        else hints.model_dump(by_alias=True, mode="json", exclude_none=True),
    }
    return {name: value for name, value in members.items() if value is not None}


def _reason(error: BaseException) -> str:
    """Return why a connection was not made; whoever tells it bounds and masks it."""
    first = error
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    match first:
        case FileNotFoundError() | NotADirectoryError():
            return "cannot be started: the project's folder is not there"
        case MCPError():
            return f"does not greet or list as agreed ({first.message})"
        case ListingError():
            return str(first)
    return f"does not greet or list as agreed ({type(first).__name__})"
