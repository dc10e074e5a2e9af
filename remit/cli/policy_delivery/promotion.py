"""Whether a candidate may take the place of the policies in force, where policies are reviewed.

The policies in force judge their successor, on a what-if report about exactly this candidate. The
one call is `promotion_of`.
"""

from dataclasses import dataclass
from pathlib import Path

from remit.canonical import Digest
from remit.cli.errors import CliError, ExitCode, Finding
from remit.decision.release import Release

_APPROVE = (
    "`remit policy approve REPORT --by NAME`: somebody to whom the policies in force give the role "
    "of `thresholds.promotion`, and who is not the one who publishes"
)
_AGAIN = "make the report again: `remit policy what-if --candidate DIR --report FILE`"
_WHICH = "`remit policy what-if` tells which"
WAYS_OUT = {
    "promotion.approval_missing": _APPROVE,
    "promotion.disrupts": _APPROVE,
    "promotion.stale_report": _AGAIN,
    "promotion.other_base": _AGAIN,
    "promotion.errors": _WHICH,
    "promotion.unreproducible": _WHICH,
    "promotion.unknown_person": "`--by` names somebody whom the policies in force know",
}
"""Ways out, by the code that the core's rules give."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What somebody wants to put in force."""

    project: Path
    """Whose policies; what was built of them has `revision`."""
    revision: Digest
    by: str
    profile: str
    base: Release
    """The release in force, whose policies judge."""
    folder: Path | None = None
    """Of the candidate; the project's own policies when `None`."""


@dataclass(frozen=True, slots=True)
class Leave:
    """That it may be put in force."""

    report: Digest
    """Of the report that it was judged by."""
    approvals: tuple[str, ...]
    """Who approved that report."""


async def promotion_of(report: Path | None, candidate: Candidate) -> Leave:
    """Return the leave that the policies in force give on `report`.

    Raises:
        CliError: `POLICY-NOT-PROMOTED`: there is no leave; exit code 1.
    """
    from remit.cli.whatif.approving import read_report
    from remit.cli.whatif.promoting import Promotion, promotion

    if report is None:
        message = f"policies are reviewed here: release {candidate.base.serial} stays in force"
        hint = "`remit policy what-if --report FILE` makes the report that `--report FILE` takes"
        raise CliError([Finding("POLICY-NOT-PROMOTED", message, hint)], ExitCode.FINDINGS)
    found = read_report(report)
    if (found.candidate, found.base) != (candidate.revision, candidate.base.revision):
        message = f"{str(report)!r} is not about these policies behind those in force"
        hint = "make it again: what-if compares with the policies in force"
        raise CliError([Finding("POLICY-NOT-PROMOTED", message, hint)], ExitCode.FINDINGS)
    wanted = Promotion(
        candidate=candidate.folder or candidate.project / "policies",
        report=found,
        by=candidate.by,
        project=candidate.project,
        profile=candidate.profile,
        base=candidate.base.revision,
    )
    promoted = await promotion(wanted)
    if not promoted.is_allowed:
        said = [
            Finding("POLICY-NOT-PROMOTED", f"{one.code}: {one.message}", WAYS_OUT.get(one.code, ""))
            for one in promoted.decided.decision.reasons
        ]
        raise CliError(said, ExitCode.FINDINGS)
    return Leave(found.digest, tuple(promoted.approvers))
