"""Which classes of data flow into a call: what the plan tells, and what was found in this run.

The plan tells which steps' outputs lead to the call, through however many others and out of the
plans around it. What was found in the arguments and answers of these counts as flowing in; what was
found elsewhere in the run does not.
"""

from collections.abc import Sequence

from remit.data.findings import joined
from remit.enforcement.pinned import Pinned
from remit.ledger.entries import Situation
from remit.plan.flow import StepFlow
from remit.plan.path import Direction, StepKey, steps_on


async def inflow_of(
    pinned: Pinned, situation: Situation, flow: StepFlow, key: StepKey
) -> Sequence[str]:
    """Return the classes that flow into a call; an undo takes in what the step gave out."""
    is_do = key.direction is Direction.DO
    known = flow.inflow if is_do else flow.outflow
    if not situation.detected:
        return known
    found = await _found(pinned, situation.detected, flow, key, is_do=is_do)
    return sorted({*known, *joined(found)})


async def _found(
    pinned: Pinned,
    detected: Sequence[tuple[str, str]],
    flow: StepFlow,
    key: StepKey,
    *,
    is_do: bool,
) -> set[str]:
    path, sources = key.parent, flow.sources
    if not is_do:
        sources = sources.plus(key.segment.step)
    found: set[str] = set()
    while True:
        level = steps_on(path)
        for place, name in detected:
            below = _below(place, level)
            if below and below in sources:
                found.add(name)
        if not path or not sources.has_inputs:
            return found
        path, above = await pinned.caller(key.root, path)
        if above is None:
            # An amendment dropped the caller: anything may have flown into it.
            return {name for _, name in detected}
        sources = above.sources


def _below(place: str, level: str) -> str:
    """Return the step of the plan at `level` in or below which a place is; empty for none."""
    if not level:
        return place.partition("/")[0]
    return place[len(level) + 1 :].partition("/")[0] if place.startswith(f"{level}/") else ""
