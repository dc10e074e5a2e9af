"""`remit policy what-if`: what a candidate would have changed, as text, JSON and a page."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from remit.cli.errors import ExitCode, usage
from remit.cli.output import answer
from remit.cli.whatif.making import Made, Question, make
from remit.cli.whatif.page import page
from remit.cli.whatif.reading import source
from remit.cli.whatif.words import lines
from remit.decision.promotion import Report


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the answer goes besides stdout."""

    report: Path | None
    """The report itself, which approvals and promotion take."""
    tests: Path | None
    """Folder for the tests of the differences."""
    page: Path | None
    """File for the readable page."""


def what_if(question: Question, archive: Path | None, outputs: Outputs, *, as_json: bool) -> int:
    """Compare, and print what was found.

    Returns:
        `FINDINGS` when the candidate errs, or decisions are missing or could not be reproduced;
        else `OK`.
    """
    if not question.candidate.is_dir():
        hint = "name a folder as `policies` of a project is one"
        raise usage("FILE-UNREADABLE", f"{str(question.candidate)!r} is no folder", hint)
    made = asyncio.run(_made(question, archive))
    report = made.report
    if outputs.report is not None:
        written(outputs.report, report.model_dump_json(indent=2) + "\n")
    if outputs.page is not None:
        written(outputs.page, page(made))
    if outputs.tests is not None:
        tested(outputs.tests, report)
    is_ok = is_clean(report) and not made.gaps
    document = {
        "ok": is_ok,
        "digest": report.digest,
        "report": json.loads(report.model_dump_json()),
        "took_s": round(made.took_s, 3),
        "unreproduced": list(made.unproven),
        "gaps": list(made.gaps),
    }
    answer(document, lines(made), as_json=as_json)
    return ExitCode.OK if is_ok else ExitCode.FINDINGS


def is_clean(report: Report) -> bool:
    """Whether everything could be compared and answered."""
    counts = report.counts
    return not (counts.errors or counts.unreproducible or report.findings)


def since(text: str | None) -> int:
    """Return the beginning of a period in milliseconds; a day's begins with it, in UTC.

    Raises:
        CliError: `CLI-USAGE`.
    """
    if not text:
        return 0
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "a day such as 2026-11-01, or a moment such as 2026-11-01T09:00:00Z"
        raise usage("CLI-USAGE", f"{text!r} is no moment", hint) from error
    return max(0, int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000))


def written(file: Path, text: str) -> None:
    """Write a file of the user's.

    Raises:
        CliError: `FILE-UNWRITABLE`.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{str(file)!r} cannot be written: {error.strerror}"
        raise usage("FILE-UNWRITABLE", message, "name a file in a folder of yours") from error


def tested(folder: Path, report: Report) -> None:
    """Write each test into a file of its own; one package has each name once.

    Raises:
        CliError: `FILE-UNWRITABLE`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "name a folder of yours"
        raise usage("FILE-UNWRITABLE", f"{str(folder)!r}: {error.strerror}", hint) from error
    for one in report.divergences:
        if one.proof is not None:
            written(folder / f"{one.proof.name.removeprefix('test_')}_test.rego", one.proof.test)


async def _made(question: Question, archive: Path | None) -> Made:
    async with source(question.project, archive) as opened:
        return await make(opened, question)
