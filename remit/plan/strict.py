"""The plan's schema in the part of JSON Schema that structured-output APIs take, and the way back.

There every object is closed and lists all of its members as required, and nothing is free-form. So:

- a member that a plan may leave out may be `null`, and a `null` is dropped on the way back;
- an object of any members (`args`, `inputs`, `outputs`, `inputs_schema`) is text that holds JSON;
- a value of any kind (`for_each.items`) is text that holds JSON, or else is the value itself;
- patterns, lengths and defaults are left out: the compiler judges them as ever.

What comes back is any JSON, as from anybody: it is compiled, and gives a plan or diagnostics.
"""

import json
from collections.abc import Mapping
from typing import Any

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic
from remit.plan.codes import Code
from remit.plan.findings import Findings, Place
from remit.plan.publish import plan_schema
from remit.tool.document import DocumentError, parse_json

Schema = Mapping[str, Any]
_KEPT = ("type", "enum", "const", "description")
_TEXT: JSONObject = {"type": "string"}
_NULL: JSONObject = {"type": "null"}
_ANY = "#/$defs/JsonValue"
_FREE = "A JSON object, written as text."
_VALUE = "A JSON value, written as text."


def strict_schema() -> JSONObject:
    """Return the strict form of the plan's schema."""
    whole: Schema = plan_schema()
    definitions = {name: part for name, part in whole["$defs"].items() if name != "JsonValue"}
    return {**_strict(whole), "$defs": {name: _strict(one) for name, one in definitions.items()}}


def from_strict(document: JSON) -> tuple[JSON, tuple[Diagnostic, ...]]:
    """Return the plan that a strict document stands for, and what could not be read of it.

    Args:
        document: any JSON; whatever is not of the strict form is left for the compiler to judge.
    """
    whole = plan_schema()
    reader = _Reader(whole)
    return reader.read(document, whole, ()), reader.findings.errors


def to_strict(plan: JSON) -> JSON:
    """Return the strict form of a plan: what `from_strict` gives back."""
    whole = plan_schema()
    return _Writer(whole).write(plan, whole)


def _strict(schema: Any) -> JSONObject:
    if "$ref" in schema:
        if schema["$ref"] == _ANY:
            return {**_TEXT, "description": _VALUE}
        return {"$ref": schema["$ref"]}
    if "anyOf" in schema:
        return {"anyOf": [_strict(one) for one in schema["anyOf"]], **_described(schema)}
    if _is_free(schema):
        said = " ".join(part for part in (schema.get("description"), _FREE) if part)
        return {**_TEXT, "description": said}
    made: JSONObject = {name: schema[name] for name in _KEPT if name in schema}
    if "const" in made:
        made = {"type": "string", "enum": [made["const"]], **_described(schema)}
    if "properties" in schema:
        required = schema.get("required", [])
        members: JSONObject = {
            name: _strict(part) if name in required else _nullable(_strict(part))
            for name, part in schema["properties"].items()
        }
        made |= {
            "properties": members,
            "required": list(members),
            "additionalProperties": False,
        }
    if "items" in schema:
        made["items"] = _strict(schema["items"])
    return made


def _nullable(schema: JSONObject) -> JSONObject:
    branches = schema.get("anyOf")
    if isinstance(branches, list):
        return schema if _NULL in branches else {**schema, "anyOf": [*branches, _NULL]}
    said = _described(schema)
    bare = {name: part for name, part in schema.items() if name != "description"}
    return {"anyOf": [bare, _NULL], **said}


def _described(schema: Schema) -> JSONObject:
    return {"description": schema["description"]} if "description" in schema else {}


def _is_free(schema: Schema) -> bool:
    """Say whether a schema is of objects whose members it does not name."""
    is_object = schema.get("type") == "object" and "properties" not in schema
    return is_object and schema.get("additionalProperties") is not False


class _Walk:
    """Finds the schema that a value is of."""

    def __init__(self, whole: Schema) -> None:
        self._definitions: Schema = whole["$defs"]

    def resolved(self, schema: Schema, value: JSON) -> Schema | None:
        """Return what says something of `value`; `None` where any JSON may stand."""
        if schema.get("$ref") == _ANY:
            return None
        if "$ref" in schema:
            found: Schema = self._definitions[schema["$ref"].rpartition("/")[2]]
            return found
        for branch in schema.get("anyOf", ()):
            there = self.resolved(branch, value)
            if there is None or _kind(value) in _kinds(there):
                return there
        return schema


def _kinds(schema: Schema) -> tuple[str, ...]:
    # A free object may stand there as itself, or as text that holds it.
    kind = str(schema.get("type", ""))
    return (kind, "string") if _is_free(schema) else (kind,)


def _kind(value: JSON) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


class _Reader(_Walk):
    """Reads strict documents."""

    def __init__(self, whole: Schema) -> None:
        super().__init__(whole)
        self.findings = Findings()

    def read(self, value: JSON, schema: Schema, place: Place) -> JSON:
        """Return what `value` stands for."""
        there = self.resolved(schema, value)
        if there is None:
            return _value_of(value)
        if _is_free(there):
            return self._object_of(value, place)
        if isinstance(value, list):
            items = there.get("items", {"$ref": _ANY})
            return [self.read(part, items, (*place, at)) for at, part in enumerate(value)]
        if not isinstance(value, dict):
            return value
        members = there.get("properties", {})
        return {
            name: self.read(part, members[name], (*place, name)) if name in members else part
            for name, part in value.items()
            if part is not None
        }

    def _object_of(self, value: JSON, place: Place) -> JSON:
        if not isinstance(value, str):
            return value
        try:
            return parse_json(value)
        except DocumentError as error:
            message = f"the text holds no JSON object: {error}"[:300]
            hint = 'write e.g. "{\\"name\\": \\"value\\"}"'
            self.findings.error(Code.NOT_JSON, place, message, hint)
            return {}


def _value_of(value: JSON) -> JSON:
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value)
    except DocumentError:
        return value


class _Writer(_Walk):
    """Writes strict documents."""

    def write(self, value: JSON, schema: Schema) -> JSON:
        """Return the strict form of `value`."""
        there = self.resolved(schema, value)
        if there is None or _is_free(there):
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, list):
            return [self.write(part, there.get("items", {"$ref": _ANY})) for part in value]
        if not isinstance(value, dict) or "properties" not in there:
            return value
        members = there["properties"]
        return {
            name: self.write(value[name], part) if name in value else None
            for name, part in members.items()
        }
