"""The report of a what-if as a closed value, and what the policies in force are told of it.

A promotion is decided by the policies in force: they judge their successor on these facts. The
report is named by its digest, which approvals name too; changed, it is another report.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from remit.canonical import Digest, digest
from remit.decision.facts import Context, Facts, Promotion
from remit.decision.whatif import Kind

FORMAT = "remit.whatif/v1"
Count = Annotated[int, Field(ge=0)]


class Model(BaseModel):
    """A closed, frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Head(Model):
    """The signed head of the ledger's log when the decisions were read."""

    log: str
    size: Count
    root: str
    """Root hash of its tree, in hexadecimal digits."""


class Counts(Model):
    """How many decisions came out how."""

    decisions: Count
    """That were compared."""
    runs: Count
    same: Count
    reworded: Count
    """The same answers for other reasons, or of another risk."""
    unreproducible: Count
    """That did not come out again under their own revision, and were not compared."""
    forgotten: Count
    """Whose facts were forgotten by order or period, and a record says so; not compared."""
    unjudged: Count
    """Refusals of the enforcement point itself, in which no policy spoke; not compared."""
    overtaken: Count
    """To which the policies in force say something else already than was recorded."""
    widens: Count
    """Differences that permit more, censored ones too."""
    errors: Count


class Says(Model):
    """What one set of rules says."""

    effect: str
    """`error` when nothing that could be trusted."""
    codes: list[str]
    """Of its reasons, or of the gates that it asks for."""
    message: str


class Proof(Model):
    """The smallest facts about which both still disagree, as a test in Rego."""

    matters: dict[str, str]
    """Places of the facts that keep their values, with these; everything else is neutral."""
    name: str
    test: str
    """The file with this one test."""
    red_before: bool
    """Whether the test failed under the policies in force when it was run."""
    green_after: bool
    """Whether it passed under the candidate."""


class Divergence(Model):
    """The first difference of one run."""

    run: str
    root: str
    record: Count
    at_ms: Count
    about: str
    path: str
    tool: str
    kind: Kind
    permits_more: bool
    recorded: str
    """The recorded effect."""
    before: Says
    after: Says
    cause: Literal["rules", "data", "either", "both", ""]
    """Whether the candidate's rules or its data alone make the difference; `either` when each does,
    `both` when it takes the two together."""
    facts: Digest
    censored: Count
    """Differences of the same run behind it."""
    proof: Proof | None = None
    """For the first of its kind."""


class Approvals(Model):
    """Approvals of one role on one day."""

    role: str
    day: str
    extra: Count
    saved: Count


class Clash(Model):
    """Two rules of the candidate that speak about the same decisions, of which the second wins."""

    permits: str
    """Code of the one that permits."""
    refuses: str
    """Code of the one that refuses."""
    decisions: Count
    """In how many recorded decisions they meet."""


class Report(Model):
    """What a candidate would have changed."""

    format: Literal["remit.whatif/v1"] = "remit.whatif/v1"
    candidate: str
    base: str
    """Revision in force."""
    made_ms: Count
    """When it was made: the end of the period."""
    since_ms: Count
    """Beginning of the period; 0 for all that there is."""
    head: Head | None
    """`None` where nothing was signed yet."""
    counts: Counts
    first: dict[Kind, Count]
    """First differences of runs, by kind."""
    censored: dict[Kind, Count]
    widens_data: list[str]
    divergences: list[Divergence]
    left_out: Count
    """First differences that are counted and not listed."""
    approvals: list[Approvals]
    clashes: list[Clash]
    """The most frequent ones."""
    findings: list[str]
    """What is wrong with the records that were read."""

    @property
    def digest(self) -> Digest:
        """What names this very report."""
        return digest(self.model_dump(mode="json"))

    def without_proofs(self) -> "Report":
        """Return what does not depend on how far the smallest facts were searched."""
        bare = [one.model_copy(update={"proof": None}) for one in self.divergences]
        return self.model_copy(update={"divergences": bare})

    @property
    def widens(self) -> bool:
        """Whether the candidate permits more, by history or by data."""
        return bool(self.counts.widens or self.widens_data)

    @property
    def gates(self) -> int:
        """Differences that ask for more approvals, censored ones too."""
        return self.first.get("adds_gate", 0) + self.censored.get("adds_gate", 0)

    @property
    def breaks(self) -> int:
        """Differences that refuse what was not refused, censored ones too."""
        return self.first.get("breaks", 0) + self.censored.get("breaks", 0)


def promotion_facts(
    report: Report, by: str, approvers: Sequence[str], context: Context, *, verified: bool = False
) -> Facts:
    """Return what the policies in force are asked about a candidate.

    Args:
        report: what its what-if showed.
        by: who wants it published.
        approvers: who approved this very report.
        context: clock and place.
        verified: whether the name in `by` was proven.
    """
    counts = report.counts
    return Facts(
        kind="promotion",
        promotion=Promotion(
            revision=report.candidate,
            base=report.base,
            by=by,
            verified=verified,
            decisions=counts.decisions,
            # Records that are not as they were written reproduce nothing.
            unreproducible=counts.unreproducible + len(report.findings),
            widens=counts.widens,
            breaks=report.breaks,
            gates=report.gates,
            errors=counts.errors,
            widens_data=report.widens_data,
            # One of the future is as good as an old one.
            report_age_ms=abs(context.now_ms - report.made_ms),
            approvers=sorted(set(approvers)),
        ),
        context=context,
    )
