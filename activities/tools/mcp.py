"""Tools of kind `mcp`: one call of a tool of an MCP server, one answer, no second try.

Owns the connections of a worker to such servers (`mcp_sessions`). The client library is loaded when
the first of them is made, or before by `load`; nothing else in a worker needs it. Secrets are read
for every call: a connection belongs to the values it was made with, so that a rotated one gets a
connection of its own.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import httpx2

from activities.tools.adapter import Adapter
from activities.tools.egress import EgressError
from activities.tools.heartbeat import beating
from activities.tools.outside import Outside
from remit.secrets.errors import SecretError
from remit.secrets.secrets import Secrets
from remit.tool.address import Address, AddressError
from remit.tool.call import Refused, ToolAnswer, ToolCall
from remit.tool.mcp import McpKind, StdioServer, StreamableHttpServer
from remit.tool.reach import Reach

if TYPE_CHECKING:
    from activities.tools.mcp_exchange import Exchanges
    from activities.tools.mcp_session import Link

EXTRA = "the extra `mcp` is not installed here: `pip install 'remit[mcp]'`"


class McpTool(Adapter):
    """Calls tools of MCP servers; one per worker."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._exchanges: Exchanges | None = None

    def load(self) -> None:
        """Load the client library now; without it every call is refused, and says so."""
        try:
            from activities.tools.mcp_exchange import Exchanges
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
                raise
            return
        self._exchanges = self._exchanges or Exchanges()

    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Call the tool that the contract names."""
        kind, ref = call.contract.call, call.contract.ref
        if not isinstance(kind, McpKind):
            raise TypeError(f"{ref} is not of kind mcp")
        if self._exchanges is None:
            self.load()
        if self._exchanges is None:
            return Refused("TOOL-EXTRA", f"{ref}: {EXTRA}")
        if asyncio.get_running_loop().time() >= call.deadline:
            message = f"{ref}: its deadline is over; nothing was called"
            return Refused("TOOL-DEADLINE", message, again=True)
        secrets = self._outside.secrets(call)
        way = await self._way(call, kind, secrets)
        if isinstance(way, Refused):
            return way
        key, make = way
        with beating(call.heartbeat, call.contract.heartbeat_s):
            return await self._exchanges.run(call, kind, secrets, key, make)

    async def aclose(self) -> None:
        """Close every connection, and leave no process."""
        if self._exchanges is not None:
            await self._exchanges.aclose()

    async def _way(
        self, call: ToolCall, kind: McpKind, secrets: Secrets
    ) -> "tuple[str, Callable[[], Link]] | Refused":
        """Return what names the connection, and how it is made; or why there can be none."""
        from activities.tools.mcp_links import LIMITS, HttpLink, StdioLink

        contract, server, environ = call.contract, kind.server, self._outside.environ
        reach = Reach.of(contract)
        try:
            with beating(call.heartbeat, contract.heartbeat_s):
                await secrets.read(references(server), call.deadline)
            if isinstance(server, StdioServer):
                own = environment(server, secrets, environ)
                folder = self._outside.folder
                return _key(server, own), lambda: StdioLink(server.command, own, folder)
            url = address(server, reach, environ)
            headers = {name: secrets.resolve(value) for name, value in server.headers.items()}
        except SecretError as error:
            message = f"{contract.ref}: {error.code}: {error}"
            return Refused("TOOL-SECRET", message, again=error.again)
        except EgressError as error:
            return Refused("TOOL-EGRESS", f"{contract.ref}: {error}")
        except (AddressError, httpx2.InvalidURL) as error:
            return Refused("TOOL-REQUEST", f"{contract.ref}: no request can be made: {error}")
        known = {**headers, "": url, " ": repr([contract.destinations, contract.private])}
        return _key(server, known), lambda: HttpLink(
            url, headers, self._outside.transport(LIMITS, reach)
        )


def references(server: StdioServer | StreamableHttpServer) -> list[str]:
    """Return the texts of `server` that may refer to secrets."""
    given = server.environment if isinstance(server, StdioServer) else server.headers
    return [*given.values()]


def environment(
    server: StdioServer, secrets: Secrets, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of a server: what its contract names, `PATH` and `HOME`.

    Raises:
        SecretError: a reference leads to nothing usable.
    """
    own = {name: environ[name] for name in ("PATH", "HOME") if name in environ}
    return {name: secrets.resolve(value) for name, value in server.environment.items()} | own


def address(server: StreamableHttpServer, reach: Reach, environ: Mapping[str, str]) -> str:
    """Return the address of a server, which must be one of the destinations.

    Raises:
        AddressError: a variable is not set.
        EgressError: it leads elsewhere.
    """
    url = httpx2.URL(Address.parse(server.url).fill({}, environ))
    if url.userinfo or url.scheme not in ("http", "https"):
        raise EgressError("the URL has user information or is not http(s)")
    fault = reach.host_fault(url.raw_host.decode("ascii"))
    if fault is not None:
        raise EgressError(fault)
    return str(url)


def _key(server: StdioServer | StreamableHttpServer, values: Mapping[str, str]) -> str:
    """Return a name for a server with its secrets; it gives away nothing of them."""
    known = json.dumps([server.model_dump(mode="json"), values], sort_keys=True)
    return hashlib.sha256(known.encode()).hexdigest()
