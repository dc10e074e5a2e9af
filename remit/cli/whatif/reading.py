"""Recorded decisions, page by page, out of a ledger or an archive of evidence.

What cannot be put to policy again is told apart: facts that were forgotten with a record of it,
facts that are merely absent, and refusals of the enforcement point itself: no policy spoke there.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from remit.cli.questions.opening import Opened, Wanted, ledger_at, opened
from remit.decision.promotion import Head
from remit.decision.release import CHAIN
from remit.evidence.asked import Asked, decisions
from remit.evidence.checkpoint import parse_note
from remit.evidence.dossier import Dossier
from remit.evidence.fields import text
from remit.evidence.forgetting import forgotten_in
from remit.stores.archiving import LogStore
from remit.stores.dossier import dossier_of

PAGE = 1000
"""Decisions that are held in memory at once, or those of one run."""
_ROOTS = 200

Absent = Literal["", "unjudged", "forgotten", "absent"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One decision as it was recorded."""

    run: str
    """Workflow id, as far as it is known."""
    root: str
    asked: Asked
    facts: bytes
    """What was asked; empty when it is not at hand."""
    absent: Absent
    """Why it cannot be asked again; empty when it can."""

    @property
    def tool(self) -> str:
        """The tool of the call that it is about; empty when it is about none."""
        action = json.loads(self.facts or b"{}").get("action")
        return text(action, "tool") if isinstance(action, dict) else ""


@dataclass(slots=True)
class Page:
    """Decisions of some runs, those of one run one behind the other."""

    decisions: list[Recorded] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    """What is wrong with the records."""


class Source:
    """Where decisions are read from."""

    def __init__(self, log: LogStore | None, run: Opened | None) -> None:
        """Read a ledger, or the one run of an archive."""
        self._log = log
        self._run = run

    @property
    def log(self) -> LogStore | None:
        """The ledger; `None` for an archive."""
        return self._log

    async def head(self) -> Head | None:
        """Return the newest signed head of the ledger's log."""
        notes = await self._log.heads(1) if self._log else ()
        if not notes:
            return None
        head = parse_note(notes[0])
        return Head(log=head.origin, size=head.size, root=head.root.hex())

    async def bundle(self, revision: str) -> bytes | None:
        """Return a policy bundle that was kept."""
        if self._run is not None:
            return await self._run.dossier.bundle(revision)
        found = await self._log.bundle(revision) if self._log else None
        return found[1] if found else None

    async def content(self, digest: str) -> bytes | None:
        """Return a value by its digest."""
        if self._run is not None:
            return await self._run.dossier.content(digest)
        return await self._log.find_content(digest) if self._log else None

    async def pages(self, since_ms: int, until_ms: int) -> AsyncIterator[Page]:
        """Yield all decisions of a period, in pages; its end belongs to it."""
        page = Page()
        async for name, dossier in self._dossiers(since_ms):
            await _read(page, name, dossier, range(since_ms, until_ms + 1))
            if len(page.decisions) >= PAGE:
                yield page
                page = Page()
        yield page

    async def _dossiers(self, since_ms: int) -> AsyncIterator[tuple[str, Dossier]]:
        if self._run is not None:
            yield self._run.name, self._run.dossier
            return
        after = ""
        while self._log and (roots := await self._log.roots_since(since_ms, after, _ROOTS)):
            for root in roots:
                if root != CHAIN:
                    run = await self._log.run_of(root)
                    name = run.workflow_id if run and run.workflow_id else root
                    yield name, await dossier_of(self._log, root)
            after = roots[-1]


@asynccontextmanager
async def source(project: Path | None, archive: Path | None) -> AsyncIterator[Source]:
    """Open the project's ledger, or an archive.

    Raises:
        CliError: a code of the ledger or of evidence.
    """
    if archive is not None:
        async with opened(Wanted(None, archive, project)) as run:
            yield Source(None, run)
        return
    async with ledger_at(project) as log:
        yield Source(log, None)


async def _read(page: Page, name: str, dossier: Dossier, period: range) -> None:
    gone = {
        one.digest
        for record in dossier.records
        for body in [record["body"]]
        if record["kind"] == "forgotten" and isinstance(body, dict)
        for one in forgotten_in(0, body)
    }
    for asked in decisions(dossier.records):
        if asked.at_ms not in period:
            continue
        facts = await dossier.content(asked.facts) if asked.facts else None
        absent: Absent = ""
        if asked.host or not asked.revision:
            absent = "unjudged"
        elif facts is None:
            absent = "forgotten" if asked.facts in gone else "absent"
        page.decisions.append(Recorded(name, dossier.root, asked, facts or b"", absent))
    page.findings += [f"{name}: {one.code}  {one.place}: {one.message}" for one in dossier.findings]
