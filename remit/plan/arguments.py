"""Checking argument templates against the schemas of what they are given to, before the run.

What stands in the plan (literals, and references to inputs that are known) is validated exactly.
What only the run will tell is compared by shape: what surely cannot fit is an error.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Repair, pointer
from remit.plan.codes import Code
from remit.plan.findings import Findings, Place
from remit.plan.fitting import Misfit, misfits
from remit.plan.scope import Scope
from remit.plan.shape import ANY, STRING, Shape, array, members, of_value
from remit.plan.template import (
    Reference,
    ReferenceSyntaxError,
    TemplateError,
    pieces,
    references,
    resolve,
)
from remit.tool.places import object_with, schema_at
from remit.tool.validation import SchemaError, validator

_IF_SO = "if so, the step fails before anything is called"
_STRUCTURAL = ("required", "additionalProperties", "unevaluatedProperties")
_SYNTAX_HINT = (
    "`${…}` holds `inputs.x`, `steps.<id>.output.x` or a loop variable, with `.name`, `[0]` or"
    ' `["name"]`; conditions stand in `when`, `require` and `ensure`; `$${` writes `${`'
)


@dataclass(frozen=True, slots=True)
class Target:
    """What arguments are given to."""

    name: str
    """For messages: a tool or a plan."""
    schema: JSONObject
    shape: Shape


class Arguments:
    """Checks the templates of one plan."""

    def __init__(self, findings: Findings, inputs: JSONObject | None) -> None:
        self._findings = findings
        self._inputs = inputs
        """The plan's inputs; `None` when only the run will tell them."""

    def shape(self, template: JSON, scope: Scope, place: Place) -> Shape:
        """Return the shape of what `template` will be; report references that lead nowhere."""
        if isinstance(template, str):
            return self._text_shape(template, scope, place)
        if isinstance(template, list):
            parts = enumerate(template)
            return array(self.shape(part, scope, (*place, at)) for at, part in parts)
        if isinstance(template, dict):
            return members(dict(self._members(template, scope, place)))
        return of_value(template)

    def check(self, template: JSONObject, target: Target, scope: Scope, place: Place) -> None:
        """Report whatever keeps `template` from being the arguments of `target`."""
        known = {name: part for name, part in template.items() if self.is_known(part)}
        shape = self._told(self.shape(template, scope, place), known, target.shape)
        judged = self._validate(known, target, place, is_complete=len(known) == len(template))
        for misfit in misfits(shape, target.shape, (), written=True):
            if misfit.code is Code.ARGUMENT_TYPE and misfit.path[:1] in judged:
                continue  # the validator has said it, and better
            message = f"{target.name}: {misfit.message}"
            where = (*place, *misfit.path)
            if misfit.is_warning:
                self._findings.warn(misfit.code, where, message, _IF_SO)
            else:
                repair = self._repair(misfit, target)
                hint = _hint(misfit, target, repair)
                self._findings.error(misfit.code, where, message, hint, repair)

    def _told(self, shape: Shape, known: JSONObject, target: Shape) -> Shape:
        """Return the arguments' shape with the value of each that says a currency of another."""
        told: dict[str, Shape] = {}
        for amount in target.fields.values():
            name = amount.currency_member
            if name in known:
                with suppress(TemplateError):
                    told[name] = of_value(self.value(known[name]))
        return replace(shape, fields={**shape.fields, **told}) if told else shape

    def is_known(self, template: JSON) -> bool:
        """Say whether `value` can tell what `template` will be."""
        try:
            roots = {reference.root for reference in references(template)}
        except ReferenceSyntaxError:
            return False
        return not roots or (roots == {"inputs"} and self._inputs is not None)

    def value(self, template: JSON) -> JSON:
        """Return what a known `template` will be.

        Raises:
            TemplateError: a reference leads nowhere.
        """
        return resolve(template, {"inputs": self._inputs or {}})

    def _members(
        self, template: JSONObject, scope: Scope, place: Place
    ) -> Iterator[tuple[str, Shape]]:
        for name, part in template.items():
            if "${" in name:
                message = f"the name {name[:80]!r} holds `${{`; only values are templates"
                hint = "write the name out"
                self._findings.error(Code.REFERENCE_SYNTAX, place, message, hint)
            yield name, self.shape(part, scope, (*place, name))

    def _text_shape(self, text: str, scope: Scope, place: Place) -> Shape:
        try:
            found = pieces(text)
        except ReferenceSyntaxError as error:
            self._findings.error(Code.REFERENCE_SYNTAX, place, str(error), _SYNTAX_HINT)
            return ANY
        if len(found) == 1:
            (piece,) = found
            return (
                of_value(piece)
                if isinstance(piece, str)
                else scope.reach(piece, place, self._findings)
            )
        for piece in found:
            if isinstance(piece, Reference):
                self._check_text(piece, scope, place)
        return STRING if found else of_value("")

    def _check_text(self, reference: Reference, scope: Scope, place: Place) -> None:
        shape = scope.reach(reference, place, self._findings)
        if shape.is_any:
            return
        if shape.kinds <= {"object", "array", "null"}:
            message = f"'${{{reference}}}' is {shape.words}, and stands inside a text"
            hint = "refer to a text, a number or a boolean inside it"
            self._findings.error(Code.REFERENCE_TEXT, place, message, hint)
        elif shape.may_be_null:
            message = f"'${{{reference}}}' may be null, and stands inside a text"
            self._findings.warn(Code.MAY_BE_NULL, place, message, "then the step fails")

    def _validate(
        self, known: JSONObject, target: Target, place: Place, *, is_complete: bool
    ) -> set[Place]:
        """Validate the known arguments, and return which of them are reported.

        Without the others, a condition over several arguments cannot be judged.
        """
        judged = set[Place]()
        if not known and not is_complete:
            return judged  # an empty object says nothing about its members
        try:
            values = {name: self.value(part) for name, part in known.items()}
            compiled = validator(target.schema)
        except (TemplateError, SchemaError):
            return judged  # reported where it stands
        if compiled.is_valid(values):
            return judged
        for error in compiled.iter_errors(values):
            if not is_complete and list(error.schema_path[:1]) != ["properties"]:
                continue
            is_structural = bool(error.schema_path) and error.schema_path[-1] in _STRUCTURAL
            if is_structural and len(error.instance_path) == 0:
                continue  # reported by shape
            is_type = bool(error.schema_path) and error.schema_path[-1] == "type"
            code = Code.ARGUMENT_TYPE if is_type else Code.ARGUMENT_VALUE
            message = f"{target.name}: {error.message[:300]}"
            hint = f"its schema says so at {pointer(*error.schema_path)}"
            expected = schema_at(target.schema, (*error.instance_path,))
            where = (*place, *error.instance_path)
            self._findings.error(code, where, message, hint, Repair(expected=expected))
            judged.add((*error.instance_path[:1],))
        return judged

    def _repair(self, misfit: Misfit, target: Target) -> Repair:
        if misfit.code is Code.ARGUMENT_UNKNOWN:
            return self._findings.name_repair(str(misfit.path[-1]), misfit.known)
        there = schema_at(target.schema, misfit.path)
        if misfit.code is not Code.ARGUMENT_MISSING:
            return Repair(expected=there)
        (name,) = misfit.known
        member = schema_at(there, (name,))
        return Repair(expected=object_with(name, member))


def _hint(misfit: Misfit, target: Target, repair: Repair) -> str:
    match misfit.code:
        case Code.ARGUMENT_MISSING:
            return "give it in `args`"
        case Code.ARGUMENT_UNKNOWN:
            known = ", ".join(misfit.known[:12])
            return repair.hint or f"known: {known or 'nothing'}"
        case Code.ARGUMENT_UNIT | Code.ARGUMENT_CURRENCY:
            return "let a tool convert it, or take it from another"
    return f"see the schema of {target.name}"
