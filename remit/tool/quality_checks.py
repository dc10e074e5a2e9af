"""What must hold of a contract's bounds of quality beside its other parts. Code `TOOL-QUALITY`."""

from collections.abc import Iterator

from remit.diagnostic import Diagnostic
from remit.tool.contract import Operation, ToolContract
from remit.tool.places import Where, finding, may_hold
from remit.tool.pointer import split
from remit.tool.quality import Quality
from remit.tool.validation import SchemaError, validator

CODE = "TOOL-QUALITY"


def quality_faults(contract: ToolContract) -> Iterator[Diagnostic]:
    """Yield what is wrong with the bounds of a contract."""
    quality = contract.quality
    if quality is None:
        return
    for where, place in _places(quality):
        names = [0 if name == "*" else name for name in split(place)]
        if not may_hold(contract.output_schema, names):
            message = f"{place!r} leads to nothing that the output schema declares"
            yield finding(contract, CODE, where, message, "name a property of the output schema")
    for at, rows in enumerate(quality.rows):
        if rows.most is not None and rows.most < rows.least:
            message = f"at least {rows.least} and at most {rows.most} rows cannot be had"
            yield finding(contract, CODE, ("quality", "rows", at), message, "swap them")
    for at, values in enumerate(quality.values):
        try:
            validator(values.good)
        except SchemaError as error:
            where = ("quality", "values", at, "good")
            yield finding(contract, CODE, where, f"not a JSON Schema: {error}", "put it right")
    yield from _again_faults(contract, quality)


def _again_faults(contract: ToolContract, quality: Quality) -> Iterator[Diagnostic]:
    if quality.on_miss != "again":
        return
    where = ("quality", "on_miss")
    if contract.operation is not Operation.READ:
        message, hint = "what has an effect is not asked again for a better answer", "say `fail`"
        yield finding(contract, CODE, where, message, hint)
    elif contract.cost.estimate is not None or contract.cost.micros_argument is not None:
        message, hint = "what costs something is not asked again unasked", "say `fail`"
        yield finding(contract, CODE, where, message, hint)


def _places(quality: Quality) -> Iterator[tuple[Where, str]]:
    for at, rows in enumerate(quality.rows):
        yield ("quality", "rows", at, "at"), rows.at
    for at, values in enumerate(quality.values):
        yield ("quality", "values", at, "at"), values.at
    for at, place in enumerate(quality.unique):
        yield ("quality", "unique", at), place
    if quality.fresh is not None:
        yield ("quality", "fresh", "at"), quality.fresh.at
