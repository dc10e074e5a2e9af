"""What an MCP server lists, for whoever writes contracts of it: one JSON object in, one out.

    python -m activities.tools.mcp_listing  <<< '{"server": {…}, "folder": "…"}'

`remit tools import mcp` starts this as a process of its own: the command line loads no client
library, and the server is started, bounded and stopped exactly as a worker does it. Answers
`{"server", "revision", "tools"}` or `{"fault": {"code", "message"}}`. No tool is called.
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
from activities.tools.secrets import SecretError, Secrets
from remit.canonical import JSON, JSONObject
from remit.tool.address import AddressError
from remit.tool.mcp import McpServer, StdioServer, StreamableHttpServer
from remit.tool.reach import reach

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
        link = _link(server, destinations, outside, secrets)
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
    return await _listed(link, secrets)


async def _listed(link: "Link", secrets: Secrets) -> JSONObject:
    from activities.tools.mcp_session import Session

    session = Session(link)
    try:
        end = await asyncio.shield(session.ready)
        if end is not None:
            words = secrets.mask(link.last_words.strip())[-500:]
            return _fault("TOOL-UNREACHABLE", f"the server {secrets.mask(end.said)}", words)
        tools: list[JSON] = [*session.tools.values()]
        return {"server": session.server, "revision": session.revision, "tools": tools}
    finally:
        session.close()
        await session.closed(_CLOSING_S)


def _link(
    server: StdioServer | StreamableHttpServer,
    destinations: list[str],
    outside: Outside,
    secrets: Secrets,
) -> "Link":
    from activities.tools.mcp_links import LIMITS, HttpLink, StdioLink

    if isinstance(server, StdioServer):
        own = environment(server, secrets, outside.environ)
        return StdioLink(server.command, own, outside.folder)
    may_reach = reach(tuple(destinations), tuple(destinations))
    url = address(server, may_reach, outside.environ)
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
