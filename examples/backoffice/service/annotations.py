"""What the document says to Remit: made from the same declarations, and as true as they are.

An operation is undone by the one that is declared to; where a thing that was made can be read, and
reads as it was answered, that read is its read-back, and what was asked for is what it expects.
Whoever imports the document needs nothing else; whoever does not know the annotations may leave
them aside.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import JsonValue

from .contract import Operation

Json = dict[str, JsonValue]

CLASSES: dict[str, list[JsonValue]] = {
    "analytics": ["extract"],
    "crm": ["customer", "personal"],
    "erp": ["commercial"],
    "finance": ["financial"],
    "identity": ["personal"],
    "mail": ["personal"],
    "supplier": ["commercial"],
}
"""Data classes of what an area's operations take and answer."""


def for_remit(operations: Iterable[Operation]) -> dict[str, Json]:
    """Return the annotations of each operation, by its name."""
    by_name = {operation.says.name: operation for operation in operations}
    return {
        name: {f"x-remit-{word}": value for word, value in _said(operation, by_name).items()}
        for name, operation in by_name.items()
    }


def _said(operation: Operation, by_name: dict[str, Operation]) -> Json:
    says = operation.says
    area = says.name.partition(".")[0]
    said: Json = {"data-classes": CLASSES.get(area, []), "timeout-s": 10, "settle-s": 2}
    if says.writes and says.natural:
        said["idempotency"] = "natural"
    if says.irreversible:
        said["irreversible"] = True
    if says.undo is not None:
        said["compensate"] = _undo(by_name[says.undo])
    reads = [name for name, other in by_name.items() if _shows(other, operation)]
    if says.created and reads:
        (field,) = by_name[reads[0]].says.path_fields
        said["read-back"] = {
            "operation": reads[0],
            "args": {field: "${output.id}"},
            "expect": _shown(operation),
        }
    return said | dict(says.remit)


def _undo(undo: Operation) -> Json:
    """The call that takes back what answered with its id."""
    args: Json = dict.fromkeys(undo.says.path_fields, "${output.id}")
    if "missing" in undo.asks.model_fields:
        args["missing"] = "ok"
    return {"operation": undo.says.name, "args": args}


def _shown(made: Operation) -> Json:
    """What a read of a made thing must hold: what was asked for, and of the rest what was told."""
    asked = made.asks.model_fields.keys()
    names = made.answers.model_fields.keys()
    return {name: f"${{{'args' if name in asked else 'output'}.{name}}}" for name in names}


def _shows(read: Operation, made: Operation) -> bool:
    """Say whether `read` answers, by its id alone, what `made` answered."""
    is_below = read.says.path.startswith(made.says.path + "/{")
    is_one = len(read.says.path_fields) == 1
    return read.says.method == "GET" and is_below and is_one and read.answers is made.answers
