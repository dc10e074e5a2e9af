"""From any JSON to the models of the plan contract, with every fault of shape as a diagnostic.

Only shape is judged here; `remit.plan.contract` says what it is. Pydantic's own words never reach
the user unless they are about the user's own value.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Repair
from remit.plan import contract
from remit.plan.codes import Code
from remit.plan.contract import Plan, PlanReference
from remit.plan.findings import Findings, Place
from remit.plan.library import Library
from remit.plan.template import enter
from remit.tool.contract import Money
from remit.tool.places import object_with, schema_at

_MODELS: Mapping[str, type[BaseModel]] = {
    "": Plan,
    "provenance": contract.Provenance,
    "constraints": contract.Constraints,
    "cost": Money,
    "steps": contract.Step,
    "join": contract.Quorum,
    "for_each": contract.ForEach,
    "repeat": contract.Repeat,
    "compensate": contract.Compensate,
    "retry": contract.Retry,
    "approval": contract.Approval,
}
_PATTERN_HINTS = (
    (r"^P(\d+D)", "write an ISO 8601 duration, e.g. `PT30S` or `P1DT12H`"),
    (r"^[a-z][a-z0-9_]*(\.[a-z]", "write a tool as `domain.name@major`, e.g. `erp.place_order@1`"),
    (r"^[a-z][a-z0-9_]{0,63}$", "use lower-case letters, digits and `_`; begin with a letter"),
    (r"^[a-z][a-z0-9-]{0,63}@", "write it as `name@1.2.3`"),
    (r"^[a-z][a-z0-9-]{0,63}$", "use lower-case letters, digits and `-`; begin with a letter"),
    (r"^\d+\.\d+\.\d+$", "write a version as `1.2.3`"),
    (r"^[0-9a-f]{64}$", "write a SHA-256 as 64 lower-case hexadecimal digits"),
    (r"^[A-Z]{3}$", "write a currency as three capital letters, e.g. `EUR`"),
)
_VERSION: JSONObject = {"const": "remit.plan/v1"}
_VERSION_HINT = 'write `"schema": "remit.plan/v1"`'


def resolve_reference(document: JSON, library: Library, findings: Findings) -> JSON:
    """Return the plan that `{"plan": ref, "inputs": {…}}` stands for; other documents as they are.

    Inputs that are given replace those of the catalogued plan, name by name.
    """
    if not isinstance(document, dict) or "plan" not in document or "steps" in document:
        return document
    try:
        short = PlanReference.model_validate(document, strict=True)
    except ValidationError as error:
        _translate(error, document, findings, {"": PlanReference})
        return document
    found = library.find(short.plan)
    if found is None:
        message = f"no plan {short.plan!r} in the catalogue"
        repair = findings.name_repair(short.plan, library.refs)
        hint = repair.hint or "see `remit tools --plans`"
        findings.error(Code.UNKNOWN_PLAN, ("plan",), message, hint, repair)
        return document
    kept = found.get("inputs")
    inputs = {**(kept if isinstance(kept, dict) else {}), **short.inputs}
    return {**found, "inputs": inputs}


def read_plan(document: JSON, findings: Findings) -> Plan | None:
    """Return the plan, or `None` and findings."""
    if not isinstance(document, dict):
        message = f"a plan is a JSON object, not {_kind(document)}"
        findings.error(Code.SHAPE, (), message, "see `remit schema plan`")
        return None
    try:
        return Plan.model_validate(document, strict=True)
    except ValidationError as error:
        _translate(error, document, findings, _MODELS)
        return None


def _translate(
    error: ValidationError,
    document: JSONObject,
    findings: Findings,
    models: Mapping[str, type[BaseModel]],
) -> None:
    for fault in error.errors(include_url=False, include_input=False):
        if findings.is_full:
            return
        place = _place(fault["loc"], document)
        name = str(fault["loc"][-1])
        match fault["type"]:
            case "extra_forbidden":
                _unknown_field(place, name, findings, models)
            case "missing" if name == "schema":
                message = "the plan does not say which contract it follows"
                which = Repair(expected=object_with("schema", _VERSION))
                findings.error(Code.SCHEMA_VERSION, (), message, _VERSION_HINT, which)
            case "missing":
                message = f"the field {name!r} is missing"
                owner = _model_at((*place, name), models)
                lacking = Repair(expected=object_with(name, _schema_of(owner, name)))
                findings.error(Code.MISSING_FIELD, place, message, "add it", lacking)
            case "too_long" if place == ("steps",):
                message = f"more than {contract.MAX_STEPS} steps"
                hint = "use `for_each`, or sub-plans"
                findings.error(Code.TOO_MANY_STEPS, place, message, hint)
            case "literal_error" if place == ("schema",):
                message = f"{document['schema']!r} is not a contract that this version reads"
                which = Repair(expected=_VERSION)
                findings.error(Code.SCHEMA_VERSION, place, message[:300], _VERSION_HINT, which)
            case "literal_error" | "model_type" if place[-1:] == ("join",):
                message = 'join is `all`, `any` or `{"quorum": n}`'
                findings.error(Code.SHAPE, place, message)
            case _:
                hint = _hint(fault.get("ctx", {}))
                owner = _model_at(place, models)
                fitting = Repair(expected=_schema_of(owner, str(place[-1])) if place else {})
                findings.error(Code.SHAPE, place, fault["msg"][:300], hint, fitting)


def _place(loc: Sequence[int | str], document: JSON) -> Place:
    """Return the part of `loc` that stands in `document`: Pydantic adds names of union members."""
    place: list[int | str] = []
    here = document
    for part in loc:
        try:
            here = enter(here, part)
        except LookupError:
            continue
        place.append(part)
    return tuple(place)


def _unknown_field(
    place: Place,
    name: str,
    findings: Findings,
    models: Mapping[str, type[BaseModel]],
) -> None:
    model = _model_at(place, models)
    known = _names(model) if model is not None else []
    repair = findings.name_repair(name, known)
    hint = repair.hint or (f"known: {', '.join(known)}" if known else "remove it")
    message = f"there is no field {name[:100]!r} here"
    findings.error(Code.UNKNOWN_FIELD, place, message, hint, repair)


def _model_at(place: Place, models: Mapping[str, type[BaseModel]]) -> type[BaseModel] | None:
    """Return the model of the object whose member stands at `place`."""
    owner = next((part for part in reversed(place[:-1]) if isinstance(part, str)), "")
    return models.get(owner)


def _schema_of(model: type[BaseModel] | None, name: str) -> JSONObject:
    """Return the schema of one field; empty when there is none that stands by itself."""
    return {} if model is None else schema_at(_schema(model), (name,))


@cache
def _schema(model: type[BaseModel]) -> JSONObject:
    return model.model_json_schema()


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _hint(context: Mapping[str, Any]) -> str:
    pattern = str(context.get("pattern", ""))
    if not pattern:
        return ""
    for beginning, hint in _PATTERN_HINTS:
        if pattern.startswith(beginning):
            return hint
    return f"it must match {re.sub('[`]', '', pattern)}"


def _kind(value: JSON) -> str:
    names = {str: "a text", bool: "a boolean", list: "a list", type(None): "null"}
    return names.get(type(value), "a number")
