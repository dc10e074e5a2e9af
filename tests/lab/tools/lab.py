"""Tools with a real journal on disk, and faults that tests ask for by argument.

Effects are rows of a SQLite file: `put` takes effect once per step key, as a careful service does;
`careless` takes effect on every call, which shows what the ledger alone prevents.
"""

import asyncio
import os
import sqlite3
import time
from pathlib import Path

from remit.tool.python import Progress, StepKeyText, ToolRefusedError, tool

OWNER = "team:lab"


def _journal() -> sqlite3.Connection:
    file = Path(os.environ["REMIT_PROJECT"]) / ".remit" / "journal.db"
    file.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(file, timeout=20, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS effects"
        " (id INTEGER PRIMARY KEY, name TEXT, step_key TEXT, kind TEXT, at REAL)"
    )
    return connection


def _record(name: str, step_key: str, kind: str, once: bool) -> None:
    connection = _journal()
    try:
        connection.execute("BEGIN IMMEDIATE")
        query = "SELECT 1 FROM effects WHERE step_key = ? AND kind = ?"
        known = connection.execute(query, (step_key, kind)).fetchone()
        if known is None or not once:
            connection.execute(
                "INSERT INTO effects (name, step_key, kind, at) VALUES (?, ?, ?, ?)",
                (name, step_key, kind, time.time()),
            )
        connection.execute("COMMIT")
    finally:
        connection.close()


@tool(domain="lab", operation="read", idempotency="natural", owner=OWNER, version="1.0.0")
async def look(name: str = "", count: int = 0) -> dict[str, object]:
    """Look at something; answers a list of `count` numbers."""
    return {"name": name, "items": list(range(count))}


@tool(
    domain="lab",
    operation="read",
    idempotency="natural",
    owner=OWNER,
    version="1.0.0",
    quality={
        "rows": [{"at": "/items", "least": 2}],
        "fresh": {"at": "/as_of", "max_age_s": 86400},
        "owner": "team:surveys",
    },
)
async def survey(name: str, as_of: str) -> dict[str, object]:
    """Look at something as it was at a moment."""
    return {"name": name, "items": [1, 2], "as_of": as_of}


@tool(
    domain="lab",
    operation="write",
    idempotency="key",
    owner=OWNER,
    version="1.0.0",
    compensation={"tool": "lab.drop@1", "args": {"name": "${args.name}"}},
)
async def put(
    step_key: StepKeyText, name: str, fail: str = "", wait_s: float = 0
) -> dict[str, str]:
    """Put something down; `fail` asks for a fault."""
    if fail == "refuse":
        raise ToolRefusedError("LAB-REFUSED", "asked to refuse")
    if wait_s:
        await asyncio.sleep(wait_s)
    _record(name, step_key, "put", once=True)
    if fail == "after":
        raise RuntimeError("it took effect, and then the answer was lost")
    return {"status": "lying" if fail == "lie" else "down", "name": name}


@tool(
    domain="lab",
    operation="write",
    idempotency="key",
    owner=OWNER,
    version="1.0.0",
    concurrency={"calls": 1},
    compensation={"tool": "lab.drop@1", "args": {"name": "${args.name}"}},
)
async def narrow(step_key: StepKeyText, name: str) -> dict[str, str]:
    """Put something down where one call at a time is borne."""
    _record(name, step_key, "put", once=True)
    return {"name": name}


@tool(
    domain="lab",
    operation="read",
    idempotency="natural",
    owner=OWNER,
    version="1.0.0",
    rate_limit={"calls": 4, "per_seconds": 2},
)
async def paced(name: str) -> dict[str, str]:
    """Look at something that may not be looked at often."""
    return {"name": name}


@tool(
    domain="lab",
    operation="write",
    idempotency="natural",
    owner=OWNER,
    version="1.0.0",
    irreversible=True,
)
async def drop(name: str) -> dict[str, str]:
    """Take something up again."""
    if name.startswith("stuck"):
        raise ToolRefusedError("LAB-STUCK", "it does not come up")
    _record(name, name, "drop", once=False)
    return {"status": "gone"}


@tool(
    domain="lab",
    operation="write",
    idempotency="none",
    owner=OWNER,
    version="1.0.0",
    compensation={"tool": "lab.drop@1", "args": {"name": "${args.name}"}},
)
async def careless(name: str, wait_s: float = 0) -> dict[str, str]:
    """Put something down on every call, and tell nobody afterwards."""
    _record(name, f"careless:{name}", "put", once=False)
    if wait_s:
        await asyncio.sleep(wait_s)
    return {"status": "down"}


@tool(domain="lab", operation="write", idempotency="natural", owner=OWNER, version="1.0.0")
async def leave(name: str) -> dict[str, str]:
    """Leave something lying about that nothing takes up again."""
    _record(name, f"leave:{name}", "leave", once=True)
    return {"status": "left"}


@tool(
    domain="lab",
    operation="write",
    idempotency="natural",
    owner=OWNER,
    version="1.0.0",
    irreversible=True,
)
async def burn(name: str) -> dict[str, str]:
    """Do something that cannot be undone."""
    _record(name, f"burn:{name}", "burn", once=True)
    return {"status": "burnt"}


@tool(
    domain="lab",
    operation="write",
    idempotency="natural",
    owner=OWNER,
    version="1.0.0",
    heartbeat_s=2,
    compensation={"tool": "lab.drop@1", "args": {"name": "${args.name}"}},
)
async def batch(name: str, count: int, progress: Progress) -> dict[str, int]:
    """Put `count` things down, one after the other; answers where it began."""
    first = progress.resume if isinstance(progress.resume, int) else 0
    for number in range(first, count):
        _record(f"{name}-{number}", f"batch:{first}", "item", once=False)
        progress.checkpoint(number + 1)
        await asyncio.sleep(0.3)
    return {"first": first}
