"""Shapes as protobuf message types, which is how CEL's type checker learns field names.

A `FileDescriptorProto` is written byte by byte: the engine asks for no more than `serialized_pb`,
and building it with the protobuf library would cost every start of the CLI a tenth of a second.
What a message type cannot say becomes `dyn`: the checker then passes it, and the run will tell.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from remit.plan.shape import Shape

PACKAGE = "remit"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"in", "true", "false", "null"})

_DOUBLE, _INT64, _BOOL, _STRING, _MESSAGE = 1, 3, 8, 9, 11
_OPTIONAL, _REPEATED = 1, 3
_SCALARS = {
    frozenset({"boolean"}): (_BOOL, "BoolValue"),
    frozenset({"integer"}): (_INT64, "Int64Value"),
    frozenset({"number", "integer"}): (_DOUBLE, "DoubleValue"),
    frozenset({"string"}): (_STRING, "StringValue"),
}


class Spec(NamedTuple):
    """The type of a field. A tuple: it is a part of keys that are looked up per expression."""

    number: int
    """Number of the type in `FieldDescriptorProto`."""
    message: str = ""
    """Full name of the message type, for messages."""
    is_list: bool = False
    value: "Spec | None" = None
    """For a map with text keys: the type of its values."""


DYN = Spec(_MESSAGE, "google.protobuf.Value")
LIST = Spec(_MESSAGE, "google.protobuf.ListValue")
MAP = Spec(_MESSAGE, "google.protobuf.Struct")


class Messages:
    """Message types of the shapes of one plan."""

    def __init__(self) -> None:
        self.shapes: dict[str, Shape] = {}
        """Shape behind each message type, by full name."""
        self._specs: dict[Shape, Spec] = {}
        self._written: dict[str, bytes] = {}
        self._needed: dict[str, list[str]] = {}
        """Message types that each one refers to."""

    def spec(self, shape: Shape) -> Spec:
        """Return the type of fields that hold values of `shape`."""
        found = self._specs.get(shape)
        if found is None:
            found = self._specs[shape] = self._spec(shape)
        return found

    def _spec(self, shape: Shape) -> Spec:
        if shape.is_any:
            return DYN
        kinds = shape.kinds - {"null"}
        scalar = _SCALARS.get(kinds)
        if scalar is not None:
            number, wrapper = scalar
            return (
                Spec(_MESSAGE, f"google.protobuf.{wrapper}") if shape.may_be_null else Spec(number)
            )
        if kinds == {"object"}:
            return self._object(shape)
        if kinds == {"array"} and not shape.may_be_null:
            item = LIST if shape.item is None else self.spec(shape.item)
            simple = shape.item is not None and not item.is_list and item.value is None
            return Spec(item.number, item.message, is_list=True) if simple else LIST
        return DYN

    def add(self, name: str, fields: Mapping[str, Spec]) -> Spec:
        """Write a message type with `fields` and return its type."""
        full = f"{PACKAGE}.{name}"
        body = [_text(1, name)]
        entries = set[str]()
        for number, (field, declared) in enumerate(fields.items(), start=1):
            spec = declared
            if declared.value is not None:
                entry = _entry_name(field)
                spec = MAP
                if entry not in entries and entry not in fields:
                    entries.add(entry)
                    body.append(_block(3, _map_entry(entry, declared.value)))
                    spec = Spec(_MESSAGE, f"{full}.{entry}", is_list=True)
            # Numbers from 19000 on are protobuf's own.
            number = number if number < 19000 else number + 1000
            body.append(_block(2, _field(field, number, spec)))
        # Fields whose names differ in `_` and case alone are no conflict here.
        body.append(_block(7, _number(11, 1)))
        self._written[full] = _block(4, b"".join(body))
        self._needed[full] = [name for spec in fields.values() for name in _messages(spec)]
        return Spec(_MESSAGE, full)

    def file(self, specs: Iterable[Spec]) -> bytes:
        """Return the `FileDescriptorProto` of the message types behind `specs`."""
        imports = b"".join(_text(3, f"google/protobuf/{f}.proto") for f in ("wrappers", "struct"))
        written = [_text(1, "remit.proto"), _text(2, PACKAGE), imports]
        waiting = [name for spec in specs for name in _messages(spec)]
        seen = set[str]()
        while waiting:
            name = waiting.pop()
            if name not in seen and name in self._written:
                seen.add(name)
                written.append(self._written[name])
                waiting += self._needed[name]
        return b"".join(written)

    def _object(self, shape: Shape) -> Spec:
        if shape.rest is not None and not shape.fields and not shape.may_be_null:
            value = self.spec(shape.rest)
            is_plain = not value.is_list and value.value is None
            return Spec(_MESSAGE, value=value) if is_plain else MAP
        if shape.rest is not None or not all(is_readable(name) for name in shape.fields):
            return DYN if shape.may_be_null else MAP
        known = f"T{len(self.shapes)}"
        self.shapes[f"{PACKAGE}.{known}"] = shape
        return self.add(known, {name: self.spec(part) for name, part in shape.fields.items()})


def _messages(spec: Spec) -> list[str]:
    """Return the message types that a type names."""
    inner = spec if spec.value is None else spec.value
    return [inner.message] if inner.message else []


def is_readable(name: str) -> bool:
    """Say whether an expression can write `.name`."""
    return _IDENTIFIER.fullmatch(name) is not None and name not in _WORDS


def _entry_name(field: str) -> str:
    """Return the name that protobuf demands of the type behind a map field."""
    return "".join(part[:1].upper() + part[1:] for part in field.split("_")) + "Entry"


def _map_entry(name: str, value: Spec) -> bytes:
    fields = _block(2, _field("key", 1, Spec(_STRING))) + _block(2, _field("value", 2, value))
    return _text(1, name) + fields + _block(7, _number(7, 1))


def _field(name: str, number: int, spec: Spec) -> bytes:
    label = _REPEATED if spec.is_list else _OPTIONAL
    written = _text(1, name) + _number(3, number) + _number(4, label) + _number(5, spec.number)
    if spec.message:
        written += _text(6, f".{spec.message}")
    return written + _text(10, f"f{number}")


def _text(number: int, text: str) -> bytes:
    return _block(number, text.encode())


def _block(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    if value <= 0x7F:
        return bytes((value,))
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
