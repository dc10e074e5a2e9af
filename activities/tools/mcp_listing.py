"""What an MCP server lists, for whoever writes contracts of it: one JSON object in, one out.

    python -m activities.tools.mcp_listing  <<< '{"server": {…}, "folder": "…"}'

`remit tools import mcp` starts this as a process of its own: the command line loads no client
library, and the server is started, bounded and stopped exactly as a worker does it. Answers
`{"server", "revision", "tools", "private"}`, the last being hosts at private addresses, or
`{"fault": {"code", "message", "words"}}`. No tool is called.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from pydantic import TypeAdapter

from activities.tools.egress import EgressError
from activities.tools.extra import ExtraError
from activities.tools.mcp import address, client_library, references, way
from activities.tools.outside import Outside
from remit.canonical import JSON, JSONObject
from remit.secrets.errors import SecretError
from remit.secrets.secrets import Secrets
from remit.tool.address import AddressError, normal_host
from remit.tool.mcp import McpServer, StdioServer, StreamableHttpServer
from remit.tool.reach import plain_ip, reach

if TYPE_CHECKING:
    from activities.tools.mcp_session import Link

_CLOSING_S = 5.0
_SECRETS_S = 20.0
_SERVER: TypeAdapter[StdioServer | StreamableHttpServer] = TypeAdapter(McpServer)


async def listing(
    server: StdioServer | StreamableHttpServer, destinations: list[str], outside: Outside
) -> JSONObject:
    """Return what `server` lists, or why it cannot be asked."""
    secrets = outside.secrets_within(reach(tuple(destinations)), {})
    try:
        await secrets.read(references(server), asyncio.get_running_loop().time() + _SECRETS_S)
        with client_library():
            return await _reached(server, destinations, outside, secrets)
    except ExtraError as error:
        return _fault("TOOL-EXTRA", str(error))
    except SecretError as error:
        return _fault("TOOL-SECRET", str(error))
    except EgressError as error:
        return _fault("TOOL-EGRESS", str(error))
    except (AddressError, httpx2.InvalidURL) as error:
        return _fault("TOOL-URL", str(error))


async def _reached(
    server: StdioServer | StreamableHttpServer,
    destinations: list[str],
    outside: Outside,
    secrets: Secrets,
) -> JSONObject:
    """Ask; a host name at a private address only when it must be, and then say so."""
    _, make = way(server, destinations, (), outside, secrets)
    told = await _listed(make(), secrets)
    fault = told.get("fault")
    is_refused = isinstance(fault, dict) and fault["code"] == "TOOL-EGRESS"
    if not is_refused or isinstance(server, StdioServer):
        return told
    url = address(server, reach(tuple(destinations)), outside.environ)
    host = normal_host(url.raw_host.decode("ascii"))
    if plain_ip(host) is not None:
        return told
    _, make = way(server, destinations, (host,), outside, secrets)
    told = await _listed(make(), secrets)
    return told if "fault" in told else {**told, "private": [host]}


async def _listed(link: "Link", secrets: Secrets) -> JSONObject:
    from activities.tools.mcp_session import Session

    session = Session(link)
    try:
        end = await asyncio.shield(session.ready)
        if end is not None:
            words = secrets.mask(link.last_words.strip())[-500:]
            said = secrets.shown(end.said, 500)
            if end.code == "TOOL-EGRESS":
                return _fault(end.code, said, words)
            return _fault("TOOL-UNREACHABLE", f"the server {said}", words)
        tools: list[JSON] = [*session.tools.values()]
        told: JSONObject = {"server": session.server, "revision": session.revision}
        return {**told, "tools": tools, "private": []}
    finally:
        session.close()
        await session.closed(_CLOSING_S)


def _fault(code: str, message: str, words: str = "") -> JSONObject:
    return {"fault": {"code": code, "message": message, "words": words}}


async def _asked(
    server: StdioServer | StreamableHttpServer, destinations: list[str], folder: Path
) -> JSONObject:
    try:
        outside = Outside.of_command(folder)
    except (SecretError, ValueError) as error:
        return _fault("TOOL-EGRESS", str(error))
    try:
        return await listing(server, destinations, outside)
    finally:
        await outside.aclose()


def main() -> None:
    """Read the question from standard input, and write the answer to standard output."""
    asked = json.load(sys.stdin)
    server = _SERVER.validate_python(asked["server"])
    answer = asyncio.run(_asked(server, asked.get("destinations", []), Path(asked["folder"])))
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
