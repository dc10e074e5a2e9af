"""Classes of data that a plan declares of its own inputs, in their schema.

    inputs_schema:
      properties:
        email: {type: string, x-data-classes: [personal]}

A class holds for the value and for all that is in it; whoever takes in an object takes in what its
members hold. Where a schema does not say which part speaks of a value (`$ref`, `anyOf`, a name that
it does not list), all of them do: too much is refused at worst, too little would be let through.
"""

from collections.abc import Iterator, Sequence

from remit.canonical import JSON, JSONObject
from remit.tool.words import everywhere, inner

KEYWORD = "x-data-classes"
_LONGEST = 40
"""As long as a class of a contract may be."""
_MOST = 16
_PLACED = ("properties", "items")
"""Keywords that say of which part of a value they speak."""


class Declared:
    """What a plan's schema says of its inputs."""

    def __init__(self, schema: JSONObject) -> None:
        """Read the schema of a plan's inputs."""
        self._schema = schema
        self._definitions = _object(schema.get("$defs"))
        self._known: dict[Sequence[str | int], frozenset[str]] = {}
        self._is_any = bool(self._within(schema))

    def at(self, parts: Sequence[str | int]) -> frozenset[str]:
        """Return the classes of the data to which the way `parts` into the inputs leads."""
        if not self._is_any:
            return frozenset()
        if parts not in self._known:
            self._known[parts] = self._at(parts)
        return self._known[parts]

    def _at(self, parts: Sequence[str | int]) -> frozenset[str]:
        here, found = self._schema, frozenset[str]()
        for part in parts:
            found |= _own(here)
            below = _member(here, part)
            if below is None:
                break
            here = below
        return found | self._within(here)

    def _within(self, schema: JSONObject) -> frozenset[str]:
        inside = list(everywhere(schema))
        if any("$ref" in one for one in inside):
            inside += (each for one in self._definitions.values() for each in everywhere(one))
        return frozenset(name for one in inside for name in _own(one))


def faults(schema: JSON, where: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Yield the places at which a schema declares something that is no list of classes."""
    if not isinstance(schema, dict):
        return
    if KEYWORD in schema and not _is_sound(schema[KEYWORD]):
        yield (*where, KEYWORD)
    for place, part in inner(schema):
        yield from faults(part, (*where, *place))
    for name, part in _object(schema.get("$defs")).items():
        yield from faults(part, (*where, "$defs", name))


def _is_sound(classes: JSON) -> bool:
    if not isinstance(classes, list) or not 0 < len(classes) <= _MOST:
        return False
    return all(isinstance(one, str) and 0 < len(one.strip()) <= _LONGEST for one in classes)


def _own(schema: JSONObject) -> frozenset[str]:
    classes = schema.get(KEYWORD)
    return frozenset(str(one) for one in classes) if isinstance(classes, list) else frozenset()


def _member(schema: JSONObject, part: str | int) -> JSONObject | None:
    """Return the schema of a part of a value; `None` where several may speak of it."""
    others = (place for place, one in inner(schema) if isinstance(one, dict))
    if "$ref" in schema or any(place[0] not in _PLACED for place in others):
        return None
    if isinstance(part, int):
        return _schema(schema.get("items"))
    return _schema(_object(schema.get("properties")).get(part))


def _schema(value: JSON) -> JSONObject | None:
    return value if isinstance(value, dict) else None


def _object(value: JSON) -> JSONObject:
    return value if isinstance(value, dict) else {}
