"""What a candidate in the shadow of the deciding policies said, and how it is counted.

Pure. Nothing here is a decision: what a candidate says has no type that the enforcement point could
take for one. Differences have the classes of what-if (`remit.decision.whatif`).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from remit.canonical import Digest
from remit.decision.decision import Decision, Model
from remit.decision.facts import Facts
from remit.decision.whatif import Compared, Kind, Tally

Outcome = Literal[
    "same",
    "breaks",
    "widens",
    "adds_gate",
    "removes_gate",
    "obligation",
    "reserve",
    "reason",
    "error",
    "unanswered",
    "foreign",
    "dropped",
]
"""What came of one decision that was to be compared. `unanswered`: no answer in time. `foreign`: an
answer of other policies than the announced ones. `dropped`: it was never asked."""


class Announcement(Model):
    """Which candidate stands in the shadow: what workers follow, written by whoever starts it."""

    schema_version: Literal["remit.shadow/v1"] = "remit.shadow/v1"
    revision: Digest
    """Revision of the candidate."""
    source: Annotated[str, Field(max_length=1000)]
    """Where it came from, for whoever reads."""
    started_ms: int
    percent: Annotated[int, Field(ge=1, le=100)] = 100
    """Share of the runs whose decisions are compared."""
    deadline_ms: Annotated[int, Field(ge=10, le=10_000)] = 1000
    """How long the candidate may take for one answer."""


class Difference(Model):
    """One decision that the candidate would have made otherwise: a line of the file of them."""

    root: str
    """Root chain id of the run; empty where none is known."""
    seq: int
    """Number of the comparison, by process; it orders what happened in one millisecond."""
    at_ms: int
    kind: str
    """What was decided: `call`, `admission`, `system`, ..."""
    step: str
    """What it is about: the same for each decision of one call."""
    tool: str
    base: str
    """Revision that decided."""
    candidate: str
    facts: Digest
    """Names the facts, which the ledger keeps with the decision."""
    before: Decision
    after: Decision | None
    """`None` when the candidate gave no answer that could be trusted."""
    fault: str = ""
    """Why it could not."""


class Counts(Model):
    """What one process compared with one candidate so far."""

    base: str
    """Revision that decided."""
    last_ms: int
    outcomes: dict[Outcome, int]
    unwritten: int = 0
    """Differences that are counted and not kept, because the files are full."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a decision is about, in the few words that a difference keeps."""

    root: str
    kind: str
    step: str
    tool: str


def subject_of(facts: Facts) -> Subject:
    """Return what facts are about."""
    root = facts.run.root if facts.run else ""
    if facts.action is not None:
        step = f"{facts.action.step_key} {facts.action.purpose}"
        return Subject(root, facts.kind, step, facts.action.tool)
    if facts.system is not None:
        return Subject(root, facts.kind, facts.system.activity, "")
    return Subject(root, facts.kind, facts.plan.name if facts.plan else "", "")


def falls_in(root: str, percent: int) -> bool:
    """Whether a run belongs to a share of them: one run always or never, wherever it is asked."""
    number = int.from_bytes(hashlib.sha256(root.encode()).digest()[:8], "big")
    return number % 100 < percent


@dataclass(slots=True)
class Summary:
    """What all processes found about one candidate, against one set of deciding policies."""

    base: str = ""
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    unwritten: int = 0
    other_bases: int = 0
    """Comparisons with policies that decided before `base` did."""
    tally: Tally = field(default_factory=Tally)
    firsts: list[Difference] = field(default_factory=list)
    """The first difference of each run."""

    @property
    def compared(self) -> int:
        """How many decisions were put to the candidate, and answered for."""
        return sum(self.outcomes.values()) - self.missed

    @property
    def missed(self) -> int:
        """How many should have been compared, and were not."""
        return sum(self.outcomes.get(name, 0) for name in _MISSED)

    def times(self, kind: Kind) -> int:
        """How many decisions differ so."""
        return self.outcomes.get(kind, 0)


_MISSED: tuple[Outcome, ...] = ("unanswered", "foreign", "dropped")


def summarised(counts: Sequence[Counts], differences: Iterable[Difference]) -> Summary:
    """Return what was found against the policies that decided last."""
    summary = Summary()
    if not counts:
        return summary
    summary.base = max(counts, key=lambda one: one.last_ms).base
    for one in counts:
        if one.base != summary.base:
            summary.other_bases += sum(one.outcomes.values())
            continue
        summary.unwritten += one.unwritten
        for name, number in one.outcomes.items():
            summary.outcomes[name] = summary.outcomes.get(name, 0) + number
    mine = (one for one in differences if one.base == summary.base)
    for found in sorted(mine, key=lambda one: (_run_of(one), one.at_ms, one.seq)):
        root, at_ms = _run_of(found), found.at_ms
        compared = Compared(root, found.seq, at_ms, found.step, found.before, found.after)
        if summary.tally.take(compared) is not None:
            summary.firsts.append(found)
    return summary


def _run_of(one: Difference) -> str:
    # What belongs to no known run (Remit's own activities) differs by activity, not run by run.
    return one.root or f"{one.kind} {one.step}"
