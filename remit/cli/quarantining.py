"""What `remit quarantine` does: reads the ledger, and gives orders as `remit forget` does."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from remit.canonical import JSON, JSONObject
from remit.cli.errors import ExitCode, usage
from remit.cli.errors import stack as failed
from remit.cli.evidence.ledger import opened
from remit.cli.output import Document, answer
from remit.cli.place import find_project
from remit.cli.stack.layout import Layout
from remit.cli.tending import order
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.ledger.quarantine import QuarantineRow

MOST = 200


def list_all(state: str, project: Path | None, *, as_json: bool) -> int:
    """Print the answers in a state."""
    folder = find_project(project)

    async def find() -> Sequence[QuarantineRow]:
        async with opened(Layout(folder)) as ledger:
            return await ledger.quarantine(state, MOST)

    try:
        found = asyncio.run(find())
    except LedgerUnavailableError as error:
        raise failed("LEDGER-UNAVAILABLE", str(error)) from error
    lines = [
        f"{one.reference}  {_moment(one.at_ms)}  {one.code}  {one.tool}  {one.owner}: {_why(one)}"
        for one in found
    ]
    document: Document = {"ok": True, "quarantine": [_told(one) for one in found]}
    answer(document, lines or [f"nothing is {state}"], as_json=as_json)
    return ExitCode.OK


def show_one(reference: str, project: Path | None, *, content: bool, as_json: bool) -> int:
    """Print one answer's bounds and fate, and the answer itself where `content` asks for it."""
    row, body = _find(reference, find_project(project), content=content)
    document: JSONObject = {"ok": True, **_told(row)}
    lines = [
        f"{row.reference}  {row.state}  {row.code}",
        f"  run {row.root}, step {row.path}, {row.tool}, {row.size} bytes, {_moment(row.at_ms)}",
        f"  {row.owner} answers for it",
        *(f"  {one['at'] or '/'}: {one['message']}" for one in row.misses),
    ]
    if row.by:
        lines.append(f"  {row.state} by {row.by} at {_moment(row.ended_ms)}: {row.reason}")
    if content:
        document["content"] = body
        lines.append(json.dumps(body, ensure_ascii=False, indent=2))
    answer(document, lines, as_json=as_json)
    return ExitCode.OK


def end(
    name: str, reference: str, by: str, reason: str, project: Path | None, *, as_json: bool
) -> int:
    """Order an answer released or discarded."""
    row, _ = _find(reference, find_project(project), content=False)
    given: JSONObject = {"order": name, "by": by, "reason": reason, "reference": reference}
    return order(row.root, given, project, as_json=as_json)


def _find(reference: str, folder: Path, *, content: bool) -> tuple[QuarantineRow, JSON]:
    async def find() -> tuple[QuarantineRow | None, JSON]:
        async with opened(Layout(folder)) as ledger:
            row = await ledger.quarantined(reference)
            if row is None or not content:
                return row, None
            body: JSON = json.loads(await ledger.get(row.output))
            return row, body

    try:
        row, body = asyncio.run(find())
    except (LedgerError, LedgerUnavailableError) as error:
        raise failed(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    if row is None:
        hint = "`remit quarantine list` names those that are held"
        raise usage("QUARANTINE-ABSENT", f"the ledger knows no answer {reference!r}", hint)
    return row, body


def _told(row: QuarantineRow) -> JSONObject:
    return {
        "reference": row.reference,
        "state": row.state,
        "code": row.code,
        "run": row.root,
        "path": row.path,
        "tenant": row.tenant,
        "tool": row.tool,
        "owner": row.owner,
        "misses": list(row.misses),
        "output": row.output,
        "bytes": row.size,
        "at": _moment(row.at_ms),
        "by": row.by,
        "reason": row.reason,
        "ended": _moment(row.ended_ms) if row.ended_ms else None,
    }


def _why(row: QuarantineRow) -> str:
    said = [f"{one['at'] or '/'}: {one['message']}" for one in row.misses[:2]]
    return "; ".join(said) + (f"; {len(row.misses) - 2} more" if len(row.misses) > 2 else "")


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
