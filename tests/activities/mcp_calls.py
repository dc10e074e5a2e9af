"""Contracts of tools of the lying server, and calls of them."""

import sys
from pathlib import Path

from activities.tools.registry import Tools
from remit.tool.call import Purpose, Refused, ToolAnswer
from remit.tool.contract import ToolContract
from remit.tool.mcp import listed_digest
from tests.activities.calling import ask, code
from tests.activities.mcp_liar import ECHO, listed

LIAR = [sys.executable, str(Path(__file__).with_name("mcp_liar.py"))]


def mcp_contract(tool: str, *more: str, **changes: object) -> ToolContract:
    """Return a contract of the liar's `tool`, started with the arguments `more`."""
    own = changes.pop("call", {})
    pin = {each["name"]: listed_digest(each) for each in listed()}.get(tool, "sha256:" + "0" * 64)
    server = {
        "transport": "stdio",
        "command": [*LIAR, *more],
        "environment": {"TOKEN": "env:TOKEN"},
    }
    call = {"kind": "mcp", "server": server, "tool": tool, "schema_sha256": pin}
    document: dict[str, object] = {
        "name": f"liar.{tool}",
        "version": "1.0.0",
        "owner": "team:lab",
        "description": "Does something.",
        "domain": "liar",
        "operation": "trigger",
        "input_schema": dict(ECHO),
        "output_schema": {},
        "idempotency": "none",
        "irreversible": True,
        "call": call | (own if isinstance(own, dict) else {}),
    }
    return ToolContract.model_validate(document | changes)


async def say(
    tools: Tools, contract: ToolContract, within_s: float = 20, purpose: Purpose = "call"
) -> ToolAnswer:
    """Call `contract` with a text."""
    return await ask(tools, contract, {"text": "hello"}, within_s=within_s, purpose=purpose)


def ending(given: ToolAnswer) -> str:
    """Return how it ended, with the code of what is no success, such as `Unknown TOOL-TIMEOUT`."""
    again = " again" if isinstance(given, Refused) and given.again else ""
    return f"{type(given).__name__} {code(given)}{again}".rstrip()
