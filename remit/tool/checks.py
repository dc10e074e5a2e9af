"""What must hold of a tool contract beyond its shape, alone and beside the others.

`faults` keep a catalogue from being made; `warnings` are shown. Each finding has a stable code, a
path that begins with the tool's `name@major`, and says what to do.
"""

from collections.abc import Iterator, Mapping

from remit.canonical import JSONObject
from remit.diagnostic import Diagnostic
from remit.tool.contract import Idempotency, Operation, Probe, ToolContract
from remit.tool.expected_checks import expect_faults
from remit.tool.http_checks import http_faults, http_warnings
from remit.tool.human import HumanKind
from remit.tool.human_checks import human_faults
from remit.tool.kinds import HttpKind
from remit.tool.language_model import ModelKind
from remit.tool.language_model_checks import model_faults
from remit.tool.mcp import McpKind
from remit.tool.mcp_checks import mcp_faults
from remit.tool.places import finding, pointer_faults, template_faults
from remit.tool.quality_checks import quality_faults
from remit.tool.reach import destination_faults
from remit.tool.semantics import semantic_faults
from remit.tool.sql import SqlKind
from remit.tool.sql_checks import sql_faults, sql_warnings
from remit.tool.validation import SchemaError, validator

ByRef = Mapping[str, ToolContract]


def faults(contract: ToolContract, by_ref: ByRef) -> Iterator[Diagnostic]:
    """Yield everything that is wrong with `contract` among its neighbours."""
    for text, field in ((contract.owner, "owner"), (contract.description, "description")):
        if not text.strip():
            yield finding(contract, "TOOL-BLANK", (field,), f"{field} is blank", "fill it in")
    yield from _schema_faults(contract)
    yield from _undo_faults(contract, by_ref)
    yield from _probe_faults(contract, by_ref)
    yield from _cost_faults(contract)
    yield from semantic_faults(contract)
    yield from _upcast_faults(contract)
    yield from quality_faults(contract)
    for place in contract.resource:
        yield from pointer_faults(contract, ("resource",), place, contract.input_schema)
    for field, message, hint in destination_faults(contract.destinations, contract.private):
        yield finding(contract, "TOOL-DESTINATION", (field,), message, hint)
    if isinstance(contract.call, HttpKind):
        yield from http_faults(contract, contract.call)
    elif isinstance(contract.call, McpKind):
        yield from mcp_faults(contract, contract.call)
    elif isinstance(contract.call, ModelKind):
        yield from model_faults(contract, contract.call)
    elif isinstance(contract.call, SqlKind):
        yield from sql_faults(contract, contract.call)
    elif isinstance(contract.call, HumanKind):
        yield from human_faults(contract, contract.call)


def warnings(contract: ToolContract, by_ref: ByRef) -> Iterator[Diagnostic]:
    """Yield what is allowed but worth a look."""
    if isinstance(contract.call, SqlKind):
        yield from sql_warnings(contract, contract.call)
    has_undo = contract.compensation is not None
    if not contract.operation.has_effect:
        if has_undo:
            message = "a read has nothing to undo"
            yield finding(contract, "TOOL-READ-UNDO", ("compensation",), message, "drop it")
        return
    if has_undo and contract.irreversible:
        message = "it says `irreversible` and names a compensation"
        yield finding(contract, "TOOL-UNDO-BOTH", ("irreversible",), message, "keep one of the two")
    if not has_undo and not contract.irreversible and not _undoes(contract, by_ref):
        yield finding(
            contract,
            "TOOL-NO-UNDO",
            ("compensation",),
            "it has an effect, and neither a compensation nor `irreversible: true`",
            "every step that calls it must bring a compensation or say `irreversible`",
        )
    if isinstance(contract.call, HttpKind):
        yield from http_warnings(contract, contract.call)


def _undoes(contract: ToolContract, by_ref: ByRef) -> bool:
    """Say whether some tool names `contract` as its compensation."""
    undos = (other.compensation for other in by_ref.values())
    return any(undo is not None and undo.tool == contract.ref for undo in undos)


