"""What an MCP server lists, for whoever writes contracts of it: one JSON object in, one out.

    python -m activities.tools.mcp_listing  <<< '{"server": {…}, "folder": "…"}'

`remit tools import mcp` starts this as a process of its own: the command line loads no client
library, and the server is started, bounded and stopped exactly as a worker does it. Answers
`{"server", "revision", "tools", "private"}`, the last being hosts at private addresses, or
`{"fault": {"code", "message", "words"}}`. No tool is called.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from pydantic import TypeAdapter

from activities.tools.egress import EgressError
from activities.tools.mcp import EXTRA, address, environment, references
from activities.tools.outside import Outside
from remit.secrets.errors import SecretError
from remit.secrets.secrets import Secrets
from remit.canonical import JSON, JSONObject
from remit.tool.address import AddressError, normal_host
from remit.tool.mcp import McpServer, StdioServer, StreamableHttpServer
from remit.tool.reach import Reach, plain_ip, reach

if TYPE_CHECKING:
    from activities.tools.mcp_session import Link

_CLOSING_S = 5.0
_SECRETS_S = 20.0
_SERVER: TypeAdapter[StdioServer | StreamableHttpServer] = TypeAdapter(McpServer)


async def listing(
    server: StdioServer | StreamableHttpServer, destinations: list[str], outside: Outside
) -> JSONObject:
    """Return what `server` lists, or why it cannot be asked."""
    secrets = outside.secrets()
    try:
        await secrets.read(references(server), asyncio.get_running_loop().time() + _SECRETS_S)
        if isinstance(server, StdioServer):
            return await _listed(_stdio(server, outside, secrets), secrets)
        return await _reached(server, destinations, outside, secrets)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        return _fault("TOOL-EXTRA", EXTRA)
    except SecretError as error:
        return _fault("TOOL-SECRET", str(error))
    except EgressError as error:
        return _fault("TOOL-EGRESS", str(error))
    except (AddressError, httpx2.InvalidURL) as error:
        return _fault("TOOL-URL", str(error))


async def _reached(
    server: StreamableHttpServer, destinations: list[str], outside: Outside, secrets: Secrets
) -> JSONObject:
    """Ask over HTTP; a host name at a private address only when it must be, and then say so."""
    url = address(server, reach(tuple(destinations)), outside.environ)
    host = normal_host(httpx2.URL(url).raw_host.decode("ascii"))
    told = await _listed(_http(url, server, reach(tuple(destinations)), outside, secrets), secrets)
    fault = told.get("fault")
    if not isinstance(fault, dict) or fault["code"] != "TOOL-EGRESS" or plain_ip(host) is not None:
        return told
    may_reach = reach(tuple(destinations), (host,))
    told = await _listed(_http(url, server, may_reach, outside, secrets), secrets)
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


def _stdio(server: StdioServer, outside: Outside, secrets: Secrets) -> "Link":
    from activities.tools.mcp_links import StdioLink

    own = environment(server, secrets, outside.environ)
    return StdioLink(server.command, own, outside.folder)


def _http(
    url: str, server: StreamableHttpServer, may_reach: Reach, outside: Outside, secrets: Secrets
) -> "Link":
    from activities.tools.mcp_links import LIMITS, HttpLink

    headers = {name: secrets.resolve(value) for name, value in server.headers.items()}
    return HttpLink(url, headers, outside.transport(LIMITS, may_reach))


def _fault(code: str, message: str, words: str = "") -> JSONObject:
    return {"fault": {"code": code, "message": message, "words": words}}


def main() -> None:
    """Read the question from standard input, and write the answer to standard output."""
    asked = json.load(sys.stdin)
    server = _SERVER.validate_python(asked["server"])
    outside = Outside(os.environ, Path(asked["folder"]))
    answer = asyncio.run(listing(server, asked.get("destinations", []), outside))
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
