"""What must hold of an `http` tool: where it goes, what it sends, how it is repeated."""

from collections.abc import Iterator

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic
from remit.tool.address import Address, AddressError
from remit.tool.artifact import Artifact
from remit.tool.contract import Idempotency, ToolContract
from remit.tool.kinds import FORM_TYPE, HttpKind
from remit.tool.outside_checks import header_faults, host_faults, text_faults
from remit.tool.places import finding, may_hold, pointer_faults, template_faults
from remit.tool.pointer import PointerError, split
from remit.tool.template import references
from remit.tool.validation import SchemaError, check

_GONE = (404, 410)
RESERVED_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade"}
    | {"accept-encoding", "te", "trailer", "expect", "proxy-authorization"}
)
"""Headers that the adapter sets itself, or that change what a request is."""


def http_faults(contract: ToolContract, call: HttpKind) -> Iterator[Diagnostic]:
    """Yield everything that is wrong with the `http` part of `contract`."""
    yield from _address_faults(contract, call)
    for name, place in call.query.items():
        yield from pointer_faults(contract, ("call", "query", name), place, contract.input_schema)
    for name, place in call.header_arguments.items():
        where = ("call", "header_arguments", name)
        yield from pointer_faults(contract, where, place, contract.input_schema)
    for name in call.query_styles.keys() - call.query.keys():
        where = ("call", "query_styles", name)
        message = f"there is no query parameter {name!r} to be written so"
        yield finding(contract, "TOOL-POINTER", where, message, "name it under `query`, or drop it")
    if call.body_styles and call.media_type != FORM_TYPE:
        message = "only the members of a form are written in a style"
        hint = f"write `media_type: {FORM_TYPE}`, or drop it"
        yield finding(contract, "TOOL-POINTER", ("call", "body_styles"), message, hint)
    if call.body not in (None, "*"):
        roots: dict[str, JSONObject | None] = {"args": contract.input_schema, "step_key": None}
        yield from template_faults(contract, ("call", "body"), call.body, roots)
    try:
        split(call.output)
    except PointerError as error:
        yield finding(contract, "TOOL-POINTER", ("call", "output"), str(error), "write `/data`")
    yield from _artifact_faults(contract, call)
    yield from _header_faults(contract, call)
    yield from _key_faults(contract, call)
    yield from _status_faults(contract, call)


def http_warnings(contract: ToolContract, call: HttpKind) -> Iterator[Diagnostic]:
    """Yield what is allowed there but worth a look."""
    gone = [status for status in _GONE if status in call.refused and status not in call.already]
    if call.method == "DELETE" and contract.idempotency is Idempotency.NATURAL and gone:
        message = f"a repeated deletion that finds nothing ({gone[0]}) counts as refused"
        hint = f"write `already: {gone}` when that says that it was deleted before"
        yield finding(contract, "TOOL-ALREADY", ("call", "already"), message, hint)


def _address_faults(contract: ToolContract, call: HttpKind) -> Iterator[Diagnostic]:
    where = ("call", "url")
    try:
        address = Address.parse(call.base + call.url)
    except AddressError as error:
        hint = "query parameters have a table of their own: `query`"
        yield finding(contract, "TOOL-URL", where, str(error), hint)
        return
    yield from host_faults(contract, where, address)
    for name in address.arguments:
        if not may_hold(contract.input_schema, (name,)):
            message = f"the URL takes an argument {name!r} that the input schema does not declare"
            yield finding(contract, "TOOL-URL", where, message, "declare it, and require it")
        elif not _is_required(contract.input_schema, name):
            message = f"the URL takes the argument {name!r}, which may be absent"
            yield finding(contract, "TOOL-URL", where, message, "put it under `required`")


def _artifact_faults(contract: ToolContract, call: HttpKind) -> Iterator[Diagnostic]:
    code = "TOOL-ARTIFACT"
    if call.artifact is not None:
        where = ("call", "artifact")
        if call.output or call.already:
            message = "an answer that is an artifact has no part, and no `already`"
            yield finding(contract, code, where, message, "drop `output` and `already`")
        media = call.artifact.media_types[0].replace("/*", "/x")
        sample: JSON = {"artifact": Artifact("sha256:" + "0" * 64, 0, media).json()}
        if not _takes(contract.output_schema, sample):
            message = "the output is `{artifact: {digest, bytes, media_type}}`"
            hint = "let `output_schema` take that, see docs/artifacts.md"
            yield finding(contract, code, ("output_schema",), message, hint)
    if call.upload is None:
        return
    where = ("call", "upload")
    if call.body is not None or call.method in ("GET", "DELETE"):
        message = "a request with an artifact as its body has no other, and is no GET or DELETE"
        yield finding(contract, code, where, message, "drop `body`, or choose another method")
    place = call.upload.argument
    yield from pointer_faults(contract, (*where, "argument"), place, contract.input_schema)


def _header_faults(contract: ToolContract, call: HttpKind) -> Iterator[Diagnostic]:
    names = [
        *call.headers,
        *call.header_arguments,
        *([call.idempotency_header] if call.idempotency_header else []),
    ]
    for name in names:
        is_taken = name.lower() in RESERVED_HEADERS
        yield from header_faults(contract, ("call", "headers", name), name, is_taken=is_taken)
    for name, value in call.headers.items():
        yield from text_faults(contract, ("call", "headers", name), value)
    if len({name.lower() for name in names}) < len(names):
        message = "a header stands twice"
        yield finding(contract, "TOOL-HEADER", ("call", "headers"), message, "keep one of each")


def _key_faults(contract: ToolContract, call: HttpKind) -> Iterator[Diagnostic]:
    if contract.idempotency is not Idempotency.KEY or not contract.operation.has_effect:
        return
    if call.idempotency_header is None and not _mentions_key(call):
        message = "idempotency `key`, but the step key is sent nowhere"
        hint = "set `idempotency_header`, or use `${step_key}` in the body"
        yield finding(contract, "TOOL-KEY-UNUSED", ("call",), message, hint)


def _mentions_key(call: HttpKind) -> bool:
    if call.body in (None, "*"):
        return False
    try:
        return ("step_key",) in list(references(call.body))
    except ValueError:
        return False


def _status_faults(contract: ToolContract, call: HttpKind) -> Iterator[Diagnostic]:
    listed = (("refused", call.refused), ("already", call.already), ("absent", call.absent))
    for field, statuses in listed:
        for status in statuses:
            if not 400 <= status <= 499:
                message = f"{status} cannot mean that certainly nothing happened"
                where = ("call", field)
                yield finding(contract, "TOOL-STATUS", where, message, "use statuses of 4xx")
    if call.already and not _takes_null(contract.output_schema):
        message = "who hears `already` has no output, but the output schema does not take null"
        hint = "let `output_schema` take null, or probe instead"
        yield finding(contract, "TOOL-STATUS", ("call", "already"), message, hint)


def _is_required(schema: JSONObject, name: str) -> bool:
    required = schema.get("required", [])
    return isinstance(required, list) and name in required


def _takes_null(schema: JSONObject) -> bool:
    return _takes(schema, None)


def _takes(schema: JSONObject, value: JSON) -> bool:
    try:
        return not check(schema, value, "")
    except SchemaError:
        return True  # told by whoever checks the schema itself
