"""The retention of a project, read as its policy data is: laid over Remit's own, and checked.

The publisher refuses to publish data that is not right, and says so; here the same data means that
nothing is forgotten.
"""

from dataclasses import dataclass
from pathlib import Path

from remit.cli.stack.components import core_policies
from remit.cli.stack.sources import CORE, PROJECT, PolicyRoot, read_sources
from remit.decision.overlay import settled
from remit.decision.periods import milliseconds
from remit.decision.registry import Defaults, Registry
from remit.ledger.retention import Periods, Rule


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept."""

    periods: Periods
    window_ms: int
    """How long behind its end a run may be ordered back; nothing is forgotten before."""


def load_retention(project: Path) -> Retention:
    """Return the retention of `project`; where it says nothing there are no periods.

    Raises:
        PolicyError: `POLICY-DATA-INVALID` and the other codes of policy data.
    """
    roots = [PolicyRoot(CORE, core_policies()), PolicyRoot(PROJECT, project / "policies")]
    data = settled(read_sources(roots).data())
    registry = Registry.model_validate(data.get("registry", {}))
    rules = {
        name: Rule(f"{name} {period}", milliseconds(period))
        for name, period in registry.retention.items()
    }
    return Retention(rules, Defaults.model_validate(data["defaults"]).thresholds.rollback_window_ms)
