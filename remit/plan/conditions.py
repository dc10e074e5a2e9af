"""Checking the expressions of a plan's steps: types, names, and outputs that may be absent."""

from collections.abc import Iterator, Mapping

from remit.plan.checked import Draft
from remit.plan.codes import Code
from remit.plan.contract import Step
from remit.plan.findings import Place
from remit.plan.guards import Reading
from remit.plan.scope import Scope
from remit.plan.shape import Shape
from remit.plan.typecheck import Checker

_GUARD_HINT = "guard it: `has(steps.{step}.output) && …`"


def check_conditions(draft: Draft) -> None:
    """Report what is wrong with every expression of the plan."""
    checker: Checker | None = None
    for at, step in enumerate(draft.plan.steps):
        before: Scope | None = None
        for place, source, sees_output in expressions(step):
            if draft.findings.is_full:
                return
            # Made when the first expression is met: starting the engine takes a while.
            checker = checker or Checker(draft.inputs.shape, draft.steps.outputs)
            before = before or draft.scope(at)
            scope = before.plus(output=draft.actions[at].output) if sees_output else before
            _check(draft, checker, source, scope, ("steps", at, *place))


def expressions(step: Step) -> Iterator[tuple[Place, str, bool]]:
    """Yield place, source, and whether it sees `output`, of every expression of a step."""
    if step.when is not None:
        yield ("when",), step.when, False
    for at, source in enumerate(step.require):
        yield ("require", at), source, False
    for at, source in enumerate(step.ensure):
        yield ("ensure", at), source, True
    if step.repeat is not None:
        yield ("repeat", "until"), step.repeat.until, True


def _check(draft: Draft, checker: Checker, source: str, scope: Scope, place: Place) -> None:
    verdict = checker.check(source, _variables(scope.names))
    for problem in verdict.problems:
        draft.findings.error(problem.code, place, problem.message, problem.hint, problem.repair)
    for reading in verdict.readings:
        if reading.root == "steps":
            _check_reading(draft, reading, scope, place)


def _variables(names: Mapping[str, Shape]) -> dict[str, Shape]:
    return {name: shape for name, shape in names.items() if name != "inputs"}


def _check_reading(draft: Draft, reading: Reading, scope: Scope, place: Place) -> None:
    step = reading.step
    if step is None:
        message = "`steps` is read without saying which step's output is wanted"
        hint = "write `steps.<id>.output`"
        draft.findings.error(Code.REFERENCE_SYNTAX, place, message, hint)
        return
    if scope.report_step(step, place, draft.findings) or reading.asks_for_step:
        return
    draft.steps.note_use(step, reading.use)
    if not reading.is_guarded and not scope.is_sure(step):
        scope.report_absent(step, place, draft.findings, _GUARD_HINT.format(step=step))
