"""Checking one step against what it calls: arguments, items, durations, undoing."""

from dataclasses import replace

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, Repair
from remit.plan.arguments import Arguments
from remit.plan.checked import Draft, Undo
from remit.plan.codes import Code
from remit.plan.compiled import parse_duration
from remit.plan.contract import ForEach, Step
from remit.plan.findings import Findings, Place
from remit.plan.scope import Scope
from remit.plan.shape import ANY, Shape, members
from remit.plan.template import ReferenceSyntaxError, TemplateError, references
from remit.plan.toolbox import Tool

DURATION: JSONObject = {
    "type": "string",
    "pattern": "^P(\\d+D)?(T(\\d+H)?(\\d+M)?(\\d+S)?)?$",
    "examples": ["PT30S", "PT5M", "P1DT12H"],
}
"""What a duration looks like, for a program."""
_FINAL = Repair(
    expected={
        "type": "object",
        "required": ["irreversible"],
        "properties": {"irreversible": {"const": True}},
    }
)
MAX_DURATION_S = 366 * 86400
"""Longest duration that a plan may name, in seconds."""


def check_step(draft: Draft, at: int) -> None:
    """Report what is wrong with the step at a position, expressions aside."""
    step, action, place = draft.plan.steps[at], draft.actions[at], ("steps", at)
    _check_durations(step, place, draft.findings)
    if step.for_each is not None:
        _check_items(draft, at, step.for_each)
    scope = draft.scope(at)
    if action.target is None:
        draft.arguments.shape(step.args, scope, (*place, "args"))
    else:
        args = step.args if action.part is None else {**action.part.defaults, **step.args}
        draft.arguments.check(args, action.target, scope, (*place, "args"))
    if action.tool is not None:
        _check_undo(draft, at, action.tool, scope)


def item_shape(draft: Draft, at: int, items: JSON) -> Shape:
    """Return the shape of the loop variable; report items that are no list."""
    place = ("steps", at, "for_each", "items")
    shape = draft.arguments.shape(items, draft.outer_scope(at), place)
    if shape.is_any:
        return ANY
    if "array" not in shape.kinds:
        message = f"`for_each` runs over a list, and this is {shape.words}"
        draft.findings.error(Code.ITEMS, place, message, "refer to a list")
        return ANY
    if shape.may_be_null:
        draft.findings.warn(Code.MAY_BE_NULL, place, "the list may be null", "then the step fails")
    return shape.item or ANY


def _check_items(draft: Draft, at: int, loop: ForEach) -> None:
    """Report a list that is already known to be too long."""
    if not draft.arguments.is_known(loop.items):
        return
    try:
        items = draft.arguments.value(loop.items)
    except TemplateError:
        return  # reported with the shape
    if isinstance(items, list) and len(items) > draft.toolbox.limits.max_items:
        place = ("steps", at, "for_each", "items")
        message = f"{len(items)} items, and at most {draft.toolbox.limits.max_items} are run over"
        draft.findings.error(Code.ITEMS, place, message, "split the list over several plans")


def _check_durations(step: Step, place: Place, findings: Findings) -> None:
    durations: list[tuple[Place, str | None, bool]] = [(("timeout",), step.timeout, False)]
    if step.repeat is not None:
        durations.append((("repeat", "every"), step.repeat.every, True))
    if "retry" in step.model_fields_set:
        durations.append((("retry", "initial"), step.retry.initial, False))
        durations.append((("retry", "max"), step.retry.max, False))
    if step.approval is not None:
        durations.append((("approval", "expires"), step.approval.expires, False))
    for field, text, may_be_zero in durations:
        if text is not None:
            check_duration(text, (*place, *field), findings, may_be_zero=may_be_zero)


def check_duration(text: str, place: Place, findings: Findings, *, may_be_zero: bool) -> None:
    """Report a duration that says nothing, is zero where that makes no sense, or never ends."""
    if text[-1] in "PT":
        message = f"{text!r} says no duration"
    else:
        seconds = parse_duration(text)
        if seconds > MAX_DURATION_S:
            message = f"{text!r} is longer than a year"
        elif seconds == 0 and not may_be_zero:
            message = f"{text!r} is no time at all"
        else:
            return
    hint = "write e.g. `PT30S`, `PT5M` or `P1DT12H`"
    findings.error(Code.DURATION, place, message, hint, Repair(text, expected=DURATION))


def _check_undo(draft: Draft, at: int, tool: Tool, scope: Scope) -> None:
    step, contract, place = draft.plan.steps[at], tool.contract, ("steps", at)
    undo = draft.undos[at]
    if undo is None:
        if contract.operation.has_effect and not (step.irreversible or contract.irreversible):
            message = (
                f"{step.id!r} calls {contract.ref!r} ({contract.operation}): nothing undoes it"
            )
            hint = "add `compensate`, or say `irreversible: true`, which demands a gate"
            draft.findings.error(Code.NO_COMPENSATION, place, message, hint, _FINAL)
        return
    if step.irreversible and undo.is_own:
        message = f"{step.id!r} says `irreversible` and how to undo it"
        hint = "keep one; as it stands it is undone, and needs a gate"
        draft.findings.warn(Code.TWO_UNDOS, (*place, "irreversible"), message, hint)
    undoing = draft.toolbox.find(undo.tool)
    if undoing is None:
        return  # reported with the step's other tools
    if undo.is_own:
        seen = _undo_scope(step, tool, scope)
        draft.arguments.check(undo.args, undoing.target, seen, (*place, "compensate", "args"))
        return
    faults = draft.undo_faults.get(undo)
    if faults is None:
        faults = _declared_faults(undo, undoing, tool, _undo_scope(step, tool, scope))
        if _speaks_of_the_call(undo.args):
            draft.undo_faults[undo] = faults
    draft.findings.take(faults, (*place, "tool"))


def _undo_scope(step: Step, tool: Tool, scope: Scope) -> Scope:
    """Return what a compensation may refer to: output and arguments of the call, and the rest."""
    given = {name: tool.target.shape.fields.get(name, ANY) for name in step.args}
    return scope.plus(output=tool.output, args=members(given))


def _declared_faults(undo: Undo, undoing: Tool, tool: Tool, scope: Scope) -> tuple[Diagnostic, ...]:
    """Return what is wrong with the compensation that a tool declares.

    It is written once for all plans: its places are not in this document.
    """
    found = Findings()
    target = replace(undoing.target, name=f"{undo.tool}, which undoes {tool.contract.ref}")
    Arguments(found, None).check(undo.args, target, scope, ())
    return found.errors


def _speaks_of_the_call(template: JSONObject) -> bool:
    """Say whether it refers to nothing that differs between steps with the same call."""
    try:
        return {reference.root for reference in references(template)} <= {"args", "output"}
    except ReferenceSyntaxError:
        return False
