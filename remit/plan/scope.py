"""What a template or an expression may refer to at one place of a plan, and what it finds there.

`inputs`, the loop variable, `output` where it is allowed, and `steps.<id>.output` of steps in the
transitive needs. A step that may have been skipped or dropped is out of reach for a template.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.diagnostic import NO_REPAIR
from remit.plan.codes import Code
from remit.plan.findings import Findings, Place
from remit.plan.shape import ANY, Shape, nullable
from remit.plan.template import Reference

RESERVED = frozenset({"inputs", "steps", "output", "args", "step_key"})
"""Names that no loop variable may take."""
_ELSEWHERE = {
    "output": "`output` stands in a step's own `ensure`, `until` and `compensate` only",
    "args": "`args` stands in `compensate` only",
}

Use = tuple[str | int, ...]
"""A way into the output of a step."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a plan by id, for everybody who refers to them."""

    positions: Mapping[str, int]
    outputs: Mapping[str, Shape]
    absence: Mapping[str, str]
    """Why a step may have no output, for those that may be skipped."""
    uses: dict[str, list[Use]] = field(default_factory=dict)
    """What has been referred to in the outputs of each step so far."""

    def note_use(self, step: str, use: Use) -> None:
        """Remember that somebody refers to what `use` leads to in the output of `step`."""
        self.uses.setdefault(step, []).append(use)


@dataclass(frozen=True, slots=True)
class Scope:
    """The names at one place."""

    steps: Steps
    names: Mapping[str, Shape]
    visible: int
    """Mask of the steps in the transitive needs."""
    sure: int
    """Mask of those that surely have an output."""
    reader: str
    """Who refers: a step's id, or empty for the plan's outputs."""
    absent_is_null: bool = False
    """Whether an output that is not there reads as null, as in the plan's outputs."""

    def plus(self, **names: Shape) -> "Scope":
        """Return the scope with further names."""
        return Scope(
            steps=self.steps,
            names={**self.names, **names},
            visible=self.visible,
            sure=self.sure,
            reader=self.reader,
            absent_is_null=self.absent_is_null,
        )

    def is_visible(self, step: str) -> bool:
        """Whether `step` is in the transitive needs."""
        return bool(self.visible >> self.steps.positions[step] & 1)

    def is_sure(self, step: str) -> bool:
        """Whether `step` surely has an output."""
        return bool(self.sure >> self.steps.positions[step] & 1)

    def reach(self, reference: Reference, place: Place, findings: Findings) -> Shape:
        """Return the shape of what `reference` leads to; report and return `ANY` if nothing."""
        if reference.root == "steps":
            return self._reach_step(reference, place, findings)
        if reference.root not in self.names:
            self.report_name(reference.root, place, findings)
            return ANY
        start = self.names[reference.root]
        return _follow(start, reference, 0, place, findings)

    def report_name(self, name: str, place: Place, findings: Findings) -> None:
        """Report that nothing is called `name` here."""
        known = sorted({*self.names, "steps"})
        message = f"nothing is called {name!r} here"
        repair = NO_REPAIR if name in _ELSEWHERE else findings.name_repair(name, known)
        hint = _ELSEWHERE.get(name) or repair.hint or f"known here: {', '.join(known)}"
        findings.error(Code.REFERENCE_SCOPE, place, message, hint, repair)

    def report_step(self, step: str, place: Place, findings: Findings) -> bool:
        """Report a step that does not exist, or is not in the transitive needs; say if it was."""
        if step not in self.steps.positions:
            message = f"there is no step {step!r}"
            repair = findings.name_repair(step, self.steps.positions)
            hint = repair.hint or "name a step of this plan"
            findings.error(Code.UNKNOWN_STEP, place, message, hint, repair)
            return True
        if self.is_visible(step):
            return False
        if step == self.reader:
            message, hint = "a step cannot refer to its own output here", _ELSEWHERE["output"]
        else:
            message = f"{self.reader!r} refers to {step!r}, which is not in its transitive needs"
            hint = f"add {step!r} to the needs of {self.reader!r}"
        findings.error(Code.REFERENCE_SCOPE, place, message, hint)
        return True

    def report_absent(self, step: str, place: Place, findings: Findings, hint: str) -> None:
        """Report a reference to an output that may not be there."""
        dropped = "a join of `any` or a quorum may go on without it"
        reason = self.steps.absence.get(step, dropped)
        message = f"the output of {step!r} may be absent: {reason}"
        findings.error(Code.REFERENCE_ABSENT, place, message, hint)

    def _reach_step(self, reference: Reference, place: Place, findings: Findings) -> Shape:
        if reference.step is None:
            message = f"'${{{reference}}}' does not say which step's output it wants"
            hint = "write `${steps.<id>.output}`, and a path behind it"
            findings.error(Code.REFERENCE_SYNTAX, place, message, hint)
            return ANY
        if self.report_step(reference.step, place, findings):
            return ANY
        self.steps.note_use(reference.step, reference.parts[2:])
        found = self.steps.outputs[reference.step]
        if not self.is_sure(reference.step):
            if self.absent_is_null:
                return nullable(_follow(found, reference, 2, place, findings))
            hint = (
                "arguments cannot do without it: use `require` in place of `when`, need it by"
                " `all`, or put both steps into a sub-plan that carries the `when`"
            )
            self.report_absent(reference.step, place, findings, hint)
            return ANY
        return _follow(found, reference, 2, place, findings)


def _follow(
    start: Shape, reference: Reference, begun: int, place: Place, findings: Findings
) -> Shape:
    """Return the shape that the parts of `reference` from `begun` on lead to."""
    here = start
    for at in range(begun, len(reference.parts)):
        if here.is_any:
            return ANY
        part = reference.parts[at]
        if here.may_be_null:
            so_far = _up_to(reference, at)
            message = f"'${{{so_far}}}' may be null; then '${{{reference}}}' leads nowhere"
            findings.warn(Code.MAY_BE_NULL, place, message, "read something that is always there")
        found = here.member(part)
        if found is None:
            _report_field(here, part, _up_to(reference, at), place, findings)
            return ANY
        if isinstance(part, str) and part not in here.required:
            so_far = _up_to(reference, at)
            message = f"'${{{so_far}}}' need not have {part!r}; if it is absent, the step fails"
            hint = "make it `required` in the schema, or read something that is"
            findings.warn(Code.MAY_BE_MISSING, place, message, hint)
        here = found
    return here


def _up_to(reference: Reference, end: int) -> Reference:
    return Reference(reference.root, reference.parts[:end])


def _report_field(
    here: Shape, part: str | int, so_far: Reference, place: Place, findings: Findings
) -> None:
    repair = NO_REPAIR
    if isinstance(part, str) and "object" in here.kinds:
        repair = findings.name_repair(part, here.fields)
        message = f"'${{{so_far}}}' has no {part!r}"
        known = ", ".join(list(here.fields)[:12])
        hint = repair.hint or f"it has: {known or 'nothing'}"
    else:
        message = f"'${{{so_far}}}' is {here.words}; {part!r} does not lead into it"
        hint = "end the reference there, or put the schema right"
    findings.error(Code.REFERENCE_FIELD, place, message, hint, repair)
