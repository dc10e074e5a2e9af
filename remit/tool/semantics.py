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
from remit.tool.words import MANY, inner

_CODE = re.compile(r"[A-Z]{3}")
_MAX_UNIT = 40
_SAME = frozenset({"if", "then", "else"}) | MANY
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
    definitions, members = schema.get("$defs"), schema.get("properties")
    for where, part in inner(schema):
        if where[0] == "properties" and isinstance(members, dict):
            yield part, where, members
        else:
            yield part, where, beside if where[0] in _SAME else {}
    for name, part in definitions.items() if isinstance(definitions, dict) else ():
        yield part, ("$defs", name), {}
