"""Holding a plan against the bounds that its author set: steps, tools, regions, cost, time.

Only what is certain before the run refuses a plan; policy sees the rest as facts.
"""

from collections import Counter
from collections.abc import Iterator

from remit.diagnostic import Repair
from remit.plan.checked import Draft, Price
from remit.plan.codes import Code
from remit.plan.compiled import parse_duration
from remit.plan.findings import Place
from remit.plan.steps import check_duration
from remit.plan.template import TemplateError
from remit.plan.toolbox import Tool
from remit.tool.contract import Cost, Money, ToolContract
from remit.tool.pointer import PointerError, follow


def check_constraints(draft: Draft) -> Price:
    """Report what breaks the plan's own constraints; return what it will cost."""
    _check_tools(draft)
    _check_count(draft)
    _check_deadline(draft)
    price = _price(draft)
    _check_cost(draft, price)
    return price


def tools_of(draft: Draft, at: int) -> Iterator[tuple[Place, str]]:
    """Yield place and reference of every tool that a step may call, undo and probes included."""
    step, tool = draft.plan.steps[at], draft.actions[at].tool
    if step.tool is not None:
        yield ("tool",), step.tool
    undo = draft.undos[at]
    if undo is not None:
        yield ("compensate", "tool") if undo.is_own else ("tool",), undo.tool
    undoing = draft.toolbox.find(undo.tool) if undo is not None else None
    for known in (tool, undoing):
        for reader in () if known is None else _readers(known.contract):
            yield ("tool",), reader


def _readers(contract: ToolContract) -> Iterator[str]:
    for reader in (contract.probe, contract.read_back):
        if reader is not None:
            yield reader.tool


def _check_tools(draft: Draft) -> None:
    fine = set[tuple[str | None, str | None]]()
    for at in range(len(draft.plan.steps)):
        called = draft.called(at)
        if called not in fine and _check_called(draft, at):
            fine.add(called)
        part = draft.actions[at].part
        for contract in () if part is None else part.contracts.values():
            _check_contract(draft, contract, ("steps", at, "plan"))


def _check_called(draft: Draft, at: int) -> bool:
    """Report the tools of a step that do not exist or may not be called; say if all may be."""
    places: dict[str, Place] = {}
    for place, ref in tools_of(draft, at):
        places.setdefault(ref, ("steps", at, *place))
    checked = [_check_tool(draft, ref, place) for ref, place in places.items()]
    return all(checked)


def _check_tool(draft: Draft, ref: str, place: Place) -> bool:
    tool = draft.toolbox.find(ref)
    if tool is None:
        message = f"no tool {ref!r} in the catalogue"
        repair = draft.findings.name_repair(ref, draft.toolbox.refs)
        hint = repair.hint or "`remit tools` lists them"
        draft.findings.error(Code.UNKNOWN_TOOL, place, message, hint, repair)
        return False
    return _check_contract(draft, tool.contract, place)


def _check_contract(draft: Draft, contract: ToolContract, place: Place) -> bool:
    constraints = draft.plan.constraints
    is_forbidden = contract.ref in constraints.forbidden_tools
    if is_forbidden:
        message = f"{contract.ref!r} is among the plan's `forbidden_tools`"
        draft.findings.error(Code.FORBIDDEN_TOOL, place, message, "use another tool")
    is_away = constraints.regions is not None and contract.region not in constraints.regions
    if constraints.regions is not None and is_away:
        allowed = ", ".join(constraints.regions) or "none"
        message = f"{contract.ref!r} acts in {contract.region!r}; the plan allows {allowed}"
        draft.findings.error(Code.REGION, place, message, "use a tool in an allowed region")
    return not (is_forbidden or is_away)


def _check_count(draft: Draft) -> None:
    most = draft.plan.constraints.max_steps
    parts = (action.part for action in draft.actions)
    total = len(draft.plan.steps) + sum(part.steps for part in parts if part is not None)
    if most is not None and total > most:
        message = f"{total} steps, sub-plans included, and `max_steps` is {most}"
        enough = Repair(expected={"type": "integer", "minimum": total})
        place = ("constraints", "max_steps")
        draft.findings.error(Code.MAX_STEPS, place, message, "do less, or raise", enough)


