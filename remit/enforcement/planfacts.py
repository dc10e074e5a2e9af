"""What policy learns of a whole plan before anything runs: one fact per step."""

from collections.abc import Iterator, Mapping

from remit.canonical import Digest, JSONObject
from remit.decision.facts import CostFact, PlanStepFact
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.flow import Entry, Flows, StepFlow
from remit.plan.spend import Spending, StepSpend
from remit.tool.contract import ToolContract


class Outlook:
    """Looks ahead at plans that share contracts and sub-plans."""

    def __init__(
        self, contracts: Mapping[Digest, ToolContract], parts: Mapping[Digest, CompiledPlan]
    ) -> None:
        """Look up what the plans call in `contracts` and `parts`, nested ones included."""
        self._contracts = contracts
        self.flows = Flows(contracts, parts)
        self.spending = Spending(contracts, parts)

    def facts(
        self, plan: CompiledPlan, entry: Entry, inputs: JSONObject | None = None
    ) -> list[PlanStepFact]:
        """Return the facts of every step of `plan`, in its order.

        Args:
            plan: a plan, or a sub-plan of it.
            entry: what it begins with.
            inputs: a sub-plan's, as its caller gives them; the plan's own otherwise.
        """
        flow = self.flows.of(plan, entry)
        spends = self.spending.of(plan, plan.inputs if inputs is None else inputs)
        names = {name: ref for ref, name in plan.plans.items()}
        return [
            self._tool_step(plan, step, flow.steps[step.id], spend)
            if step.call is not None
            else _sub_plan(step, names.get(step.plan or "", "?"), flow.steps[step.id], spend)
            for step, spend in zip(plan.steps, spends, strict=True)
        ]

    def parts(self, plan: CompiledPlan) -> Iterator[tuple[Digest, list[PlanStepFact]]]:
        """Yield each sub-plan of a root plan with its facts: what holds wherever it is called."""
        inputs = self.spending.inputs(plan)
        for name, entry in self.flows.entries(plan).items():
            yield name, self.facts(self.flows.parts[name], entry, inputs[name])

    def _tool_step(
        self, plan: CompiledPlan, step: CompiledStep, flow: StepFlow, spend: StepSpend
    ) -> PlanStepFact:
        contract = self._contracts[step.call.contract if step.call else ""]
        return PlanStepFact.model_construct(
            id=step.id,
            tool=contract.ref,
            domain=contract.domain,
            operation=contract.operation.value,
            needs=step.needs,
            has_undo=step.undo is not None,
            irreversible=step.irreversible or contract.irreversible,
            gated=step.approval is not None or contract.call.kind == "human",
            autonomy=step.autonomy,
            confidence=step.confidence,
            data_classes=contract.data_classes,
            region=contract.region,
            destinations=contract.destinations,
            fan_out=spend.fan_out,
            cost=_cost(plan, spend),
            worst=spend.worst,
            inflow=list(flow.inflow),
            tools_before=list(flow.tools_before),
            may_fail_behind=flow.may_fail_behind,
        )


def _sub_plan(step: CompiledStep, ref: str, flow: StepFlow, spend: StepSpend) -> PlanStepFact:
    return PlanStepFact.model_construct(
        id=step.id,
        tool=f"plan:{ref}",
        domain="plan",
        operation="plan",
        needs=step.needs,
        has_undo=True,
        irreversible=False,
        gated=step.approval is not None,
        autonomy=step.autonomy,
        confidence=step.confidence,
        data_classes=[],
        region="",
        destinations=[],
        fan_out=spend.fan_out,
        cost=None,
        worst=spend.worst,
        inflow=list(flow.inflow),
        tools_before=list(flow.tools_before),
        may_fail_behind=flow.may_fail_behind,
    )


def _cost(plan: CompiledPlan, spend: StepSpend) -> CostFact | None:
    if spend.cost is None:
        return None
    own = plan.constraints.cost.currency if plan.constraints.cost else ""
    return CostFact(micros=spend.cost.micros, currency=spend.cost.currency or own)
