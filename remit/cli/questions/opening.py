"""The run that a question is about: out of the project's ledger, or out of an archive."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from remit.canonical import Digest
from remit.cli.errors import stack, usage
from remit.cli.evidence.ledger import ledger_of
from remit.cli.evidence.place import layout_of, unreadable
from remit.evidence.archive import Archive
from remit.evidence.dossier import Dossier, of_archive
from remit.evidence.fields import inner, text
from remit.evidence.finding import EvidenceError
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.ledger.folding import FoldError, RunState, fold
from remit.plan.compiled import CompiledPlan
from remit.stores.archiving import LogStore
from remit.stores.dossier import dossier_of
from remit.tool.contract import ToolContract


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which run, as it was typed."""

    run: str | None
    """A workflow id, or a run's root chain id."""
    archive: Path | None
    """An archive, in place of a ledger."""
    project: Path | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A run at hand."""

    dossier: Dossier
    name: str
    """Workflow id, as the admission tells it; else the root chain id."""
    log: LogStore | None
    """The ledger that it is in; `None` for an archive."""

    def whole_state(self, **until: int | None) -> RunState:
        """Return the run as its records tell it.

        Raises:
            CliError: `RECORD-UNREADABLE`: they cannot be followed.
        """
        try:
            return fold(self.dossier.root, self.dossier.records, **until)
        except FoldError as error:
            hint = "`remit evidence verify` tells what was altered"
            raise usage("RECORD-UNREADABLE", str(error), hint) from error

    def findings(self) -> Sequence[str]:
        """Return what is wrong with the records and with what was read of them, in lines."""
        return [f"{one.code}  {one.place}: {one.message}" for one in self.dossier.findings]

    async def plans(self, state: RunState) -> Mapping[Digest, CompiledPlan]:
        """Return the compiled plans of a run, as far as they are kept."""
        names = {one.compiled for one in state.admissions.values()}
        names |= {one.compiled for one in state.actions.values()}
        found: dict[Digest, CompiledPlan] = {}
        for name in sorted(names):
            body = await self.dossier.content(name)
            try:
                if body is not None:
                    found[name] = CompiledPlan.model_validate_json(body)
            except ValidationError:
                continue
        return found

    async def contract(self, name: Digest) -> ToolContract | None:
        """Return a tool contract, if it is kept."""
        body = await self.dossier.content(name) if name else None
        try:
            return ToolContract.model_validate_json(body) if body else None
        except ValidationError:
            return None


@asynccontextmanager
async def opened(wanted: Wanted) -> AsyncIterator[Opened]:
    """Open the run that was named.

    Raises:
        CliError: `CLI-USAGE`, `RUN-UNKNOWN`, `FILE-UNREADABLE`, or a code of evidence.
    """
    if (wanted.run is None) == (wanted.archive is None):
        hint = "RUN is in the project's ledger, `--archive FILE` needs none"
        raise usage("CLI-USAGE", "name a run or an archive, one of them", hint)
    if wanted.archive is None:
        async with ledger_at(wanted.project) as log:
            yield await found_run(log, wanted.run or "")
        return
    try:
        file = wanted.archive.open("rb")
    except OSError as error:
        raise unreadable(wanted.archive, error) from error
    with file:
        try:
            # The archive is read as questions come, and may turn out to be hostile at each.
            yield _from_archive(file)
        except EvidenceError as error:
            raise usage(error.found.code.value, str(error), "it cannot be asked about") from error


@asynccontextmanager
async def ledger_at(project: Path | None) -> AsyncIterator[LogStore]:
    """Open the ledger of a project.

    Raises:
        CliError: a code of the ledger; exit code 3.
    """
    try:
        async with ledger_of(layout_of(project)) as log:
            yield log
    except (LedgerError, LedgerUnavailableError) as error:
        raise stack(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error


async def found_run(log: LogStore, name: str) -> Opened:
    """Return the run of a ledger that `name` names."""
    run = await log.run_of(name)
    if run is None:
        hint = "name a workflow id, or the first run id of its chain"
        raise usage("RUN-UNKNOWN", f"the ledger knows no run {name!r}", hint)
    return Opened(await dossier_of(log, run.root), run.workflow_id or run.root, log)


def _from_archive(file: BinaryIO) -> Opened:
    dossier = of_archive(Archive(file))
    name = dossier.root
    for record in dossier.records:
        run = inner(record["body"], "run")
        if isinstance(run.get("workflow_id"), str):
            name = text(run, "workflow_id")
    return Opened(dossier, name, None)
