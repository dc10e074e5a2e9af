"""Pointers and references of a tool contract, held against the schemas of what they point into.

The checks are one-sided: what they find is wrong; what they pass may still be absent at run time.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, pointer
from remit.tool.contract import ToolContract
from remit.tool.pointer import PointerError, split
from remit.tool.template import TemplateError, references

Where = tuple[str | int, ...]
"""Path of a field inside a contract."""

_OPENING = ("patternProperties", "$ref", "allOf", "anyOf", "oneOf", "if")


def finding(contract: ToolContract, code: str, where: Where, message: str, hint: str) -> Diagnostic:
    """Return a finding about a field of `contract`; its path begins with `name@major`."""
    return Diagnostic(
        code=code,
        path=pointer(contract.ref, *where),
        message=f"{contract.ref}: {message}",
        hint=hint,
    )


def pointer_faults(
    contract: ToolContract, where: Where, place: str, schema: JSONObject
) -> Iterator[Diagnostic]:
    """Yield what is wrong with a JSON pointer into values of `schema`. Code `TOOL-POINTER`."""
    try:
        names = split(place)
    except PointerError as error:
        yield finding(contract, "TOOL-POINTER", where, str(error), "write `/name/name`")
        return
    if not may_hold(schema, names):
        message = f"{place!r} leads to nothing that the schema declares"
        yield finding(contract, "TOOL-POINTER", where, message, "name a property of the schema")


def template_faults(
    contract: ToolContract,
    where: Where,
    template: JSON,
    roots: Mapping[str, JSONObject | None],
) -> Iterator[Diagnostic]:
    """Yield what is wrong with an argument template. Code `TOOL-TEMPLATE`.

    `roots` are the names it may begin with, each with the schema of its value if that is known.
    """
    try:
        found = list(references(template))
    except TemplateError as error:
        yield finding(contract, "TOOL-TEMPLATE", where, str(error), "write `${args.name}`")
        return
    for names in found:
        root, way = str(names[0]), names[1:]
        if root not in roots:
            message, hint = f"nothing is called {root!r} here", f"known: {', '.join(roots)}"
            yield finding(contract, "TOOL-TEMPLATE", where, message, hint)
            continue
        schema = roots[root]
        if schema is not None and not may_hold(schema, way):
            shown = ".".join(str(name) for name in names)
            message = f"'${{{shown}}}' leads to nothing that the schema declares"
            yield finding(contract, "TOOL-TEMPLATE", where, message, "name a property of it")


def may_hold(schema: JSON, names: Sequence[str | int]) -> bool:
    """Say whether a value of `schema` can have something at `names`, as far as is plain to see."""
    for name in names:
        if not isinstance(schema, dict) or "properties" not in schema or isinstance(name, int):
            return True
        properties = schema["properties"]
        if not isinstance(properties, dict) or name not in properties:
            return _is_open(schema)
        schema = properties[name]
    return True


def _is_open(schema: JSONObject) -> bool:
    """Say whether undeclared members are meant to be there, not merely not forbidden."""
    more = schema.get("additionalProperties", False)
    return more is not False or any(word in schema for word in _OPENING)


def schema_at(schema: JSONObject, way: Where) -> JSONObject:
    """Return the schema of what `way` leads to in a value of `schema`; empty when none says so.

    Only what stands by itself is returned: a part that refers elsewhere cannot be read alone.
    """
    here: JSON = schema
    for name in way:
        if not isinstance(here, dict):
            return {}
        if isinstance(name, int):
            here = here.get("items")
            continue
        members = here.get("properties")
        here = members.get(name) if isinstance(members, dict) else None
    if not isinstance(here, dict) or '"$ref"' in json.dumps(here):
        return {}
    return here


def object_with(name: str, member: JSONObject) -> JSONObject:
    """Return the schema of an object that has `name`."""
    return {"type": "object", "required": [name], "properties": {name: member}}
