"""What a read-back may expect: held against the schemas of the arguments, the output and the read.

As in `remit.tool.places` the checks are one-sided: what they find could never agree.
"""

import re
from collections.abc import Iterator, Mapping

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic
from remit.tool.contract import ToolContract
from remit.tool.places import Where, finding, may_hold, schema_at, template_faults
from remit.tool.template import TemplateError, references
from remit.tool.validation import SchemaError, validator

CODE = "TOOL-READ-BACK-EXPECT"
_WHOLE = re.compile(r"\$\{[^}]*\}")
_KIND_OF = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
_ALL = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_HINT = "name what the read answers, in the type in which it does"
_MAX_DEPTH = 8
"""How deep the schemas of two objects are held against each other."""

Roots = Mapping[str, JSONObject | None]


def expect_faults(
    contract: ToolContract, expect: JSON, read: ToolContract, roots: Roots
) -> Iterator[Diagnostic]:
    """Yield what keeps `expect` from ever being found in the answers of `read`."""
    broken = list(template_faults(contract, ("read_back", "expect"), expect, roots))
    yield from broken
    if not broken:
        for way, message in _misfits(expect, (), read, roots):
            yield finding(contract, CODE, ("read_back", "expect", *way), message, _HINT)


def _misfits(
    expect: JSON, way: Where, read: ToolContract, roots: Roots
) -> Iterator[tuple[Where, str]]:
    target = schema_at(read.output_schema, way)
    if not may_hold(read.output_schema, way):
        yield way, f"{read.ref} declares nothing of that name in its answer"
    elif isinstance(expect, str) and _WHOLE.fullmatch(expect):
        (names,) = references(expect)
        source = schema_at(roots[str(names[0])] or {}, names[1:])
        for below, message in _unlike(source, target, _MAX_DEPTH):
            yield way, f"{expect!r} at {'/'.join(('', *below)) or '/'}: {read.ref} {message}"
    elif isinstance(expect, dict | list):
        kind = "object" if isinstance(expect, dict) else "array"
        if kind not in _kinds(target):
            yield way, f"{read.ref} answers no {kind} there"
        for name, part in expect.items() if isinstance(expect, dict) else enumerate(expect):
            yield from _misfits(part, (*way, name), read, roots)
    elif not _may_be(expect, target):
        yield way, f"{read.ref} never answers {expect!r} there"


def _may_be(value: JSON, schema: JSONObject) -> bool:
    """Say whether a scalar can be a value of `schema`; of a text with references, any text."""
    try:
        if isinstance(value, str) and any(True for _ in references(value)):
            return "string" in _kinds(schema)
        return not schema or validator(schema).is_valid(value)
    except (SchemaError, TemplateError):
        return True  # reported of the schema, or of the template, itself


def _unlike(
    source: JSONObject, target: JSONObject, depth: int
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield where no value of `source` is one of `target`."""
    shared = _kinds(source) & _kinds(target)
    if not shared:
        given, taken = (" or ".join(sorted(_kinds(each))) for each in (source, target))
        yield (), f"answers {taken} there, never {given}"
        return
    members = source.get("properties")
    if "object" not in shared or not isinstance(members, dict) or not depth:
        return
    for name, member in members.items():
        if not may_hold(target, (name,)):
            yield (name,), "declares nothing of that name"
        elif isinstance(member, dict):
            inner = schema_at(target, (name,))
            for below, message in _unlike(member, inner, depth - 1):
                yield (name, *below), message


def _kinds(schema: JSONObject) -> frozenset[str]:
    """Return the JSON types that a schema plainly allows; all of them when it does not say."""
    named = schema.get("type")
    listed = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(named, str | list):
        kinds = frozenset(str(each) for each in (named if isinstance(named, list) else [named]))
    elif isinstance(listed, list) and not any(isinstance(each, dict | list) for each in listed):
        kinds = frozenset(_KIND_OF[type(each)] for each in listed)
    else:
        return _ALL
    return kinds | {"integer"} if "number" in kinds else kinds
