"""What a contract says of the meaning of its numbers, beside their type.

    x-unit: seconds            what a number counts; compared letter by letter
    x-currency: EUR            the currency of an amount, an ISO 4217 code
    x-currency: currency       the member of the same object that holds the currency

JSON Schema passes over both. The compiler holds a producer's against a consumer's.
"""

import re
from collections.abc import Iterator

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic
from remit.tool.contract import ToolContract
from remit.tool.places import Where, finding

_CODE = re.compile(r"[A-Z]{3}")
_MAX_UNIT = 40
_BY_NAME = {"properties", "$defs", "patternProperties", "dependentSchemas"}
_LISTS = {"allOf", "anyOf", "oneOf", "prefixItems"}
_ONE = {"items", "additionalProperties", "if", "then", "else", "contains"}
_SAME = ("if", "then", "else")
"""These speak of the same value, and so of the same object."""


def semantic_faults(contract: ToolContract) -> Iterator[Diagnostic]:
    """Yield units and currencies that say nothing. Code `TOOL-SEMANTICS`."""
    schemas = (("input_schema", contract.input_schema), ("output_schema", contract.output_schema))
    for field, schema in schemas:
        for where, message in _faults(schema, (field,), {}):
            hint = "`x-unit: seconds`, `x-currency: EUR`, or the name of the member that says it"
            yield finding(contract, "TOOL-SEMANTICS", where, message, hint)


def _faults(schema: JSON, where: Where, beside: JSONObject) -> Iterator[tuple[Where, str]]:
    """Yield what is wrong in `schema`; `beside` are the members of the object that it is in."""
    if not isinstance(schema, dict):
        return
    unit, said = schema.get("x-unit", "-"), schema.get("x-currency", "XXX")
    if not isinstance(unit, str) or not unit.strip() or len(unit) > _MAX_UNIT:
        yield (*where, "x-unit"), f"a unit is a text of at most {_MAX_UNIT} characters"
    if not isinstance(said, str) or not (_CODE.fullmatch(said) or said in beside):
        message = f"{str(said)[:40]!r} is neither a currency's code nor a member beside it"
        yield (*where, "x-currency"), message
    for part, place, siblings in _parts(schema, beside):
        yield from _faults(part, (*where, *place), siblings)


def _parts(schema: JSONObject, beside: JSONObject) -> Iterator[tuple[JSON, Where, JSONObject]]:
    """Yield the schemas inside a schema, each with its place and the members beside it."""
    for word in _BY_NAME & schema.keys():
        members = schema[word]
        for name, part in (members if isinstance(members, dict) else {}).items():
            held = members if word == "properties" and isinstance(members, dict) else {}
            yield part, (word, name), held
    for word in _LISTS & schema.keys():
        listed = schema[word]
        for at, part in enumerate(listed if isinstance(listed, list) else []):
            yield part, (word, at), beside
    for word in _ONE & schema.keys():
        yield schema[word], (word,), beside if word in _SAME else {}
