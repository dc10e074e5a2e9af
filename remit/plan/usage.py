"""Which steps' outputs a part of a step needs, so that no others are loaded at run time."""

from typing import Literal, assert_never

from remit.canonical import JSON
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.expression import reads
from remit.plan.template import references

Purpose = Literal["call", "for_each", "ensure", "undo"]
"""Deciding, making and repeating the call; finding the items; judging its output; undoing it."""


def steps_used(step: CompiledStep, what: Purpose) -> frozenset[str]:
    """Return the ids of the steps whose outputs are needed for a part of `step`.

    Of a `for_each`, all parts need what the items need: the loop variable is one of them.
    """
    items = None if step.for_each is None else step.for_each.items
    conditions: list[str] = []
    until = [] if step.repeat is None else [step.repeat.until]
    templates: list[JSON] = [items]
    match what:
        case "call":
            templates.append(step.args)
            conditions = [*([] if step.when is None else [step.when]), *step.require, *until]
        case "ensure":
            conditions = [*step.ensure, *until]
        case "undo":
            templates.append({} if step.undo is None else step.undo.args)
        case "for_each":
            pass
        case _:
            assert_never(what)
    in_conditions = (reads(source) for source in conditions)
    return _in_templates(templates).union(*in_conditions)


def outputs_used(compiled: CompiledPlan) -> frozenset[str]:
    """Return the ids of the steps whose outputs the plan's outputs take."""
    return _in_templates([compiled.outputs])


def _in_templates(templates: list[JSON]) -> frozenset[str]:
    found = (reference.step for reference in references(templates))
    return frozenset(step for step in found if step is not None)