def _schema_faults(contract: ToolContract) -> Iterator[Diagnostic]:
    pairs = (("input_schema", contract.input_schema), ("output_schema", contract.output_schema))
    for field, schema in pairs:
        code = f"TOOL-{field.replace('_', '-').upper()}"
        try:
            validator(schema)
        except SchemaError as error:
            message = f"not a JSON Schema 2020-12 that stands by itself: {error}"
            yield finding(contract, code, (field,), message, "put the schema right")
    if contract.input_schema.get("type") != "object":
        where = ("input_schema", "type")
        hint = "write `type: object` with `properties`"
        yield finding(contract, "TOOL-INPUT-SCHEMA", where, "arguments are an object", hint)


def _undo_faults(contract: ToolContract, by_ref: ByRef) -> Iterator[Diagnostic]:
    undo = contract.compensation
    if undo is None:
        return
    if undo.tool not in by_ref:
        yield _unknown(contract, "TOOL-UNKNOWN-COMPENSATION", "compensation", undo.tool)
    roots = {"output": contract.output_schema, "args": contract.input_schema}
    yield from template_faults(contract, ("compensation", "args"), undo.args, roots)


def _probe_faults(contract: ToolContract, by_ref: ByRef) -> Iterator[Diagnostic]:
    if contract.idempotency is Idempotency.PROBE and contract.probe is None:
        message = "idempotency `probe` needs a probe"
        hint = "name the read tool that tells whether the call happened"
        yield finding(contract, "TOOL-PROBE-MISSING", ("probe",), message, hint)
    roots: dict[str, JSONObject | None] = {"args": contract.input_schema, "step_key": None}
    if contract.probe is not None:
        yield from _reader_faults(contract, "probe", contract.probe, by_ref, roots)
    if contract.read_back is not None:
        roots["output"] = contract.output_schema
        yield from _reader_faults(contract, "read_back", contract.read_back, by_ref, roots)
        read = by_ref.get(contract.read_back.tool)
        if contract.read_back.expect is not None and read is not None:
            yield from expect_faults(contract, contract.read_back.expect, read, roots)


def _reader_faults(
    contract: ToolContract,
    field: str,
    reader: Probe,
    by_ref: ByRef,
    roots: Mapping[str, JSONObject | None],
) -> Iterator[Diagnostic]:
    code = field.replace("_", "-").upper()
    other = by_ref.get(reader.tool)
    if other is None:
        yield _unknown(contract, f"TOOL-UNKNOWN-{code}", field, reader.tool)
    elif other.operation.has_effect:
        message, hint = f"{reader.tool!r} has an effect", "name a tool with `operation: read`"
        yield finding(contract, f"TOOL-{code}-NOT-READ", (field, "tool"), message, hint)
    yield from template_faults(contract, (field, "args"), reader.args, roots)


def _cost_faults(contract: ToolContract) -> Iterator[Diagnostic]:
    cost = contract.cost
    if contract.operation is Operation.SPEND and not (cost.estimate or cost.micros_argument):
        message = "a `spend` tool must say what a call costs"
        hint = "give `cost.estimate`, or `cost.micros_argument` with a JSON pointer"
        yield finding(contract, "TOOL-COST-MISSING", ("cost",), message, hint)
    places = (
        ("micros_argument", cost.micros_argument, contract.input_schema),
        ("currency_argument", cost.currency_argument, contract.input_schema),
        ("actual_output", cost.actual_output, contract.output_schema),
    )
    for field, place, schema in places:
        if place is not None:
            yield from pointer_faults(contract, ("cost", field), place, schema)


def _upcast_faults(contract: ToolContract) -> Iterator[Diagnostic]:
    cast = contract.upcast
    if cast is None:
        return
    if cast.major >= int(contract.version.split(".", 1)[0]):
        message = f"it takes over major {cast.major}, which is no earlier one"
        yield finding(contract, "TOOL-UPCAST", ("upcast", "major"), message, "name an earlier one")
    yield from template_faults(contract, ("upcast", "args"), cast.args, {"args": None})


def _unknown(contract: ToolContract, code: str, field: str, ref: str) -> Diagnostic:
    message = f"{ref!r} is not in the catalogue"
    return finding(contract, code, (field, "tool"), message, "add its contract")
