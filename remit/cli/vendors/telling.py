"""`remit vendors`: the register in words, or as a document."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from remit.cli.errors import ExitCode, stack
from remit.cli.output import Document, answer
from remit.cli.place import find_project
from remit.cli.questions.words import moment, table
from remit.cli.stack.layout import Layout
from remit.cli.vendors.reading import Register, Stands, register
from remit.ledger.errors import LedgerError, LedgerUnavailableError

_HEADS = ("tool", "vendor", "risk", "review due", "")
_DAY_MS = 24 * 60 * 60 * 1000
_WORDS = {
    "vendor.review_overdue": "the review is overdue",
    "vendor.unknown": "nobody has looked at who stands behind it",
    "vendor.risk": "nobody takes such a risk",
}


def vendors(within_days: int, project: Path | None, *, as_json: bool) -> int:
    """Print the register.

    Returns:
        `FINDINGS` when a tool is refused for its vendor; else `OK`.
    """
    layout = Layout(find_project(project))
    try:
        found = asyncio.run(register(layout))
    except (LedgerError, LedgerUnavailableError) as error:
        raise stack(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    soon_ms = found.at_ms + within_days * _DAY_MS
    is_ok = not any(one.refused for one in found.tools)
    document = {
        "ok": is_ok,
        "source": found.source,
        "tools": [_document(one, soon_ms) for one in found.tools],
    }
    answer(document, _list(found, soon_ms), as_json=as_json)
    return ExitCode.OK if is_ok else ExitCode.FINDINGS


def _document(one: Stands, soon_ms: int) -> Document:
    return {
        "tool": one.tool,
        "is_known": one.is_known,
        "vendor": one.vendor.model_dump(mode="json") if one.vendor else None,
        "is_due_soon": _is_due_soon(one, soon_ms),
        "refused": list(one.refused),
        "asks": list(one.asks),
    }


def _list(found: Register, soon_ms: int) -> Iterator[str]:
    rows = [
        (
            one.tool,
            one.vendor.name if one.vendor else "-",
            one.vendor.risk if one.vendor else "-",
            moment(one.vendor.review_due_ms) if one.vendor else "-",
            "; ".join(_remarks(one, soon_ms)),
        )
        for one in found.tools
    ]
    yield from table([_HEADS, *rows], indent="")
    yield f"by {found.source}"


def _remarks(one: Stands, soon_ms: int) -> Iterator[str]:
    for code in one.refused:
        yield f"REFUSED: {_WORDS.get(code, code)}"
    if one.asks:
        yield f"asks {', '.join(one.asks)}"
    if not one.is_known:
        yield "the project has no such tool"
    if _is_due_soon(one, soon_ms) and not one.refused:
        yield "to be reviewed soon"


def _is_due_soon(one: Stands, soon_ms: int) -> bool:
    return one.vendor is not None and one.vendor.review_due_ms <= soon_ms
