"""The syntax tree of a CEL expression, read from the serialised form that the engine gives.

The engine checks and evaluates; what it does not tell is which outputs an expression reads, and
under which guards. That is read here from `cel.expr.CheckedExpr` and `ParsedExpr` (protobuf wire
format, a few fields of it), so that nobody parses CEL a second time. Nothing here evaluates.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

Fields = list[tuple[int, int | bytes]]
"""Numbers and raw values of a message's fields, in order."""


@dataclass(frozen=True, slots=True)
class Ident:
    """A name."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; a double is told from an integer by its Python type."""

    number: int
    value: str | int | float | bool | bytes | None


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`, or `has(operand.field)`."""

    number: int
    operand: "Expr"
    field: str
    is_test: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator; a method's target is the first argument."""

    number: int
    function: str
    args: "tuple[Expr, ...]"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A list, map or message written out; `message` names the message type."""

    number: int
    parts: "tuple[Expr, ...]"
    message: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """What a macro (`exists`, `map`, …) stands for."""

    number: int
    variables: frozenset[str]
    range: "Expr"
    start: "Expr"
    inner: "tuple[Expr, ...]"
    """Condition, step and result, which see the variables."""


Expr = Ident | Literal | Select | Call | Aggregate | Fold


class Tree:
    """A parsed or checked expression."""

    def __init__(self, serialized: bytes) -> None:
        packed = dict(_fields(serialized))
        self._message = _fields(_bytes(packed[2]))
        self._is_checked = str(_bytes(packed[1]), "utf-8").endswith("CheckedExpr")

    @cached_property
    def root(self) -> Expr:
        """The outermost expression."""
        number = 4 if self._is_checked else 2
        return _expr(next(_bytes(value) for at, value in self._message if at == number))

    @cached_property
    def overloads(self) -> dict[int, list[str]]:
        """What each call was resolved to, by number; empty when it was only parsed."""
        found: dict[int, list[str]] = {}
        for number, reference in self._entries(2):
            ids = [str(_bytes(value), "utf-8") for at, value in _fields(reference) if at == 3]
            found[number] = ids
        return found

    @cached_property
    def maps(self) -> frozenset[int]:
        """Numbers of the expressions that are surely maps."""
        return frozenset(
            number
            for number, described in self._entries(3)
            if any(at == _MAP_TYPE for at, _ in _fields(described))
        )

    def _entries(self, number: int) -> Iterator[tuple[int, bytes]]:
        """Yield the entries of one of the maps that only a checked expression has."""
        for at, value in self._message if self._is_checked else []:
            if at == number:
                entry = dict(_fields(_bytes(value)))
                yield _int(entry.get(1, 0)), _bytes(entry.get(2, b""))


_MAP_TYPE = 7
_DOUBLE = struct.Struct("<d")


def _expr(message: bytes) -> Expr:
    number, kind, body = 0, 0, b""
    for at, value in _fields(message):
        if at == 2:
            number = _int(value)
        else:
            kind, body = at, _bytes(value)
    match kind:
        case 3:
            return Literal(number, _constant(body))
        case 4:
            return Ident(number, _text(_fields(body), 1))
        case 5:
            return _select(number, _fields(body))
        case 6:
            return _call(number, _fields(body))
        case 7:
            return Aggregate(number, tuple(_each(_fields(body), 1)))
        case 8:
            return _struct(number, _fields(body))
        case 9:
            return _fold(number, _fields(body))
    raise ValueError(f"unknown kind of expression {kind}")


def _select(number: int, body: Fields) -> Select:
    operand = next(_each(body, 1))
    return Select(number, operand, _text(body, 2), any(at == 3 for at, _ in body))


def _call(number: int, body: Fields) -> Call:
    return Call(number, _text(body, 2), (*_each(body, 1), *_each(body, 3)))


def _struct(number: int, body: Fields) -> Aggregate:
    parts: list[Expr] = []
    for at, entry in body:
        if at == 2:
            fields = _fields(_bytes(entry))
            parts += [*_each(fields, 3), *_each(fields, 4)]
    return Aggregate(number, tuple(parts), _text(body, 1))


def _fold(number: int, body: Fields) -> Fold:
    names = frozenset(_text(body, at) for at in (1, 3, 8)) - {""}
    inner = tuple(part for at in (5, 6, 7) for part in _each(body, at))
    return Fold(number, names, next(_each(body, 2)), next(_each(body, 4)), inner)


def _each(fields: Fields, number: int) -> Iterator[Expr]:
    return (_expr(_bytes(value)) for at, value in fields if at == number)


def _text(fields: Fields, number: int) -> str:
    return next((str(_bytes(value), "utf-8") for at, value in fields if at == number), "")


def _constant(body: bytes) -> str | int | float | bool | bytes | None:
    for at, value in _fields(body):
        match at:
            case 2:
                return bool(value)
            case 3:
                return _int(value) - (1 << 64) if _int(value) >> 63 else _int(value)
            case 4:
                return _int(value)
            case 5:
                return float(_DOUBLE.unpack(_bytes(value))[0])
            case 6:
                return str(_bytes(value), "utf-8")
            case 7:
                return _bytes(value)
    return None


def _fields(message: bytes) -> Fields:
    """Return the fields of a protobuf message; numbers below 128, nearly all, are read in place."""
    found: Fields = []
    at, end = 0, len(message)
    while at < end:
        key = message[at]
        at += 1
        if key >= 0x80:
            key, at = _varint(message, at - 1)
        wire = key & 7
        size = 8 if wire == 1 else 4
        if wire in (0, 2):
            size = message[at]
            at += 1
            if size >= 0x80:
                size, at = _varint(message, at - 1)
        if wire == 0:
            found.append((key >> 3, size))
            continue
        found.append((key >> 3, message[at : at + size]))
        at += size
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _int(value: int | bytes) -> int:
    return value if isinstance(value, int) else int.from_bytes(value, "little")


def _bytes(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else b""
