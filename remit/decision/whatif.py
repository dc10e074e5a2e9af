"""How a candidate's answers differ from those of the policies in force, counted run by run.

Pure. Of a run only the first difference is certain: behind it the run would have gone another way,
so what differs there is counted apart as *censored*. Whether a difference permits more than before
is told of every one of them, censored or not: it must not hide behind a harmless one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

from remit.decision.decision import (
    ApprovalDemand,
    Chain,
    Decision,
    Keep,
    Limit,
    Obligation,
    Redact,
    Reservation,
    Route,
)

Kind = Literal[
    "breaks", "widens", "adds_gate", "removes_gate", "obligation", "reserve", "reason", "error"
]
"""How a candidate answers differently. `breaks`: it refuses what was not refused. `widens`: it does
not refuse any more. `reason`: the same answer in other words, which changes no run."""
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Change:
    """How one answer differs from the one before."""

    kind: Kind
    permits_more: bool
    """Whether the new answer asks or forbids less than the old one, in any part of it."""


def compare(before: Decision | None, after: Decision | None) -> Change | None:
    """Return how the answer about the same facts differs; `None` when it is the same.

    Args:
        before: what the policies in force say; `None`, which counts as a deny, when they say
            nothing that could be trusted.
        after: what the candidate says; `None` likewise.
    """
    if after is None:
        return None if before is None else Change("error", False)
    if before is None:
        return Change("reason", False) if after.effect == "deny" else Change("widens", True)
    if before.effect != after.effect and "deny" in (before.effect, after.effect):
        return Change("breaks", False) if after.effect == "deny" else Change("widens", True)
    removed = _uncovered(before.approvals, after.approvals)
    if removed or _uncovered(after.approvals, before.approvals):
        return Change("removes_gate" if removed else "adds_gate", bool(removed))
    if before.obligations != after.obligations:
        return Change("obligation", not _obliged(before.obligations, after.obligations))
    if before.reserve != after.reserve:
        return Change("reserve", not _reserved(before.reserve, after.reserve))
    told = (before.reasons, before.permits, before.risk)
    return None if told == (after.reasons, after.permits, after.risk) else Change("reason", False)


def asked_more(before: Decision, after: Decision) -> Sequence[ApprovalDemand]:
    """Return the approvals that `after` demands and `before` did not."""
    return () if after.effect == "deny" else _uncovered(after.approvals, before.approvals)


def asked_less(before: Decision, after: Decision) -> Sequence[ApprovalDemand]:
    """Return the approvals that `before` demanded and `after` does not."""
    return () if after.effect == "deny" else _uncovered(before.approvals, after.approvals)


def _uncovered(
    demands: Sequence[ApprovalDemand], by: Sequence[ApprovalDemand]
) -> list[ApprovalDemand]:
    """Return the demands for which `by` holds none that is as strict."""
    return [
        one
        for one in demands
        if not any(
            (other.code, other.role) == (one.code, one.role)
            and other.quorum >= one.quorum
            and other.expires_in_ms <= one.expires_in_ms
            and _asks_nobody_else(other.then, one.then)
            for other in by
        )
    ]


def _asks_nobody_else(chain: Chain, than: Chain) -> bool:
    """Whether a chain lets nobody answer whom the other one does not, and nobody sooner."""
    return all(
        any(known.role == later.role and known.after_ms <= later.after_ms for known in than)
        for later in chain
    )


def _obliged(before: Sequence[Obligation], after: Sequence[Obligation]) -> bool:
    """Whether `after` obliges to all that `before` did."""
    return all(any(_as_strict(new, old) for new in after) for old in before)


def _as_strict(new: Obligation, old: Obligation) -> bool:
    if old.critical and not new.critical:
        return False
    if isinstance(new, Redact) and isinstance(old, Redact):
        covers = set(old.paths) <= set(new.paths) and set(old.classes) <= set(new.classes)
        return covers and new.of == old.of
    if isinstance(new, Keep) and isinstance(old, Keep):
        return set(new.paths) <= set(old.paths)
    if isinstance(new, Route) and isinstance(old, Route):
        return set(new.to) <= set(old.to)
    if isinstance(new, Limit) and isinstance(old, Limit):
        return new.path == old.path and new.max <= old.max
    return new.model_dump(exclude={"critical"}) == old.model_dump(exclude={"critical"})


def _reserved(before: Sequence[Reservation], after: Sequence[Reservation]) -> bool:
    """Whether `after` raises every counter that `before` did, by as much and within as little."""
    return all(
        any(
            new.counter == old.counter and new.amount >= old.amount and new.ceiling <= old.ceiling
            for new in after
        )
        for old in before
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """One recorded decision, and what the policies in force and the candidate say to its facts."""

    root: str
    """Root chain id of its run."""
    seq: int
    """The record that holds it."""
    at_ms: int
    step: str
    """What it is about: the same for each decision of one call; gates are counted by it."""
    before: Decision | None
    after: Decision | None

    @property
    def change(self) -> Change | None:
        """How they differ."""
        return compare(self.before, self.after)


@dataclass(slots=True)
class Tally:
    """Everything that was compared, counted; decisions of one run come one behind the other."""

    decisions: int = 0
    same: int = 0
    reworded: int = 0
    """The same answers for other reasons, or of another risk: no run would notice."""
    first: Counter[Kind] = field(default_factory=Counter)
    """The first difference of each run, by kind."""
    censored: Counter[Kind] = field(default_factory=Counter)
    """Differences behind a run's first one."""
    widens: int = 0
    """Differences that permit more, censored ones too."""
    errors: int = 0
    runs: int = 0
    turned: set[str] = field(default_factory=set)
    """Runs with a difference."""
    extra: dict[tuple[str, str], int] = field(default_factory=dict)
    """Approvals that would be asked for besides, by role and day."""
    saved: dict[tuple[str, str], int] = field(default_factory=dict)
    """Approvals that would not be asked for any more."""
    _counted: set[tuple[str, ...]] = field(default_factory=set)
    _run: str = ""

    def take(self, one: Compared) -> Change | None:
        """Count a decision; return how it differs if it is the first difference of its run."""
        if one.root != self._run:
            self._run, self._counted = one.root, set()
            self.runs += 1
        self.decisions += 1
        if one.before is not None and one.after is not None:
            self._approvals(one, asked_more(one.before, one.after), self.extra)
            self._approvals(one, asked_less(one.before, one.after), self.saved)
        change = one.change
        if change is None:
            self.same += 1
            return None
        self.widens += change.permits_more
        self.errors += change.kind == "error"
        if change.kind == "reason":
            self.reworded += 1
            return None
        is_first = one.root not in self.turned
        (self.first if is_first else self.censored).update([change.kind])
        self.turned.add(one.root)
        return change if is_first else None

    def _approvals(
        self, one: Compared, demands: Iterable[ApprovalDemand], into: dict[tuple[str, str], int]
    ) -> None:
        """Count a gate once for a call, however often that was decided."""
        day = datetime.fromtimestamp(one.at_ms / 1000, UTC).date().isoformat()
        for demand in demands:
            name = ("+" if into is self.extra else "-", one.step, demand.code, demand.role)
            if name not in self._counted:
                self._counted.add(name)
                place = (demand.role, day)
                into[place] = into.get(place, 0) + demand.quorum


def per_kind(counted: Mapping[Kind, int]) -> dict[Kind, int]:
    """Return counts in the order of `KINDS`, without zeros."""
    return {kind: counted[kind] for kind in KINDS if counted.get(kind)}
