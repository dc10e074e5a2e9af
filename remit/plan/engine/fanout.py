"""How a step is cut into units of work: itself, its items, or chunks of items in child workflows.

Pure arithmetic over pinned limits; a recorded history depends on it.
"""

from dataclasses import dataclass

from remit.plan.compiled import Limits, ScheduledStep


@dataclass(frozen=True, slots=True)
class Fan:
    """The units of one step."""

    units: int
    """How many there are."""
    width: int
    """Most units under way at a time."""
    items: int = 1
    """Most items in one unit."""
    share: int = 1
    """Most items under way at a time inside one unit."""
    is_chunked: bool = False
    """Whether each unit is a child workflow that takes several items, or one slow one."""


def fan_of(step: ScheduledStep, count: int, limits: Limits) -> Fan:
    """Return the units of a step that has `count` items (1 when it is no `for_each`).

    A chunk is never larger than what its child runs inline, so that children do not chunk again.
    The shares of the chunks under way never add up to more than the step's `max_parallel`.
    """
    if not step.for_each:
        return Fan(units=1, width=1)
    width = max(1, step.max_parallel)
    if count <= max(1, limits.inline_items):
        return Fan(units=count, width=width, is_chunked=step.child == "long")
    items = max(1, min(limits.chunk_items, limits.inline_items))
    children = -(-width // items)
    units = -(-count // items)
    return Fan(units, children, items, width // children, is_chunked=True)
