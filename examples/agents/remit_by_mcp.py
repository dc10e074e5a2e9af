"""Remit as a planner sees it: the MCP server of one agent, and nothing else.

No planner here imports Remit's workflows, activities or workers: it proposes, and cannot act.
"""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import mcp

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mandate:
    """In whose name a planner plans. The server was started for the same, and compares."""

    agent: str
    """Id and version, e.g. `buyer@1.4.0`."""
    on_behalf_of: str
    tenant: str
    owner: str

    def server(self, project: str) -> mcp.StdioServerParameters:
        """Return how to start `remit mcp` for this mandate."""
        typed = ["-m", "remit", "mcp", "--project", project, "--agent", self.agent]
        whom = ["--tenant", self.tenant, "--on-behalf-of", self.on_behalf_of]
        return mcp.StdioServerParameters(command=sys.executable, args=[*typed, *whom])


class Remit:
    """What a planner asks Remit."""

    def __init__(self, client: mcp.Client) -> None:
        self.client = client

    async def ask(self, tool: str, **given: Any) -> Answer:
        """Return the answer of one of the server's tools."""
        result = await self.client.call_tool(tool, given)
        if result.is_error or not isinstance(result.structured_content, dict):
            raise RuntimeError(f"{tool} did not answer: {result.content}")
        return result.structured_content

    async def tools(self) -> list[Answer]:
        """Return every tool that this agent may use."""
        found: list[Answer] = []
        after: str | None = ""
        while after is not None:
            page = await self.ask("list_tools", after=after)
            found += page["tools"]
            after = page["next_after"]
        return found

    async def to_the_end(self, run_id: str, patience_s: float = 600) -> Answer:
        """Follow a run until it is over; people who have to agree are waited for.

        Raises:
            TimeoutError: it is not over after `patience_s`.
        """
        seen = ""
        async with asyncio.timeout(patience_s):
            while True:
                told = await self.ask("follow_run", run_id=run_id, wait_s=20, seen=seen)
                if not told["ok"] or told["is_over"]:
                    return told
                seen = told["state"]
