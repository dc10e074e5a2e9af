"""Arguments to what a driver binds, and what it gives to JSON; see the table in docs/tools.md.

Nothing is rounded, cut off or guessed: what JSON cannot hold exactly is text, or refuses the call.
"""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from uuid import UUID

from remit.canonical import JSON, JSONObject, NotCanonicalError, canonical
from remit.tool.pointer import PointerError, follow
from remit.tool.sql import STEP_KEY, Dialect, SqlKind, SqlType

MOST_INTEGER = 2**53 - 1


class ArgumentError(ValueError):
    """An argument cannot be bound; the message names the parameter and not the value."""


class ValueRefusedError(ValueError):
    """A value of the database has no JSON form; the message names the column."""


def bound(kind: SqlKind, arguments: JSONObject, step_key: str) -> dict[str, object]:
    """Return what is bound to each parameter.

    Raises:
        ArgumentError: an argument is absent, or not of its parameter's type.
    """
    made: dict[str, object] = {STEP_KEY: step_key}
    for name, parameter in kind.parameters.items():
        try:
            value = follow(arguments, parameter.at)
        except PointerError as error:
            if not parameter.or_null:
                raise ArgumentError(f"the parameter {name!r} has no argument") from error
            value = None
        try:
            made[name] = None if value is None else _native(parameter.type, value, kind.dialect)
        except (ValueError, TypeError, OverflowError, InvalidOperation) as error:
            message = f"the argument of {name!r} is no {parameter.type}"
            raise ArgumentError(message) from error
    return made


def _native(kind: SqlType, value: JSON, dialect: Dialect) -> object:
    made = _READERS[kind](value)
    if dialect == "postgresql" or isinstance(made, str | int | float | bytes):
        return made
    # SQLite has no such types: the text that JSON would have.
    return str(made) if isinstance(made, Decimal | UUID) else _text_of_time(made)


def _text(value: JSON) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise TypeError
    return value


def _integer(value: JSON) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError
    if isinstance(value, str) and (len(value) > 40 or not value.isascii() or "_" in value):
        raise ValueError
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise OverflowError
    return number


def _number(value: JSON) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _decimal(value: JSON) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError  # a float has lost its digits already
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > 1000:
        raise ValueError
    return number


def _boolean(value: JSON) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _timestamp(value: JSON) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment


_READERS: Mapping[SqlType, Callable[[JSON], object]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": lambda value: date.fromisoformat(_text(value)),
    "timestamp": _timestamp,
    "uuid": lambda value: UUID(_text(value)),
    "bytes": lambda value: base64.b64decode(_text(value), validate=True),
    # Canonical: one text for one value, whatever spelling it had on the way here.
    "json": lambda value: canonical(value).decode(),
}


def row_of(columns: Sequence[str], values: Sequence[object]) -> JSONObject:
    """Return a row as an object.

    Raises:
        ValueRefusedError: a value has no JSON form, or two columns have one name.
    """
    if len(set(columns)) < len(columns):
        raise ValueRefusedError("two columns have one name; give them others with AS")
    made: JSONObject = {}
    for column, value in zip(columns, values, strict=True):
        try:
            made[column] = json_of(value)
            canonical(made[column])
        except ValueRefusedError as error:
            raise ValueRefusedError(f"the column {column!r} {error}") from error
        except NotCanonicalError as error:
            raise ValueRefusedError(f"the column {column!r}: {error}") from error
    return made


def json_of(value: object) -> JSON:
    """Return a value of a database as JSON.

    Raises:
        ValueRefusedError: it has no exact form.
    """
    match value:
        case None | bool() | str():
            return value
        case list() | tuple():
            return [json_of(part) for part in value]
        case dict():
            return {str(name): json_of(part) for name, part in value.items()}
        case int() | float() | Decimal():
            return _json_of_number(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode("ascii")
        case UUID():
            return str(value)
    return _text_of_time(value)


def _json_of_number(value: float | Decimal) -> JSON:
    if isinstance(value, int):
        if abs(value) > MOST_INTEGER:
            raise ValueRefusedError("is 2^53 or more; CAST it to text")
        return value
    if not math.isfinite(value):
        raise ValueRefusedError("is no finite number")
    return value if isinstance(value, float) else f"{value:f}"


def _text_of_time(value: object) -> str:
    if isinstance(value, timedelta):
        sign, whole = ("-", -value) if value < timedelta(0) else ("", value)
        seconds = f"{whole.seconds}.{whole.microseconds:06d}".rstrip("0").rstrip(".")
        return f"{sign}P{whole.days}DT{seconds}S"
    if isinstance(value, date | time):
        return value.isoformat()
    raise ValueRefusedError(f"is of the type {type(value).__name__!r}; CAST it to text")
