"""`remit policy approve`: somebody answers for a candidate, by the digest of the report about it.

The approval is a record in a chain of its own, signed with all others; the report stands beside it.
What it is worth is decided at the promotion, by the policies in force.
"""

import asyncio
from pathlib import Path

from pydantic import ValidationError

from remit.canonical import JSONObject, canonical
from remit.cli.errors import ExitCode, usage
from remit.cli.evidence.ledger import opened
from remit.cli.evidence.place import layout_of, read
from remit.cli.output import answer
from remit.cli.questions.words import short
from remit.decision.promotion import Report
from remit.decision.release import CHAIN
from remit.evidence.fields import text
from remit.ledger.entries import Content, Record
from remit.stores.archiving import LogStore
from remit.stores.dossier import dossier_of

KIND = "approval"
_LARGEST = 64 * 2**20


def read_report(file: Path) -> Report:
    """Return a report that `what-if` wrote.

    Raises:
        CliError: `FILE-UNREADABLE`, `PROMOTION-REPORT`.
    """
    try:
        return Report.model_validate_json(read(file, _LARGEST))
    except ValidationError as error:
        hint = "`remit policy what-if --report FILE` writes one"
        raise usage("PROMOTION-REPORT", f"{str(file)!r} is no report", hint) from error


def approve(file: Path, by: str, reason: str, project: Path | None, *, as_json: bool) -> int:
    """Record that somebody approves a report."""
    report = read_report(file)
    asyncio.run(_approve(report, by, reason, project))
    document = {
        "ok": True,
        "report": report.digest,
        "candidate": report.candidate,
        "by": by,
        "widens": report.widens,
    }
    line = f"{by} approves {short(report.candidate)} by report {report.digest}"
    answer(document, [line], as_json=as_json)
    return ExitCode.OK


async def approvers(log: LogStore, report: Report) -> list[str]:
    """Return who approved this very report.

    Raises:
        CliError: `RECORD-UNREADABLE`: the records are not as they were written.
    """
    dossier = await dossier_of(log, CHAIN)
    if dossier.findings:
        hint = "`remit evidence verify` tells what was altered"
        raise usage("RECORD-UNREADABLE", "the approvals are not as they were written", hint)
    approvals = (record["body"] for record in dossier.records if record["kind"] == KIND)
    named = [one for one in approvals if isinstance(one, dict)]
    return sorted({text(one, "by") for one in named if text(one, "report") == report.digest})


async def _approve(report: Report, by: str, reason: str, project: Path | None) -> None:
    body: JSONObject = {
        "about": "promotion",
        "report": report.digest,
        "candidate": report.candidate,
        "base": report.base,
        "by": by,
        "reason": reason,
    }
    content = Content(report.digest, canonical(report.model_dump(mode="json")))
    async with opened(layout_of(project)) as ledger:
        await ledger.append(CHAIN, [Record(KIND, body, [content])])
