"""Checking values against a tool's JSON Schemas (2020-12), quickly and without the network.

A schema is compiled once and kept. `$ref` to another document is refused when the schema is
compiled: nothing here reads a file or asks a server. Findings never repeat the value they are
about, so that they may be recorded and shown.
"""

import jsonschema_rs

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, pointer
from remit.tool.contract import ToolContract

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MAX_FINDINGS = 20
_MAX_KEPT = 16384

Validator = jsonschema_rs.Draft202012Validator
"""A compiled schema: `is_valid(value)` and `iter_errors(value)`."""

_kept: dict[int, tuple[JSONObject, Validator]] = {}


class SchemaError(ValueError):
    """The document is not a JSON Schema 2020-12 that stands by itself."""


def validator(schema: JSONObject) -> Validator:
    """Return the compiled form of `schema`, which must not be changed afterwards.

    Raises:
        SchemaError: it is not a JSON Schema 2020-12, or refers to another document.
    """
    held = _kept.get(id(schema))
    if held is not None:
        return held[1]
    made = _compile(schema)
    if len(_kept) >= _MAX_KEPT:
        _kept.clear()
    # Kept by identity, because a canonical form would cost more than the check itself. The schema
    # stands beside its compiled form, so that its id cannot pass to another object meanwhile.
    _kept[id(schema)] = (schema, made)
    return made


def check(schema: JSONObject, value: JSON, code: str) -> list[Diagnostic]:
    """Return what is wrong with `value` under `schema`, as findings with `code`; at most 20.

    Raises:
        SchemaError: `schema` is not one.
    """
    compiled = validator(schema)
    if compiled.is_valid(value):
        return []
    found: list[Diagnostic] = []
    for error in compiled.iter_errors(value):
        if len(found) == _MAX_FINDINGS:
            break
        found.append(
            Diagnostic(
                code=code,
                path=pointer(*error.instance_path),
                message=error.message[:500],
                hint=f"the schema says so at {pointer(*error.schema_path)}",
            )
        )
    return found


def check_input(contract: ToolContract, arguments: JSONObject) -> list[Diagnostic]:
    """Return what is wrong with `arguments`; paths point into them. Code `TOOL-INPUT`."""
    return check(contract.input_schema, arguments, "TOOL-INPUT")


def check_output(contract: ToolContract, output: JSON) -> list[Diagnostic]:
    """Return what is wrong with `output`; paths point into it. Code `TOOL-OUTPUT`."""
    return check(contract.output_schema, output, "TOOL-OUTPUT")


def _compile(schema: JSONObject) -> Validator:
    dialect = schema.get("$schema", _DIALECT)
    if not isinstance(dialect, str) or dialect.rstrip("#") != _DIALECT:
        raise SchemaError(f"the dialect {dialect!r} is not {_DIALECT!r}")
    try:
        return Validator(schema, validate_formats=True, offline=True, mask="the value")
    except ValueError as error:
        raise SchemaError(str(getattr(error, "message", error))[:300]) from error
