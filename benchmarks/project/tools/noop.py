"""A tool that does nothing, and its undo: whatever a step costs beyond it is the machinery's."""

import asyncio
import os
from pathlib import Path

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


@tool(
    domain="bench",
    operation="read",
    idempotency="natural",
    owner=OWNER,
    version="1.0.0",
    timeout_s=240,
)
async def hang(n: int) -> Numbered:
    """Hang for as long as a file stands; a benchmark puts it there."""
    switch = Path(os.environ["REMIT_PROJECT"]) / ".remit" / "hang"
    # Another process ends it.
    while switch.exists():  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    return {"n": n}
