"""From a compiled plan to the slim schedule that the machine drives.

A schedule holds positions, bounds and one line for the eye: no templates, no expressions, nothing
that could hold data. A part of a step (some items, one long call) is a schedule of one step.
"""

from collections.abc import Mapping
from typing import Literal

from remit.canonical import Digest
from remit.plan.compiled import CompiledPlan, CompiledStep, Schedule, ScheduledStep
from remit.plan.template import TemplateError, references, resolve
from remit.tool.contract import ToolContract

Contracts = Mapping[Digest, ToolContract]
_SUMMARY_BYTES = 200
_REASON_LENGTH = 200


def schedule_of(
    compiled: CompiledPlan, contracts: Contracts, digest: Digest | None = None
) -> Schedule:
    """Return the schedule of a whole plan or sub-plan.

    Args:
        compiled: The compiled plan.
        contracts: The tool contracts that it pins, by digest.
        digest: Digest of `compiled`, when the caller has it: working it out takes a while.
    """
    seats = compiled.seats
    positions = {seat.id: at for at, seat in enumerate(seats)}
    by_id = {step.id: step for step in compiled.steps}
    return Schedule(
        engine=compiled.engine,
        compiled=digest or compiled.digest,
        steps=[
            _scheduled(compiled, by_id[seat.id], contracts, positions, seat.generation)
            if seat.id in by_id
            else ScheduledStep(id=seat.id, generation=seat.generation, dropped=True)
            for seat in seats
        ],
        limits=compiled.limits,
        has_outputs=bool(compiled.outputs),
    )


def part_schedule(
    compiled: CompiledPlan,
    contracts: Contracts,
    step: str,
    kind: Literal["items", "long"],
    first: int = 0,
    count: int = 0,
    parallel: int = 1,
    digest: Digest | None = None,
) -> Schedule:
    """Return the schedule of a child workflow that runs a part of one step.

    Args:
        compiled: The compiled plan in which the step stands.
        contracts: The tool contracts that it pins, by digest.
        step: The step's id.
        kind: `items` for `count` items from `first` on, `long` for a slow step without items.
        first: First item of the part.
        count: Number of its items.
        parallel: Most items in flight.
        digest: Digest of `compiled`, when the caller has it.

    Raises:
        KeyError: the plan has no such step.
    """
    found = next((other for other in compiled.steps if other.id == step), None)
    if found is None:
        raise KeyError(step)
    alone: dict[str, object] = {
        "needs": [],
        "join": -1,
        "on_denied": None,
        "on_failed": None,
        "fallback": False,
    }
    if kind == "items":
        alone |= {"for_each": True, "count": count, "max_parallel": parallel}
    else:
        alone |= {"for_each": False, "count": None}
    generation = next(seat.generation for seat in compiled.seats if seat.id == step)
    whole = _scheduled(compiled, found, contracts, {}, generation)
    if whole.child == "long":
        # Here it is in its child already, with all of its iterations.
        alone |= {"child": ""}
    return Schedule(
        engine=compiled.engine,
        compiled=digest or compiled.digest,
        steps=[whole.model_copy(update=alone)],
        limits=compiled.limits,
        first_item=first if kind == "items" else 0,
    )


def _scheduled(
    compiled: CompiledPlan,
    step: CompiledStep,
    contracts: Contracts,
    positions: Mapping[str, int],
    generation: int,
) -> ScheduledStep:
    return ScheduledStep(
        id=step.id,
        tool="" if step.call is None else step.call.tool,
        child=_child(compiled, step),
        needs=[positions[need] for need in step.needs if need in positions],
        join=step.join,
        for_each=step.for_each is not None,
        count=_count(compiled, step),
        max_parallel=5 if step.for_each is None else step.for_each.max_parallel,
        repeat=0 if step.repeat is None else step.repeat.max_times,
        every_s=0 if step.repeat is None else step.repeat.every_s,
        on_denied=None if step.on_denied is None else positions.get(step.on_denied),
        on_failed=None if step.on_failed is None else positions.get(step.on_failed),
        fallback=bool(step.fallback_for),
        timeout_s=step.timeout_s + _window_s(step, contracts),
        heartbeat_s=step.heartbeat_s,
        queue=step.queue,
        summary=_summary(step, contracts),
        reason=step.reason[:_REASON_LENGTH],
        owner=step.owner,
        generation=generation,
    )


def _window_s(step: CompiledStep, contracts: Contracts) -> float:
    """Return for how long the answer is read back before the activity can end, in seconds."""
    contract = None if step.call is None else contracts.get(step.call.contract)
    return 0 if contract is None else contract.seen_within_s


def _child(compiled: CompiledPlan, step: CompiledStep) -> Literal["", "plan", "long"]:
    if step.plan is not None:
        return "plan"
    return "long" if step.timeout_s > compiled.limits.long_step_s else ""


def _count(compiled: CompiledPlan, step: CompiledStep) -> int | None:
    """Return the number of items, when the plan's own inputs tell it.

    A sub-plan's compiled form holds no inputs: there only a list written out is known.
    """
    if step.for_each is None:
        return None
    items = step.for_each.items
    if isinstance(items, list):
        return len(items)
    try:
        if any(reference.root != "inputs" for reference in references(items)):
            return None
        found = resolve(items, {"inputs": compiled.inputs})
    except TemplateError:
        return None
    return len(found) if isinstance(found, list) else None


def _summary(step: CompiledStep, contracts: Contracts) -> str:
    """Return one line: what is called, what it does, why."""
    if step.call is None:
        line = "sub-plan"
    else:
        contract = contracts.get(step.call.contract)
        line = step.call.tool if contract is None else f"{step.call.tool} ({contract.operation})"
    line = " ".join(f"{line}: {step.reason}".split()) if step.reason else line
    encoded = line.encode()
    if len(encoded) <= _SUMMARY_BYTES:
        return line
    return encoded[: _SUMMARY_BYTES - 3].decode(errors="ignore") + "…"
