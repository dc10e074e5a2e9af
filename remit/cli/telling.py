"""A run in words: what changed since the last look, what waits, and how it ended.

Pure: snapshots and outcomes in, lines out. The commands to type stand on lines of their own and are
never wrapped, so that they can be copied.
"""

import json
from collections.abc import Iterator

from remit.client.outcome import Outcome
from remit.client.snapshot import Snapshot, Waiting


def changes(before: Snapshot | None, now: Snapshot) -> Iterator[str]:
    """Yield a line for everything that changed from `before` to `now`."""
    if not now.is_closed and (before is None or before.status != now.status):
        yield f"{now.status}{_counted(now)}"
    if not now.is_live and not now.is_closed and (before is None or before.is_live):
        yield "no worker answers; what follows is what Temporal itself keeps"
    known = {step.id: step.state for step in before.steps} if before else {}
    for step in now.steps:
        if step.state != known.get(step.id, "pending"):
            yield f"  {step.id}  {step.state}  {step.tool}"
    waited = {wait.step for wait in before.waits} if before else set()
    for wait in now.waits:
        if wait.step not in waited:
            yield from waiting(wait)
    if now.code and (before is None or before.code != now.code):
        at = f" at {now.step}" if now.step else ""
        yield f"{now.code}{at}: {now.reason}"


def waiting(wait: Waiting) -> Iterator[str]:
    """Yield what a wait is about, and the command that answers it."""
    until = f" until {wait.due}, then silence refuses" if wait.due else ""
    what = {"gate": "waits for", "doubt": "is in doubt; asks", "repair": "needs repair by"}
    yield f"{wait.step} {what.get(wait.kind, 'waits for')} {wait.role}{until}"
    if wait.reason:
        yield f"    {wait.reason}"
    if wait.command:
        yield f"    {wait.command}"


def ending(end: Outcome, link: str) -> Iterator[str]:
    """Yield how a run ended, what is left of it, and where to look at it."""
    at = f" at {end.step}" if end.step else ""
    because = f": {end.code}{at}: {end.reason}" if end.code or end.reason else ""
    yield f"{end.status}{because}"
    if end.undone:
        yield f"  {end.undone} call{'s' if end.undone != 1 else ''} undone"
    for left in end.residue:
        yield f"  left behind: {left.path} ({left.tool}), {left.code}: {left.reason}"
        yield f"    {left.owner} must look after it"
    if end.outputs is not None:
        yield f"  outputs: {json.dumps(end.outputs, ensure_ascii=False)}"
    yield f"  {link}"


def _counted(now: Snapshot) -> str:
    if not now.total:
        return ""
    parts = ", ".join(f"{number} {state}" for state, number in now.counts.items())
    return f"  {now.total} steps: {parts}"
