"""Plans that name a major which the catalogue has no more, served by the one that takes it over.

It happens before anything else is checked, and in the plan alone: the step names the new tool, its
arguments are the new tool's `upcast` with the plan's own put in. From there on it is a step like
any other. What is compiled, pinned, decided, digested and sent is the new tool's call, so nothing
at run time knows of a cast, and a run that was admitted is never touched by one. Outputs are not
cast: whatever the plan reads of them is checked against the new tool's schema.
"""

from collections.abc import Sequence
from dataclasses import replace

from remit.canonical import JSON, JSONObject, canonical
from remit.plan.codes import Code
from remit.plan.contract import Compensate, Plan, Step
from remit.plan.findings import Findings, Place
from remit.plan.template import (
    Reference,
    ReferenceSyntaxError,
    enter,
    literal,
    pieces,
    references,
    whole,
)
from remit.plan.toolbox import Toolbox
from remit.tool.contract import ToolContract

_HINT = "write the step for {ref}; `remit tools {ref}` shows what it takes"


class _NotCastError(ValueError):
    """The plan's arguments cannot be put into the template."""


class _AbsentError(_NotCastError):
    """The plan does not give the argument."""


def upcast(plan: Plan, toolbox: Toolbox, findings: Findings) -> Plan:
    """Return `plan` with every step whose tool is served by a later major written for that one."""
    steps: list[Step] = [
        _step(step, toolbox, findings, ("steps", at)) for at, step in enumerate(plan.steps)
    ]
    if all(one is other for one, other in zip(steps, plan.steps, strict=True)):
        return plan
    return plan.model_copy(update={"steps": steps})


def _step(step: Step, toolbox: Toolbox, findings: Findings, place: Place) -> Step:
    changed: dict[str, object] = {}
    serving = _serving(step.tool, toolbox)
    if serving is not None:
        changed |= {"tool": serving.ref, "args": _cast(step.args, serving, findings, place)}
        _note(str(step.tool), serving, findings, (*place, "tool"))
        if step.compensate is not None and _reads_arguments(step.compensate.args):
            message = f"its `compensate` reads `args`, which are those of {serving.ref} now"
            hint = _HINT.format(ref=serving.ref)
            findings.error(Code.UPCAST, (*place, "compensate", "args"), message, hint)
    undo = step.compensate
    undoing = None if undo is None else _serving(undo.tool, toolbox)
    if undo is not None and undoing is not None:
        where = (*place, "compensate")
        _note(undo.tool, undoing, findings, (*where, "tool"))
        args = _cast(undo.args, undoing, findings, where)
        changed["compensate"] = Compensate(tool=undoing.ref, args=args)
    return step.model_copy(update=changed) if changed else step


def _serving(ref: str | None, toolbox: Toolbox) -> ToolContract | None:
    """Return the contract that takes over the calls of `ref`; `None` while that one is there."""
    if ref is None or toolbox.find(ref) is not None:
        return None
    return toolbox.successor(ref)


def _note(ref: str, serving: ToolContract, findings: Findings, place: Place) -> None:
    message = f"{ref} is no more; {serving.ref} serves it, with the arguments that it says"
    findings.warn(Code.OLD_MAJOR, place, message, f"write the step for {serving.ref}")


def _reads_arguments(template: JSONObject) -> bool:
    try:
        return any(reference.root == "args" for reference in references(template))
    except ReferenceSyntaxError:
        return False  # reported where it stands


def _cast(given: JSONObject, serving: ToolContract, findings: Findings, place: Place) -> JSONObject:
    template = serving.upcast.args if serving.upcast is not None else {}
    try:
        return _members(template, given)
    except (_NotCastError, ReferenceSyntaxError) as error:
        message = f"{serving.ref} cannot serve it: {error}"
        hint = _HINT.format(ref=serving.ref)
        findings.error(Code.UPCAST, (*place, "args"), message, hint)
        return given


def _members(template: JSONObject, given: JSONObject) -> JSONObject:
    made: JSONObject = {}
    for name, part in template.items():
        try:
            made[name] = _filled(part, given)
        except _AbsentError:
            if not isinstance(part, str) or whole(part) is None:
                raise
    return made


def _filled(template: JSON, given: JSONObject) -> JSON:
    """Return `template` with the plan's own templates in the place of its references."""
    if isinstance(template, dict):
        return _members(template, given)
    if isinstance(template, list):
        return [_filled(part, given) for part in template]
    if not isinstance(template, str):
        return template
    alone = whole(template)
    if alone is not None:
        return _found(alone, given)
    return "".join(_text(piece, given) for piece in pieces(template))


def _text(piece: str | Reference, given: JSONObject) -> str:
    if isinstance(piece, str):
        return str(literal(piece))
    found = _found(piece, given)
    if isinstance(found, str):
        return found
    if found is None or isinstance(found, list | dict):
        raise _NotCastError(f"'{piece}' stands inside a text, and is none")
    return canonical(found).decode()


def _found(reference: Reference, given: JSONObject) -> JSON:
    """Return the template that the plan gives for a reference into its arguments."""
    here: JSON = given
    for at, part in enumerate(reference.parts):
        if isinstance(here, str):
            return _beyond(here, reference, reference.parts[at:])
        try:
            here = enter(here, part)
        except LookupError as error:
            raise _AbsentError(f"'{reference}' is not given") from error
    return here


def _beyond(text: str, reference: Reference, rest: Sequence[str | int]) -> str:
    """Return the reference to what lies further inside what `text` refers to."""
    there = whole(text)
    if there is None:
        raise _NotCastError(f"'{reference}' reaches into a text")
    return f"${{{replace(there, parts=(*there.parts, *rest))}}}"
