"""Tools of kind `mcp`: one call of a tool of an MCP server, one answer, no second try.

Owns the connections of a worker to such servers (`mcp_sessions`). The client library is loaded when
the first of them is made, or before by `load`; nothing else in a worker needs it. Secrets are read
for every call: a connection belongs to the values it was made with, so that a rotated one gets a
connection of its own.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import httpx2

from activities.tools.adapter import Adapter
from activities.tools.egress import listed_url
from activities.tools.extra import of_extra
from activities.tools.outside import Outside
from activities.tools.unsent import UNSENT, too_late, unsent
from remit.secrets.secrets import Secrets
from remit.tool.address import Address
from remit.tool.call import ToolAnswer, ToolCall
from remit.tool.mcp import McpKind, StdioServer, StreamableHttpServer
from remit.tool.reach import Reach, reach

if TYPE_CHECKING:
    from activities.tools.mcp_exchange import Exchanges
    from activities.tools.mcp_session import Link


class McpTool(Adapter):
    """Calls tools of MCP servers; one per worker."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._exchanges: Exchanges | None = None

    def load(self) -> None:
        """Load the client library now.

        Raises:
            ExtraError: it is not here.
        """
        self._loaded()

    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Call the tool that the contract names."""
        kind, contract = call.contract.call, call.contract
        if not isinstance(kind, McpKind):
            raise TypeError(f"{contract.ref} is not of kind mcp")
        if late := too_late(call):
            return late
        secrets = self._outside.secrets(call)
        try:
            exchanges = self._loaded()
            await secrets.read(references(kind.server), call.deadline)
            key, make = way(
                kind.server, contract.destinations, contract.private, self._outside, secrets
            )
        except UNSENT as error:
            return unsent(call, error)
        return await exchanges.run(call, kind, secrets, key, make)

    async def aclose(self) -> None:
        """Close every connection, and leave no process."""
        if self._exchanges is not None:
            await self._exchanges.aclose()

    def _loaded(self) -> "Exchanges":
        if self._exchanges is None:
            with client_library():
                from activities.tools.mcp_exchange import Exchanges
            self._exchanges = Exchanges()
        return self._exchanges


def client_library() -> AbstractContextManager[None]:
    """Return what importing the client library stands in; see `of_extra`."""
    return of_extra("mcp", "mcp", "mcp_types")


def references(server: StdioServer | StreamableHttpServer) -> list[str]:
    """Return the texts of `server` that may refer to secrets."""
    given = server.environment if isinstance(server, StdioServer) else server.headers
    return [*given.values()]


def way(
    server: StdioServer | StreamableHttpServer,
    destinations: Sequence[str],
    private: Sequence[str],
    outside: Outside,
    secrets: Secrets,
) -> "tuple[str, Callable[[], Link]]":
    """Return what names a connection to `server`, and how it is made; its secrets were read.

    Raises:
        SecretError: a reference leads to nothing usable.
        AddressError, EgressError, httpx2.InvalidURL: it has no address among `destinations`.
    """
    from activities.tools.mcp_links import LIMITS, HttpLink, StdioLink

    if isinstance(server, StdioServer):
        own = _environment(server, secrets, outside.environ)
        return _key(server, own), lambda: StdioLink(server.command, own, outside.folder)
    listed = reach(tuple(destinations), tuple(private))
    url = str(address(server, listed, outside.environ))
    headers = {name: secrets.resolve(value) for name, value in server.headers.items()}
    known = {**headers, "": url, " ": repr([destinations, private])}
    return _key(server, known), lambda: HttpLink(url, headers, outside.transport(LIMITS, listed))


def address(server: StreamableHttpServer, listed: Reach, environ: Mapping[str, str]) -> httpx2.URL:
    """Return the address of a server, which must be one of the destinations.

    Raises:
        AddressError, EgressError, httpx2.InvalidURL: it has none among them.
    """
    return listed_url(Address.parse(server.url).fill({}, environ), listed)


def _environment(
    server: StdioServer, secrets: Secrets, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of a server: what its contract names, `PATH` and `HOME`."""
    own = {name: environ[name] for name in ("PATH", "HOME") if name in environ}
    return {name: secrets.resolve(value) for name, value in server.environment.items()} | own


def _key(server: StdioServer | StreamableHttpServer, values: Mapping[str, str]) -> str:
    """Return a name for a server with its secrets; it gives away nothing of them."""
    known = json.dumps([server.model_dump(mode="json"), values], sort_keys=True)
    return hashlib.sha256(known.encode()).hexdigest()
