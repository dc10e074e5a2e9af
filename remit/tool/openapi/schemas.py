"""Schemas of OpenAPI as JSON Schema 2020-12 that stands by itself.

References inside the document become references to shared definitions, so that cycles stay what
they are. A schema means two things where it has `readOnly` or `writeOnly` parts: what may be sent,
and what is answered; then it has two definitions. `discriminator` is held to: a branch of `oneOf`
or `anyOf` takes a value only under its own names. Where OpenAPI 3.0 is widely misread (`nullable`
beside an `enum` without null, or without a type), an answer may be null and what is sent may not.
"""

import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from remit.canonical import JSON, JSONObject
from remit.tool.openapi.source import Source, UnfitError, at
from remit.tool.pointer import split
from remit.tool.texts import plain
from remit.tool.words import BOUNDS, MANY, MOVING, NAMED, ONE, PLAIN, everywhere

Side = Literal["sent", "answered"]

MAX_REACHED = 256 * 1024
"""Largest sum of the definitions that one schema reaches, in bytes."""
_DIALECTS = ("https://json-schema.org/draft/2020-12/schema",)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_COMPONENTS = "/components/schemas/"
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class _Made:
    schema: JSON
    reaches: frozenset[str]
    size: int


class Definitions:
    """The shared definitions of one document, made as they are referred to."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._made: dict[str, _Made] = {}
        self._broken: dict[str, UnfitError] = {}
        self._names: dict[tuple[str, Side], str] = {}
        self._taken: dict[str, tuple[str, Side]] = {}
        self._waiting: deque[tuple[str, str, JSON, Side]] = deque()
        self._seen: dict[str, tuple[bool, frozenset[str]]] = {}

    @property
    def schemas(self) -> Mapping[str, JSON]:
        """All definitions made so far, by name."""
        return {name: made.schema for name, made in self._made.items()}

    def schema(self, node: JSON, where: str, side: Side) -> JSON:
        """Return the schema at `where` as what is sent, or answered.

        Raises:
            UnfitError: it, or something that it refers to, cannot be taken.
        """
        reaches: set[str] = set()
        made = self._translate(node, where, side, reaches)
        self._make_waiting()
        self._check(reaches, where)
        return made

    def _check(self, names: set[str], where: str) -> None:
        left, found, size = set(names), set[str](), 0
        while left:
            name = left.pop()
            if name in found:
                continue
            if name in self._broken:
                raise self._broken[name]
            found.add(name)
            size += self._made[name].size
            left |= self._made[name].reaches
        if size > MAX_REACHED:
            message = f"the schema reaches definitions of more than {MAX_REACHED // 1024} KiB"
            raise UnfitError("OPENAPI-TOO-LARGE", where, message, "let the operation answer less")

    def _make_waiting(self) -> None:
        while self._waiting:
            name, where, node, side = self._waiting.popleft()
            reaches: set[str] = set()
            try:
                made = self._translate(node, where, side, reaches)
            except UnfitError as error:
                self._broken[name] = error
                continue
            size = len(json.dumps(made, ensure_ascii=False))
            self._made[name] = _Made(made, frozenset(reaches), size)

    def _translate(self, node: JSON, where: str, side: Side, reaches: set[str]) -> JSON:
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict):
            raise UnfitError("OPENAPI-SHAPE", where, "a schema is expected here")
        if "$ref" in node and self._source.is_old:
            return self._reference(node["$ref"], where, side, reaches)
        _refuse_moving(node, where)
        made: JSONObject = {}
        if "$ref" in node:
            made |= self._reference(node["$ref"], where, side, reaches)
        for word, value in node.items():
            self._take(word, value, where, side, reaches, made)
        if text := plain(node.get("description"), 300):
            made["description"] = text
        self._settle_required(node, made, where, side)
        self._pin_branches(node, made, where)
        _drop_vacuous(made)
        return _as_new(made, node, side) if self._source.is_old else made

    def _take(
        self,
        word: str,
        value: JSON,
        where: str,
        side: Side,
        reaches: set[str],
        made: JSONObject,
    ) -> None:
        place = at(where, word)
        if word in PLAIN:
            made[word] = value
        elif word in ONE:
            made[word] = self._translate(value, place, side, reaches)
        elif word in MANY:
            made[word] = [
                self._translate(part, at(place, index), side, reaches)
                for index, part in enumerate(_list(value, place))
            ]
        elif word in NAMED:
            made[word] = {
                name: False
                if word == "properties" and side == "sent" and self._flag(part, "readOnly")
                else self._translate(part, at(place, name), side, reaches)
                for name, part in _object(value, place).items()
            }

    def _reference(self, ref: JSON, where: str, side: Side, reaches: set[str]) -> JSONObject:
        pointer, node = self._source.target(ref, where)
        self._refuse_circle(ref, where)
        name = self._name(pointer, node, side)
        reaches.add(name)
        return {"$ref": f"#/$defs/{name}"}

    def _refuse_circle(self, ref: JSON, where: str) -> None:
        """Refuse references that lead to each other and say nothing."""
        seen: set[str] = set()
        while True:
            pointer, node = self._source.target(ref, where)
            if pointer in seen:
                hint = "let one of them say what it means"
                message = "schemas refer to each other in a circle"
                raise UnfitError("OPENAPI-REF-CYCLE", where, message, hint)
            seen.add(pointer)
            if not isinstance(node, dict) or "$ref" not in node:
                return
            ref = node["$ref"]

    def _name(self, pointer: str, node: JSON, side: Side) -> str:
        """Return the name of the definition of `pointer`, and see that it is made."""
        asked: Side = side if self._is_sided(pointer) else "answered"
        known = self._names.get((pointer, asked))
        if known is not None:
            return known
        last = pointer.removeprefix(_COMPONENTS)
        name = last
        if not pointer.startswith(_COMPONENTS) or not _PLAIN_NAME.fullmatch(last):
            stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", last)[:40].strip("_.") or "schema"
            name = f"{stem}-{sha256(pointer.encode()).hexdigest()[:8]}"
        name += ".sent" if asked == "sent" else ""
        if self._taken.setdefault(name, (pointer, asked)) != (pointer, asked):
            name += "-" + sha256(pointer.encode()).hexdigest()[:8]
        self._names[pointer, asked] = name
        self._waiting.append((name, pointer, node, asked))
        return name

    def _is_sided(self, pointer: str) -> bool:
        """Say whether what is sent differs from what is answered, here or in what it refers to."""
        left, found = [pointer], {pointer}
        while left:
            here = left.pop()
            if here not in self._seen:
                self._seen[here] = self._look(here)
            is_sided, refers = self._seen[here]
            if is_sided:
                return True
            left += refers - found
            found |= refers
        return False

    def _look(self, pointer: str) -> tuple[bool, frozenset[str]]:
        refers: set[str] = set()
        is_sided = False
        for schema in everywhere(self._source.target(f"#{_quoted(pointer)}", pointer)[1]):
            is_sided = is_sided or _marks(schema)
            if "$ref" in schema:
                try:
                    refers.add(self._source.target(schema["$ref"], pointer)[0])
                except UnfitError:
                    continue  # told when it is made
        return is_sided, frozenset(refers)

    def _flag(self, node: JSON, mark: str) -> bool:
        """Say whether a property is marked, by itself or by what it refers to."""
        for _ in range(20):
            if not isinstance(node, dict):
                return False
            if node.get(mark) is True:
                return True
            if "$ref" not in node:
                return False
            try:
                node = self._source.target(node["$ref"], "")[1]
            except UnfitError:
                return False
        return False

    def _settle_required(self, node: JSONObject, made: JSONObject, where: str, side: Side) -> None:
        """Require nothing that is not sent, or not answered, and nothing twice.

        A name that stands twice, as merged documents have it, is no JSON Schema, and no doubt.
        """
        told = made.get("required")
        if not isinstance(told, list):
            return
        required = dict.fromkeys(name for name in told if isinstance(name, str))
        others = [name for name in told if not isinstance(name, str)]
        properties = self._all_properties(node, where)
        mark = "readOnly" if side == "sent" else "writeOnly"
        kept = [name for name in required if not self._flag(properties.get(name), mark)]
        made["required"] = [*kept, *others]
        if not made["required"]:
            del made["required"]

    def _all_properties(self, node: JSONObject, where: str) -> JSONObject:
        """Return the properties of a schema and of all that `allOf` adds to it."""
        found: JSONObject = {}
        left: list[JSON] = [node]
        for _ in range(200):
            if not left:
                break
            here = left.pop()
            if not isinstance(here, dict):
                continue
            properties, parts = here.get("properties"), here.get("allOf")
            found |= properties if isinstance(properties, dict) else {}
            left += parts if isinstance(parts, list) else []
            if "$ref" in here:
                try:
                    left.append(self._source.target(here["$ref"], where)[1])
                except UnfitError:
                    continue  # told when it is made
        return found

    def _pin_branches(self, node: JSONObject, made: JSONObject, where: str) -> None:
        """Let a branch take a value only under the names that the discriminator gives it."""
        told = node.get("discriminator")
        name = told.get("propertyName") if isinstance(told, dict) else None
        if not isinstance(told, dict) or not isinstance(name, str):
            return
        mapping = told.get("mapping")
        for word in ("oneOf", "anyOf"):
            branches, written = made.get(word), node.get(word)
            if not isinstance(branches, list) or not isinstance(written, list):
                continue
            made[word] = [
                self._pinned(branch, raw, name, mapping if isinstance(mapping, dict) else {}, where)
                for branch, raw in zip(branches, written, strict=True)
            ]

    def _pinned(self, branch: JSON, raw: JSON, name: str, mapping: JSONObject, where: str) -> JSON:
        if not isinstance(raw, dict) or "$ref" not in raw:
            return branch
        pointer = self._source.target(raw["$ref"], where)[0]
        names = {value for value, ref in mapping.items() if self._means(ref, pointer)}
        names.update(split(pointer)[-1:])
        listed: list[JSON] = [*sorted(names)]
        pin: JSONObject = {"properties": {name: {"enum": listed}}, "required": [name]}
        return {"allOf": [branch, pin]}

    def _means(self, ref: JSON, pointer: str) -> bool:
        """Say whether a name's mapping (a reference, or a component's name) is `pointer`."""
        if not isinstance(ref, str):
            return False
        return pointer in (ref.removeprefix("#"), _COMPONENTS + ref)


def _marks(schema: JSONObject) -> bool:
    """Say whether a schema by itself means another thing sent than answered."""
    if schema.get("readOnly") is True or schema.get("writeOnly") is True:
        return True
    listed = schema.get("enum")
    lacks_null = isinstance(listed, list) and None not in listed
    return schema.get("nullable") is True and ("type" not in schema or lacks_null)


def _refuse_moving(node: JSONObject, where: str) -> None:
    found = [word for word in MOVING & node.keys() if isinstance(node[word], str)]
    if found:
        message = f"the schema says `{sorted(found)[0]}`, which changes what references mean"
        hint = "refer by pointers into `#/components/schemas`"
        raise UnfitError("OPENAPI-SCHEMA", at(where, sorted(found)[0]), message, hint)
    if node.get("$schema", _DIALECTS[0]) not in _DIALECTS:
        message = "the schema is of another dialect than JSON Schema 2020-12"
        raise UnfitError("OPENAPI-DIALECT", at(where, "$schema"), message, "write it in 2020-12")


def _as_new(made: JSONObject, node: JSONObject, side: Side) -> JSONObject:
    """Return a schema of OpenAPI 3.0 in the words of 2020-12."""
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(bound), bool):
            is_open = made.pop(bound)
            if is_open and limit in made:
                made[bound] = made.pop(limit)
    if node.get("nullable") is not True:
        return made
    kind = made.get("type")
    if isinstance(kind, str):
        made["type"] = [kind, "null"]
        listed = made.get("enum")
        if isinstance(listed, list) and None not in listed and side == "answered":
            made["enum"] = [*listed, None]
    elif side == "answered":
        return {"anyOf": [made, {"type": "null"}]}
    return made


def _drop_vacuous(made: JSONObject) -> None:
    """Drop bounds beyond 2^53: no such integer passes anyway."""
    for bound in BOUNDS:
        limit = made.get(bound)
        if isinstance(limit, int | float) and not isinstance(limit, bool) and abs(limit) > _EXACT:
            del made[bound]


def _list(value: JSON, where: str) -> list[JSON]:
    if not isinstance(value, list):
        raise UnfitError("OPENAPI-SHAPE", where, "a list is expected here")
    return value


def _object(value: JSON, where: str) -> JSONObject:
    if not isinstance(value, dict):
        raise UnfitError("OPENAPI-SHAPE", where, "an object is expected here")
    return value


def _quoted(pointer: str) -> str:
    return pointer.replace("%", "%25")
