"""Whether a candidate may take the place of the policies in force.

The policies in force decide, on the facts of a report and of those who approved it. A report is a
file in the hands of whoever wants the promotion, so it is made again, for the same period, and has
to come out the same: nobody promotes by a report that was written by hand.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from remit.cli.errors import usage
from remit.cli.questions import rules
from remit.cli.whatif.approving import approvers
from remit.cli.whatif.making import Question, in_force, make
from remit.cli.whatif.reading import Source, source
from remit.decision.decision import Decided
from remit.decision.facts import Context
from remit.decision.promotion import Report, promotion_facts


@dataclass(frozen=True, slots=True)
class Promotion:
    """What is to be promoted."""

    candidate: Path
    """Folder of its policies."""
    report: Report | None
    """Of its what-if; `None` when nobody made one."""
    by: str
    """Who wants it."""
    project: Path | None
    base: str = ""
    """Revision in force, where the caller knows it; else it is looked up."""
    profile: str = "light"
    verified: bool = False
    """Whether the name in `by` was proven."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """The answer; it is an allow, or nothing may be published."""

    decided: Decided
    report: Report
    approvers: list[str]

    @property
    def is_allowed(self) -> bool:
        """Whether the candidate may be published."""
        return self.decided.decision.effect == "allow"


async def promotion(wanted: Promotion) -> Promoted:
    """Let the policies in force decide about a candidate.

    Raises:
        CliError: `PROMOTION-REPORT` (there is none), `PROMOTION-OTHER-CANDIDATE`,
            `PROMOTION-FOREIGN`, `PROMOTION-DIFFERS`; or OPA gave no answer that can be trusted.
    """
    report = wanted.report
    if report is None:
        hint = "`remit policy what-if --candidate DIR --report FILE` makes one"
        raise usage(
            "PROMOTION-REPORT", "a candidate is judged by a report, and there is none", hint
        )
    async with source(wanted.project, None) as opened:
        await _check(opened, wanted, report)
        by = await approvers(opened.log, report) if opened.log else []
        base = await in_force(opened, _question(wanted, report))
        facts = promotion_facts(report, wanted.by, by, _context(wanted), verified=wanted.verified)
        async with rules.serving(rules.opa_binary(), base.content) as judge:
            decided = await judge.decide(facts)
    return Promoted(decided, report, by)


async def _check(opened: Source, wanted: Promotion, report: Report) -> None:
    """Hold a report against the ledger and the candidate."""
    if not await _is_of(opened, report):
        hint = "make it with this project's ledger"
        raise usage("PROMOTION-FOREIGN", "the report is about another ledger", hint)
    question = replace(_question(wanted, report), base=report.base)
    again = (await make(opened, question)).report
    if again.candidate != report.candidate:
        hint = "make the report again: every edit of a policy makes another candidate"
        raise usage("PROMOTION-OTHER-CANDIDATE", "the report is about other policies", hint)
    told = again.model_copy(update={"head": report.head}).without_proofs()
    if told != report.without_proofs():
        hint = "make it again with `remit policy what-if`"
        raise usage("PROMOTION-DIFFERS", "the report does not come out again", hint)


async def _is_of(opened: Source, report: Report) -> bool:
    """Whether a report was made with this ledger."""
    now = await opened.head()
    if report.head is None or now is None:
        return report.head == now
    root = await opened.log.root_at(report.head.size) if opened.log else None
    return now.log == report.head.log and root is not None and root.hex() == report.head.root


def _question(wanted: Promotion, report: Report) -> Question:
    return Question(
        candidate=wanted.candidate,
        since_ms=report.since_ms,
        base=wanted.base,
        project=wanted.project,
        until_ms=report.made_ms,
        is_proven=False,
    )


def _context(wanted: Promotion) -> Context:
    now = time.time_ns() // 1_000_000
    return Context(
        now_ms=now,
        scheduled_ms=now,
        environment="promotion",
        region="",
        profile="full" if wanted.profile == "full" else "light",
        capabilities=[],
    )
