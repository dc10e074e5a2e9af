"""Arguments as far as they are known before a run: what only the run can tell stays `unknown`."""

from dataclasses import dataclass

from remit.canonical import JSON, JSONObject
from remit.diagnostic import pointer
from remit.plan.compiled import CompiledStep
from remit.plan.expression import ExpressionError, evaluate, reads
from remit.plan.template import TemplateError, resolve

UNKNOWN = "unknown"
"""Stands for a value that the run will tell."""


@dataclass(frozen=True, slots=True)
class Known:
    """A filled template."""

    value: JSONObject
    unknown: tuple[str, ...]
    """JSON pointers of the values that only the run can tell."""


def fill(template: JSONObject, scope: JSONObject) -> Known:
    """Return `template` with every reference that `scope` holds replaced."""
    unknown: list[str] = []
    value = {name: _fill(part, scope, (name,), unknown) for name, part in template.items()}
    return Known(value, tuple(unknown))


def known_inputs(template: JSONObject, scope: JSONObject) -> JSONObject:
    """Return the inputs of a sub-plan that are wholly known; the others are left out."""
    filled = fill(template, scope)
    open_names = {place.split("/")[1] for place in filled.unknown}
    return {
        name: value for name, value in filled.value.items() if pointer(name)[1:] not in open_names
    }


def items_of(step: CompiledStep, scope: JSONObject) -> list[JSON] | None:
    """Return the items of a `for_each`, or `None` when only the run can tell."""
    if step.for_each is None:
        return None
    try:
        items = resolve(step.for_each.items, scope)
    except TemplateError:
        return None
    return items if isinstance(items, list) else None


def holds(expression: str, scope: JSONObject) -> bool | None:
    """Return what an expression says, or `None` when only the run can tell."""
    try:
        return None if reads(expression) else evaluate(expression, scope)
    except ExpressionError:
        return None


def _fill(part: JSON, scope: JSONObject, at: tuple[str | int, ...], unknown: list[str]) -> JSON:
    if isinstance(part, dict):
        return {name: _fill(value, scope, (*at, name), unknown) for name, value in part.items()}
    if isinstance(part, list):
        return [_fill(value, scope, (*at, index), unknown) for index, value in enumerate(part)]
    try:
        return resolve(part, scope)
    except TemplateError:
        unknown.append(pointer(*at))
        return UNKNOWN
