"""What a document says to Remit about an operation: the annotations `x-remit-…`.

    operation       write trigger delete spend: what the call does; it may only raise the risk
    irreversible    true
    idempotency     key, natural or none; {key: Header} names the header that takes the step key
    compensate      {operation: id, args: {…}}: what undoes it, over ${output…} and ${args…}
    read-back       {operation: id, args: {…}, expect: …, within_s: n}: the read that shows what
                    became of it, what it must show, and how long that may take
    cost            {micros_argument, currency_argument, actual_output} pointers, or {estimate}
    data-classes    [name, …]
    resource        [pointer, …]
    timeout-s, settle-s
    name            the tool's name below its domain
    skip            true: not for Remit

A document is its service's word. It is taken where it makes a call more careful, or says what only
the service can know; what would make one less careful is left aside and told.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic
from remit.tool.contract import Idempotency, Operation
from remit.tool.openapi.source import at

PREFIX = "x-remit-"
_BY_METHOD = {"GET": Operation.READ, "DELETE": Operation.DELETE}
_HIGHER = {
    Operation.READ: frozenset(Operation),
    Operation.WRITE: frozenset(Operation) - {Operation.READ},
}
_COST = frozenset({"micros_argument", "currency_argument", "actual_output", "estimate"})
_KNOWN = frozenset(
    {"operation", "irreversible", "idempotency", "compensate", "read-back", "cost"}
    | {"data-classes", "resource", "timeout-s", "settle-s", "name", "skip"}
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Another operation, called with these arguments."""

    operation: str
    args: JSONObject
    more: JSONObject = field(default_factory=dict)
    """Of a read-back: `expect` and `within_s`, taken as they are."""


@dataclass(slots=True)
class Said:
    """What a document says about one operation."""

    operation: Operation
    idempotency: Idempotency
    key_header: str | None = None
    is_irreversible: bool = False
    compensate: Reader | None = None
    read_back: Reader | None = None
    fields: JSONObject = field(default_factory=dict)
    """Fields of the contract, taken as they are; checked as every contract is."""
    name: str | None = None
    is_skipped: bool = False
    notes: list[Diagnostic] = field(default_factory=list)


def read_annotations(entry: JSONObject, where: str, method: str, key_header: str | None) -> Said:
    """Return what is said about an operation, by its method and by annotations."""
    usual = _BY_METHOD.get(method, Operation.WRITE)
    said = Said(usual, _usual_idempotency(method, key_header), key_header)
    for word, value in _annotations(entry):
        fault = _take(said, word, value, usual)
        if fault:
            hint = "docs/openapi.md lists the annotations; overrides are the project's own word"
            place = at(where, PREFIX + word)
            note = Diagnostic(code="OPENAPI-ANNOTATION", path=place, message=fault, hint=hint)
            said.notes.append(note)
    return said


def _annotations(entry: JSONObject) -> Iterator[tuple[str, JSON]]:
    for word, value in entry.items():
        if word.startswith(PREFIX):
            yield word.removeprefix(PREFIX), value


def _usual_idempotency(method: str, key_header: str | None) -> Idempotency:
    if method in ("GET", "PUT", "DELETE"):
        return Idempotency.NATURAL
    return Idempotency.KEY if key_header else Idempotency.NONE


def _take(said: Said, word: str, value: JSON, usual: Operation) -> str:
    """Take one annotation in; return why it is left aside, or nothing."""
    match word, value:
        case "operation", str() if value in set(Operation):
            return _take_operation(said, Operation(value), usual)
        case "idempotency", _:
            return _take_idempotency(said, value)
        case (("compensate" | "read-back"), dict()):
            return _take_reader(said, word, value)
        case "irreversible", bool():
            said.is_irreversible = value
        case "name", str():
            said.name = value
        case "skip", bool():
            said.is_skipped = value
        case _ if _is_field(word, value):
            said.fields[word.replace("-", "_")] = value
        case _:
            told = "is not of the form that is read" if word in _KNOWN else "is not known"
            return f"the annotation `{PREFIX}{word[:40]}` {told}: left aside"
    return ""


def _is_field(word: str, value: JSON) -> bool:
    """Say whether an annotation is a field of the contract, of a form that may stand there."""
    match word, value:
        case "cost", dict():
            return value.keys() <= _COST
        case (("data-classes" | "resource"), list()):
            return True
        case (("timeout-s" | "settle-s"), int() | float()):
            return not isinstance(value, bool)
    return False


def _take_operation(said: Said, asked: Operation, usual: Operation) -> str:
    if asked is not usual and asked not in _HIGHER.get(usual, frozenset()):
        return f"{asked.value!r} would be less careful than {usual.value!r}: left aside"
    said.operation = asked
    return ""


def _take_reader(said: Said, word: str, value: JSONObject) -> str:
    name, args = value.get("operation"), value.get("args", {})
    further = {"expect", "within_s"} if word == "read-back" else set[str]()
    is_read = isinstance(name, str) and value.keys() <= {"operation", "args"} | further
    if not is_read or not isinstance(args, dict):
        known = " and ".join(f"`{each}`" for each in ("operation", "args", *sorted(further)))
        return f"`{word}` holds {known}: left aside"
    reader = Reader(str(name), args, {each: value[each] for each in further & value.keys()})
    if word == "compensate":
        said.compensate = reader
    else:
        said.read_back = reader
    return ""


def _take_idempotency(said: Said, value: JSON) -> str:
    match value:
        case {"key": str(header), **more} if not more:
            said.idempotency, said.key_header = Idempotency.KEY, header
        case "key" if said.key_header is None:
            return "`key`, but no header is declared that takes it: say `{key: Header}`"
        case "key" | "natural" | "none":
            said.idempotency = Idempotency(value)
        case _:
            return "idempotency is `key`, `natural`, `none` or `{key: Header}`: left aside"
    return ""
