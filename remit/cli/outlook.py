"""What is known of a plan before any of it runs, step by step, as the commands show it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remit.decision.facts import PlanStepFact
from remit.enforcement.planfacts import Outlook
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import Compilation
from remit.plan.flow import Entry
from remit.plan.spend import total


@dataclass(frozen=True, slots=True)
class Expected:
    """What a plan may do and cost: the facts that policy judges it by."""

    steps: Sequence[PlanStepFact]
    currency: str
    limit: int | None
    """Micros that the plan itself sets."""
    worst: int | None
    """Most micros that it may spend; `None` when only the run can tell."""
    expected: int | None
    """Micros that it spends when all goes well; `None` when only the run can tell."""

    @classmethod
    def of(cls, plan: CompiledPlan, compilation: Compilation) -> "Expected":
        """Look ahead at a compiled plan as admission does."""
        outlook = Outlook(compilation.contracts, compilation.parts)
        spends = outlook.spending.of(plan, plan.inputs)
        currencies = {step.cost.currency for step in spends if step.cost and step.cost.currency}
        limit = plan.constraints.cost
        own = limit.currency if limit else ""
        return cls(
            steps=outlook.facts(plan, Entry()),
            currency=own or ", ".join(sorted(currencies)),
            limit=limit.micros if limit else None,
            worst=total([step.worst for step in spends]),
            expected=total([step.expected for step in spends]),
        )

    def document(self) -> dict[str, object]:
        """Return it for `--json`."""
        shown = ("id", "fan_out", "worst", "inflow", "tools_before", "may_fail_behind")
        return {
            "currency": self.currency,
            "worst_micros": self.worst,
            "expected_micros": self.expected,
            "steps": [step.model_dump(mode="json", include=set(shown)) for step in self.steps],
        }

    def spending(self) -> str:
        """Say what the plan may spend."""
        if self.worst == 0:
            return "it spends nothing"
        limit = "" if self.limit is None else f"; its limit is {self._money(self.limit)}"
        if self.worst is None:
            return f"only the run can tell what it spends{limit}"
        usual = (
            "" if self.expected is None else f", {self._money(self.expected)} when all goes well"
        )
        return f"it may spend {self._money(self.worst)}{usual}{limit}"

    def words(self, step: PlanStepFact) -> Iterator[str]:
        """Say what is known of a step beyond what its author wrote."""
        if step.inflow:
            yield f"is given data of {', '.join(step.inflow)}"
        if step.worst is None:
            yield "costs as much as only the run can tell"
        elif step.worst:
            times = f" in {step.fan_out} runs" if step.fan_out > 1 else ""
            yield f"costs up to {self._money(step.worst)}{times}"
        if step.irreversible and step.may_fail_behind:
            yield "nothing undoes it, and a step behind it may still fail the run"

    def _money(self, micros: int) -> str:
        return f"{micros / 1e6:,.2f} {self.currency}".rstrip()