def _check_deadline(draft: Draft) -> None:
    deadline = draft.plan.constraints.deadline
    if deadline is None:
        return
    place = ("constraints", "deadline")
    check_duration(deadline, place, draft.findings, may_be_zero=False)
    if deadline[-1] in "PT":
        return
    most = parse_duration(deadline)
    for at, step in enumerate(draft.plan.steps):
        every = step.repeat.every if step.repeat is not None else None
        if every is not None and every[-1] not in "PT" and parse_duration(every) >= most > 0:
            message = (
                f"{step.id!r} pauses {every} between its rounds, and all must end in {deadline}"
            )
            pause = ("steps", at, "repeat", "every")
            draft.findings.error(Code.DEADLINE, pause, message, "pause less, or allow more time")


def _price(draft: Draft) -> Price:
    certain, possible = Counter[str](), Counter[str]()
    for at, step in enumerate(draft.plan.steps):
        is_certain = step.when is None and draft.graph.nodes[at].original is None
        least, most = _times(draft, at)
        for currency, sure, all_of in _step_price(draft, at):
            certain[currency] += sure * least if is_certain else 0
            possible[currency] += all_of * most
    return Price(dict(certain), dict(possible))


def _times(draft: Draft, at: int) -> tuple[int, int]:
    """Return how often a step is called at least and, as far as is known, at most."""
    step = draft.plan.steps[at]
    if step.for_each is None:
        return 1, step.repeat.max_times if step.repeat is not None else 1
    if not draft.arguments.is_known(step.for_each.items):
        return 0, 1
    try:
        items = draft.arguments.value(step.for_each.items)
    except TemplateError:
        return 0, 1
    count = len(items) if isinstance(items, list) else 0
    return count, count


def _step_price(draft: Draft, at: int) -> Iterator[tuple[str, int, int]]:
    """Yield currency, certain and possible price of one call of a step."""
    action = draft.actions[at]
    if action.part is not None:
        price = action.part.price
        for currency in dict.fromkeys((*price.certain, *price.possible)):
            sure = price.certain.get(currency, 0)
            yield currency, sure, price.possible.get(currency, 0)
    if action.tool is not None:
        money = _estimate(draft, at, action.tool)
        if money is not None:
            yield money[0], money[1], money[1]


def _estimate(draft: Draft, at: int, tool: Tool) -> tuple[str, int] | None:
    """Return currency and micros of one call, when they are known before the run."""
    cost: Cost = tool.contract.cost
    if cost.micros_argument is None:
        fixed: Money | None = cost.estimate
        return None if fixed is None else (fixed.currency, fixed.micros)
    micros = _argument(draft, at, cost.micros_argument)
    if not isinstance(micros, int) or isinstance(micros, bool):
        return None
    if cost.currency_argument is None:
        return "", micros
    currency = _argument(draft, at, cost.currency_argument)
    return (currency, micros) if isinstance(currency, str) else None


def _argument(draft: Draft, at: int, place: str) -> object:
    try:
        template = follow(draft.plan.steps[at].args, place)
        return draft.arguments.value(template) if draft.arguments.is_known(template) else None
    except (PointerError, TemplateError):
        return None


def _check_cost(draft: Draft, price: Price) -> None:
    bound = draft.plan.constraints.cost
    if bound is None:
        return
    place = ("constraints", "cost")
    own = ("", bound.currency)
    for currency in sorted(price.possible):
        if currency not in own:
            message = f"calls are priced in {currency}, and the plan's bound is in {bound.currency}"
            hint = "bound the plan in the currency in which it pays; amounts are never converted"
            paid = Repair(bound.currency, expected={"const": currency})
            draft.findings.error(Code.CURRENCY, (*place, "currency"), message, hint, paid)
    certain = sum(price.certain.get(currency, 0) for currency in own)
    possible = sum(price.possible.get(currency, 0) for currency in own)
    if certain > bound.micros:
        message = (
            f"the plan costs at least {certain} micros {bound.currency}, and `constraints.cost`"
        )
        message += f" allows {bound.micros}"
        draft.findings.error(Code.OVER_BUDGET, place, message, "raise the bound, or do less")
    elif possible > bound.micros:
        message = f"if every step runs, the plan costs {possible} micros {bound.currency}, and"
        message += f" `constraints.cost` allows {bound.micros}"
        hint = "fine if some are alternatives; what goes beyond is refused at run time"
        draft.findings.warn(Code.MAY_EXCEED_BUDGET, place, message, hint)
