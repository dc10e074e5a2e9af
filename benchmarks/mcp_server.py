"""A server of the SDK for `benchmarks.mcp_calling`: one tool, which answers what it was given."""

from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel

server = MCPServer("echo", log_level="CRITICAL")


class Said(BaseModel):
    """What it was given."""

    text: str


@server.tool()
async def echo(text: str) -> Said:
    """Answer what it was given."""
    return Said(text=text)


if __name__ == "__main__":
    server.run("stdio")
