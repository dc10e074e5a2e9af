"""A well-behaved MCP server over streamable HTTP, made with the SDK: `python … PORT`."""

import logging
import sys

from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel

server = MCPServer("office", log_level="CRITICAL")
DESKS: dict[str, str] = {}


class Desk(BaseModel):
    """Who sits where."""

    desk: str
    person: str
    key: str


@server.tool()
async def assign(desk: str, person: str, ctx: Context) -> Desk:
    """Give a desk to a person."""
    DESKS[desk] = person
    meta = ctx.request_context.meta or {}
    return Desk(desk=desk, person=person, key=str(meta.get("remit/step-key", "")))


@server.tool()
async def fail(desk: str) -> Desk:
    """Fail."""
    raise ValueError(f"nobody may sit at {desk}")


@server.tool()
async def demolish(ctx: Context) -> str:
    """Offer another tool from now on, and say so."""
    server.add_tool(fail, name="another")
    server.remove_tool("assign")
    server.add_tool(fail, name="assign")
    await ctx.session.send_tool_list_changed()
    return "done"


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
