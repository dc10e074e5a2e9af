"""What is to be forgotten of a run: by a period that is over, or because somebody orders it.

A content is forgotten in a run when everything in the run that names it agrees; whether its body
goes then depends on the other runs. Nothing here does I/O or reads a clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from remit.canonical import Digest
from remit.ledger.references import KEPT, PLANS
from remit.ledger.retention import Periods, classes_of, rule_of

_BELOW = "/@[~"
"""What a path goes on with below a step."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One record's naming of a content."""

    digest: Digest
    kind: str
    classes: str
    """Label, see `remit.ledger.retention.label`."""
    place: str
    """Path of the call that it belongs to."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Periods that are over."""

    periods: Periods
    age_ms: int
    """Time since the run's end."""
    window_ms: int
    by: str = "keeper"
    reason: str = "its period is over"

    @property
    def how(self) -> str:
        """What it is called in the record."""
        return "expired"

    def rule(self, holding: Holding) -> str | None:
        """Return the rule whose period is over."""
        if holding.kind in KEPT:
            return None
        found = rule_of(holding.classes, self.periods)
        if found is None or self.age_ms < max(found.period_ms, self.window_ms):
            return None
        return found.name


@dataclass(frozen=True, slots=True)
class ForgetOrder:
    """Somebody's order about one run."""

    by: str
    reason: str
    step: str = ""
    """Only what this step, and what is below it, named; empty: every step and the run itself."""
    data_class: str = ""
    """Only what carries this data class; empty: whatever it carries."""
    plans: bool = False
    """Whether the plans go too."""

    @property
    def how(self) -> str:
        """What it is called in the record."""
        return "ordered"

    def rule(self, holding: Holding) -> str | None:
        """Return `order` for what the order covers."""
        if holding.kind in KEPT:
            covered = self.plans and holding.kind in PLANS
            return "order" if covered and not self.step and not self.data_class else None
        if self.data_class and self.data_class not in classes_of(holding.classes):
            return None
        return "order" if not self.step or _is_below(holding.place, self.step) else None


@dataclass(frozen=True, slots=True)
class Discard:
    """Somebody's order about one answer in quarantine."""

    by: str
    reason: str
    output: Digest
    path: str

    @property
    def how(self) -> str:
        """What it is called in the record."""
        return "discarded"

    def rule(self, holding: Holding) -> str | None:
        """Return `quarantine` for the answer, unless it stands elsewhere in the run too."""
        is_it = (holding.digest, holding.place) == (self.output, self.path)
        return "quarantine" if is_it and holding.kind not in KEPT else None


def _is_below(place: str, step: str) -> bool:
    return place == step or (place.startswith(step) and place[len(step)] in _BELOW)


Choice = Expiry | ForgetOrder | Discard
"""Says which contents of a run are forgotten."""


def agreed(choice: Choice, named: Sequence[Holding]) -> str | None:
    """Return why a content is forgotten in a run; `None` when something in it must keep it."""
    rules = [choice.rule(one) for one in named]
    if not rules or None in rules:
        return None
    return "; ".join(sorted({rule for rule in rules if rule}))
