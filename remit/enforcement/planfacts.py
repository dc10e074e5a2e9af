"""What policy learns of a whole plan before anything runs: one fact per step."""

from collections.abc import Mapping

from remit.canonical import JSON, Digest, JSONObject
from remit.decision.facts import CostFact, PlanStepFact
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.template import TemplateError, references, resolve
from remit.tool.contract import ToolContract
from remit.tool.pointer import PointerError, follow


def step_facts(plan: CompiledPlan, contracts: Mapping[Digest, ToolContract]) -> list[PlanStepFact]:
    """Return the facts of every step of `plan`, in its order."""
    names = {name: ref for ref, name in plan.plans.items()}
    return [
        _tool_step(plan, step, contracts[step.call.contract])
        if step.call is not None
        else _sub_plan(plan, step, names.get(step.plan or "", "?"))
        for step in plan.steps
    ]


def _tool_step(plan: CompiledPlan, step: CompiledStep, contract: ToolContract) -> PlanStepFact:
    return PlanStepFact.model_construct(
        id=step.id,
        tool=contract.ref,
        domain=contract.domain,
        operation=contract.operation.value,
        needs=step.needs,
        has_undo=step.undo is not None,
        irreversible=step.irreversible or contract.irreversible,
        gated=step.approval is not None,
        autonomy=step.autonomy,
        confidence=step.confidence,
        data_classes=contract.data_classes,
        region=contract.region,
        destinations=contract.destinations,
        fan_out=_fan_out(plan, step),
        cost=_cost(plan, step, contract),
        worst=None,
        inflow=[],
        tools_before=[],
        may_fail_behind=False,
    )


def _sub_plan(plan: CompiledPlan, step: CompiledStep, ref: str) -> PlanStepFact:
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
        fan_out=_fan_out(plan, step),
        cost=None,
        worst=None,
        inflow=[],
        tools_before=[],
        may_fail_behind=False,
    )


def _fan_out(plan: CompiledPlan, step: CompiledStep) -> int:
    times = step.repeat.max_times if step.repeat else 1
    if step.for_each is None:
        return times
    items = step.for_each.items
    found = _static(plan, items)
    return (len(found) if isinstance(found, list) else plan.limits.max_items) * times


def _cost(plan: CompiledPlan, step: CompiledStep, contract: ToolContract) -> CostFact | None:
    stated = contract.cost
    currency = plan.constraints.cost.currency if plan.constraints.cost else ""
    if stated.estimate is not None:
        return CostFact(micros=stated.estimate.micros, currency=stated.estimate.currency)
    if stated.micros_argument is None:
        return CostFact(micros=0, currency=currency)
    resolved: JSONObject = {name: _static(plan, value) for name, value in step.args.items()}
    try:
        micros = follow(resolved, stated.micros_argument)
        named = follow(resolved, stated.currency_argument) if stated.currency_argument else currency
    except PointerError:
        return None
    if not isinstance(micros, int) or isinstance(micros, bool) or micros < 0:
        return None
    return CostFact(micros=micros, currency=str(named))


def _static(plan: CompiledPlan, template: JSON) -> JSON:
    """Return what a template gives from the plan's inputs alone; `None` when run time tells.

    A sub-plan's inputs come from its caller: nothing of it is known before it begins.
    """
    if any(reference.root != "inputs" for reference in references(template)):
        return None
    try:
        return resolve(template, {"inputs": plan.inputs})
    except TemplateError:
        return None
