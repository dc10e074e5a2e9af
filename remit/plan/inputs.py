"""A plan's inputs: their schema, given or inferred, and what is known of their values."""

from dataclasses import dataclass
from functools import reduce
from itertools import islice

from remit.canonical import JSON, JSONObject
from remit.diagnostic import pointer
from remit.plan.codes import Code
from remit.plan.contract import Plan
from remit.plan.declared import KEYWORD, faults
from remit.plan.findings import Findings
from remit.plan.shape import Shape, of_schema, sharpened
from remit.tool.validation import SchemaError, validator

_MAX_FAULTS = 50
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the compiler knows of a plan's inputs."""

    schema: JSONObject
    shape: Shape
    values: JSONObject | None
    """The values; `None` for a sub-plan, whose caller gives them."""


def read_inputs(plan: Plan, findings: Findings, *, as_part: bool) -> Inputs:
    """Return the inputs of `plan`; report a bad schema, and values that it refuses.

    Without a schema one is inferred from the values. `as_part`: the values are examples.
    """
    schema = plan.inputs_schema
    if schema is None:
        schema = infer_schema(plan.inputs)
    elif not _is_sound(schema, findings):
        schema = {"type": "object"}
    shape = of_schema(schema)
    if as_part:
        return Inputs(schema, shape, None)
    if plan.inputs_schema is not None and not _is_valid(schema, plan.inputs, findings):
        return Inputs(schema, shape, plan.inputs)
    return Inputs(schema, sharpened(shape, plan.inputs), plan.inputs)


def infer_schema(value: JSON) -> JSONObject:
    """Return a JSON Schema that describes `value` and what looks like it."""
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {name: infer_schema(part) for name, part in value.items()},
            "required": [*sorted(value)],
            "additionalProperties": False,
        }
    if isinstance(value, list):
        items = reduce(_either, (infer_schema(part) for part in value)) if value else {}
        return {"type": "array", "items": items}
    # Nothing follows from null: it stands for whatever is not there yet.
    return {} if value is None else {"type": _TYPES[type(value)]}


def _either(one: JSONObject, other: JSONObject) -> JSONObject:
    """Return a schema that describes what either does."""
    if one == other:
        return one
    if one.get("type") != other.get("type") or "type" not in one:
        numbers = {"integer", "number"}
        return {"type": "number"} if {one.get("type"), other.get("type")} == numbers else {}
    if one["type"] == "array":
        return {"type": "array", "items": _either(_object(one["items"]), _object(other["items"]))}
    first, second = _object(one["properties"]), _object(other["properties"])
    required = set(_list(one["required"])) & set(_list(other["required"]))
    both = {
        name: _either(_object(first[name]), _object(second[name])) for name in first & second.keys()
    }
    return {**one, "properties": {**first, **second, **both}, "required": [*sorted(required)]}


def _object(value: JSON) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _list(value: JSON) -> list[str]:
    return [str(part) for part in value] if isinstance(value, list) else []


def _is_sound(schema: JSONObject, findings: Findings) -> bool:
    try:
        validator(schema)
    except SchemaError as error:
        message = f"`inputs_schema` is not a JSON Schema 2020-12 that stands by itself: {error}"
        hint = "put the schema right; `$ref` may lead to its own `$defs` only"
        findings.error(Code.INPUTS_SCHEMA, ("inputs_schema",), message, hint)
        return False
    if "object" not in of_schema(schema).kinds:
        message = "`inputs_schema` describes no object"
        findings.error(Code.INPUTS_SCHEMA, ("inputs_schema",), message, "write `type: object`")
        return False
    for place in faults(schema, ("inputs_schema",)):
        message = f"`{KEYWORD}` is no list of classes of data"
        hint = f"write `{KEYWORD}: [personal]`, with the names that contracts and policies use"
        findings.error(Code.INPUTS_SCHEMA, place, message, hint)
    return True


def _is_valid(schema: JSONObject, values: JSONObject, findings: Findings) -> bool:
    compiled = validator(schema)
    if compiled.is_valid(values):
        return True
    for error in islice(compiled.iter_errors(values), _MAX_FAULTS):
        hint = f"`inputs_schema` says so at {pointer(*error.schema_path)}"
        findings.error(Code.INPUTS, ("inputs", *error.instance_path), error.message[:300], hint)
    return False
