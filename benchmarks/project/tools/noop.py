"""A tool that does nothing, and its undo: whatever a step costs beyond it is the machinery's."""

from typing_extensions import TypedDict

from remit.tool.python import tool

OWNER = "team:bench"


class Numbered(TypedDict):
    """What comes back: the number that went in."""

    n: int


@tool(
    domain="bench",
    operation="write",
    idempotency="natural",
    owner=OWNER,
    version="1.0.0",
    compensation={"tool": "bench.undo@1", "args": {"n": "${output.n}"}},
)
async def noop(n: int) -> Numbered:
    """Do nothing, as a write: the longest way that a call without a gate can take."""
    return {"n": n}


@tool(
    domain="bench",
    operation="write",
    idempotency="natural",
    owner=OWNER,
    version="1.0.0",
    irreversible=True,
)
async def undo(n: int) -> Numbered:
    """Undo nothing."""
    return {"n": n}
