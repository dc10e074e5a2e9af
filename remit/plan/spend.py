"""What a plan may cost: how often each step may run, and the most that all its runs may spend.

Read from the compiled plan and the contracts' estimates before any of it runs. What depends on
values that only the run can tell has no bound here, and says so: `None` is never taken for nothing.
Tools without a cost cost nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remit.canonical import JSON, Digest, JSONObject, canonical
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.template import TemplateError, references, resolve
from remit.tool.contract import Money, Operation, ToolContract
from remit.tool.pointer import PointerError, follow

_MOST_PARTS = 1000
"""Sub-plans with inputs of their own that are looked at; beyond it their inputs count as unknown,
so that nested calls of calls take no time of their own."""


@dataclass(frozen=True, slots=True)
class StepSpend:
    """What one step may cost."""

    fan_out: int
    """Most times that it may run: items times iterations."""
    cost: Money | None
    """Of one run; `None` when it depends on run-time values, and for a sub-plan. The currency is
    empty where the plan's holds."""
    worst: int | None
    """Most micros of all runs, attempts and sub-plans counted; `None` when nothing bounds it."""
    expected: int | None
    """Micros when all goes well and every loop ends at its first look; `None` when not known."""


class Spending:
    """Looks at plans that share contracts and sub-plans; what was found is kept."""

    def __init__(
        self, contracts: Mapping[Digest, ToolContract], parts: Mapping[Digest, CompiledPlan]
    ) -> None:
        """Look up what the plans call in `contracts` and `parts`, nested ones included."""
        self._contracts = contracts
        self._parts = parts
        self._found: dict[tuple[Digest, bytes], tuple[int | None, int | None]] = {}

    def of(self, plan: CompiledPlan, inputs: JSONObject) -> Sequence[StepSpend]:
        """Return what each step may cost, in the plan's order, as far as `inputs` are known."""
        return [self._step(plan, step, inputs) for step in plan.steps]

    def inputs(self, plan: CompiledPlan) -> dict[Digest, JSONObject]:
        """Return the inputs of each sub-plan of a root plan that are known and always the same."""
        found: dict[Digest, JSONObject] = {}
        waiting = [(plan, plan.inputs)]
        while waiting:
            here, inputs = waiting.pop()
            for step in here.steps:
                if step.plan is None:
                    continue
                part = self._parts[step.plan]
                given = {**part.inputs, **_known(step.args, inputs)}
                if step.plan in found:
                    before = found[step.plan]
                    given = {k: v for k, v in before.items() if k in given and given[k] == v}
                # They only become fewer, and sub-plans never contain themselves: this ends.
                if found.get(step.plan) != given:
                    found[step.plan] = given
                    waiting.append((part, given))
        return found

    def _step(self, plan: CompiledPlan, step: CompiledStep, inputs: JSONObject) -> StepSpend:
        items = _items(step, inputs)
        fan_out = plan.limits.max_items if items is None else items
        if step.call is None:
            worst, expected = self._part(step, inputs)
            runs, cost = fan_out, None
        else:
            contract = self._contracts[step.call.contract]
            times = step.repeat.max_times if step.repeat else 1
            fan_out *= times
            cost = _cost(step, contract, inputs)
            worst = expected = None if cost is None else cost.micros
            runs = fan_out * _charges(step, contract)
        if step.fallback_for:
            expected = 0
        return StepSpend(
            fan_out=fan_out,
            cost=cost,
            worst=None if worst is None else runs * worst,
            expected=None if expected is None else _times(items, expected),
        )

    def _part(self, step: CompiledStep, inputs: JSONObject) -> tuple[int | None, int | None]:
        """Return what one run of a sub-plan may cost and is expected to."""
        name = step.plan or ""
        known = _known(step.args, inputs)
        key = (name, canonical(known))
        if key not in self._found and len(self._found) >= _MOST_PARTS:
            known, key = {}, (name, b"")
        if key not in self._found:
            part = self._parts[name]
            steps = self.of(part, {**part.inputs, **known})
            self._found[key] = (
                total([each.worst for each in steps]),
                total([each.expected for each in steps]),
            )
        return self._found[key]


def total(amounts: Sequence[int | None]) -> int | None:
    """Return the sum of `amounts`; `None` when one of them is not known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def _times(items: int | None, amount: int) -> int | None:
    if amount == 0:
        return 0
    return None if items is None else items * amount


def _charges(step: CompiledStep, contract: ToolContract) -> int:
    """Return how often one run may be charged for.

    A call with an effect is repeated under its step key, so it happens once however often it is
    sent. Nothing makes a read that is paid for free the second time.
    """
    return step.retry.max_attempts if contract.operation is Operation.READ else 1


def _items(step: CompiledStep, inputs: JSONObject) -> int | None:
    """Return the number of items, 1 without a loop; `None` when only the run can tell."""
    if step.for_each is None:
        return 1
    found = _static(step.for_each.items, inputs)
    return len(found) if isinstance(found, list) else None


def _cost(step: CompiledStep, contract: ToolContract, inputs: JSONObject) -> Money | None:
    stated = contract.cost
    if stated.estimate is not None:
        return stated.estimate
    if stated.micros_argument is None:
        return _NOTHING
    arguments: JSONObject = {name: _static(value, inputs) for name, value in step.args.items()}
    try:
        micros = follow(arguments, stated.micros_argument)
        named = follow(arguments, stated.currency_argument) if stated.currency_argument else ""
    except PointerError:
        return None
    if not isinstance(micros, int) or isinstance(micros, bool) or micros < 0:
        return None
    if not isinstance(named, str):
        return None
    return Money.model_construct(micros=micros, currency=named)


_NOTHING = Money.model_construct(micros=0, currency="")


def _known(template: JSONObject, inputs: JSONObject) -> JSONObject:
    """Return the members of a template that the inputs alone tell."""
    found = {name: _static(value, inputs) for name, value in template.items()}
    return {name: value for name, value in found.items() if value is not None}


def _static(template: JSON, inputs: JSONObject) -> JSON:
    """Return what a template gives from the inputs alone; `None` when run time tells."""
    if any(reference.root != "inputs" for reference in references(template)):
        return None
    try:
        return resolve(template, {"inputs": inputs})
    except TemplateError:
        return None
