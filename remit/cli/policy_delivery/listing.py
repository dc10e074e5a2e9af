"""`remit policy releases`: the change log of policies, from the ledger."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from remit.cli.errors import ExitCode, stack
from remit.cli.evidence.ledger import opened
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.cli.stack.layout import Layout
from remit.decision.release import Release
from remit.ledger.errors import LedgerError, LedgerUnavailableError

_DIGITS = 12
_WORDS = {"saved": "saved", "published": "published", "rolled_back": "rolled back"}


def releases(most: int, project: Path | None, *, as_json: bool) -> int:
    """Print the newest releases."""
    layout = Layout(find_project(project))

    async def read() -> Sequence[Release]:
        async with opened(layout) as ledger:
            return await ledger.releases.last(most)

    try:
        found = asyncio.run(read())
    except (LedgerError, LedgerUnavailableError) as error:
        raise stack(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    document = {"ok": True, "releases": [one.model_dump(mode="json") for one in found]}
    lines = [text for one in found for text in _lines(one, found[0].floor)]
    answer(document, lines or ["nothing was released yet"], as_json=as_json)
    return ExitCode.OK


def _lines(one: Release, floor: int) -> Sequence[str]:
    when = datetime.fromtimestamp(one.published_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    digits = one.revision.removeprefix("sha256:")[:_DIGITS]
    below = "  below the floor" if one.serial < floor else ""
    first = f"{one.serial:>5}  {when}  {digits}  {_WORDS[one.origin]} by {one.author}{below}"
    further = [one.reason] if one.reason else []
    if one.approvals:
        further.append(f"approved by {', '.join(one.approvals)}")
    return [first, *(f"{'':7}{text}" for text in further)]
