"""The syntax tree of a CEL expression, read from the serialised form that the engine gives.

The engine checks and evaluates; what it does not tell is which outputs an expression reads, and
under which guards. That is read here from `cel.expr.CheckedExpr` and `ParsedExpr` (protobuf wire
format, a few fields of it), so that nobody parses CEL a second time. Nothing here evaluates.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Fields = list[tuple[int, Any]]
"""Numbers and raw values of a message's fields, in order: integers, and bytes of all the rest."""


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
        self._message = _fields(packed[2])
        self._is_checked = packed[1].endswith(b"CheckedExpr")

    @cached_property
    def root(self) -> Expr:
        """The outermost expression."""
        number = 4 if self._is_checked else 2
        return _expr(next(value for at, value in self._message if at == number))

    @cached_property
    def overloads(self) -> dict[int, list[str]]:
        """What each call was resolved to, by number; empty when it was only parsed."""
        found: dict[int, list[str]] = {}
        for number, reference in self._entries(2):
            ids = [value.decode() for at, value in _fields(reference) if at == 3]
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
                entry = dict(_fields(value))
                yield entry.get(1, 0), entry.get(2, b"")


_MAP_TYPE = 7
_DOUBLE = struct.Struct("<d")


def _expr(message: bytes) -> Expr:
    number, kind, body = 0, 0, b""
    for at, value in _fields(message):
        if at == 2:
            number = value
        else:
            kind, body = at, value
    if kind == 3:
        return Literal(number, _constant(body))
    fields = _fields(body)
    match kind:
        case 4:
            return Ident(number, _text(fields, 1))
        case 5:
            return _select(number, fields)
        case 6:
            return _call(number, fields)
        case 7:
            return Aggregate(number, tuple(_expr(value) for at, value in fields if at == 1))
        case 8:
            return _struct(number, fields)
        case 9:
            return _fold(number, fields)
    raise ValueError(f"unknown kind of expression {kind}")


def _select(number: int, body: Fields) -> Select:
    fields = dict(body)
    return Select(number, _expr(fields[1]), fields[2].decode(), 3 in fields)


def _call(number: int, body: Fields) -> Call:
    function, parts = "", list[Expr]()
    for at, value in body:
        if at == 2:
            function = value.decode()
        elif at == 1:
            parts.insert(0, _expr(value))
        elif at == 3:
            parts.append(_expr(value))
    return Call(number, function, tuple(parts))


def _struct(number: int, body: Fields) -> Aggregate:
    parts: list[Expr] = []
    for at, entry in body:
        if at == 2:
            fields = dict(_fields(entry))
            parts += [_expr(fields[part]) for part in (3, 4) if part in fields]
    return Aggregate(number, tuple(parts), _text(body, 1))


def _fold(number: int, body: Fields) -> Fold:
    fields = dict(body)
    names = frozenset(_text(body, at) for at in (1, 3, 8)) - {""}
    inner = tuple(_expr(fields[part]) for part in (5, 6, 7) if part in fields)
    return Fold(number, names, _expr(fields[2]), _expr(fields[4]), inner)


def _text(fields: Fields, number: int) -> str:
    return next((value.decode() for at, value in fields if at == number), "")


def _constant(body: bytes) -> str | int | float | bool | bytes | None:
    for at, value in _fields(body):
        match at:
            case 2:
                return bool(value)
            case 3:
                return int(value - (1 << 64) if value >> 63 else value)
            case 4:
                return int(value)
            case 5:
                return float(_DOUBLE.unpack(value)[0])
            case 6:
                return str(value, "utf-8")
            case 7:
                return bytes(value)
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
