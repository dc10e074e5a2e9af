"""Tools with processes of their own, on the lab's journal, that die behind their effect."""

import os
from pathlib import Path

from tools.lab import OWNER, _record

from remit.tool.python import StepKeyText, tool

WHERE = {"environment": {"REMIT_PROJECT": "env:REMIT_PROJECT"}}
UNDO = {"tool": "lab.drop@1", "args": {"name": "${args.name}"}}


@tool(
    domain="lab",
    operation="write",
    idempotency="key",
    owner=OWNER,
    version="1.0.0",
    compensation=UNDO,
    process=WHERE,
)
def pack(step_key: StepKeyText, name: str) -> dict[str, str]:
    """Pack something, once for each step key; the first process does not live to tell."""
    _record(name, step_key, "pack", once=True)
    mark = Path(os.environ["REMIT_PROJECT"]) / ".remit" / f"pack-{name}"
    if not mark.exists():
        mark.touch()
        os._exit(9)
    return {"status": "packed"}


@tool(
    domain="lab",
    operation="write",
    idempotency="none",
    owner=OWNER,
    version="1.0.0",
    compensation=UNDO,
    process=WHERE,
)
def toss(name: str) -> dict[str, str]:
    """Pack something on every call, and never tell."""
    _record(name, f"toss:{name}", "toss", once=False)
    os._exit(9)
