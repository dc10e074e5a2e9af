"""What is known before the run about a value: the JSON Schema that the compiler reasons with.

A shape is an approximation. It never claims more than the schema says: what it cannot express
(patterns, bounds, conditions) is left to the validator at run time, and what it does not know is
`ANY`. Checks that use it find what is surely wrong, and warn about what may be.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from remit.canonical import JSON, JSONObject
from remit.tool.pointer import PointerError, follow

KINDS = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_MAX_SHAPES = 4000
_MAX_TRAIL = 24
_MAX_VALUES = 64
_COMBINING = ("allOf", "anyOf", "oneOf", "if", "not", "$dynamicRef")
_NUMBERS = frozenset({"integer", "number"})
_KIND_OF = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A set of JSON values. Compared by identity; build with the functions of this module."""

    kinds: frozenset[str] = KINDS
    """JSON types that the value may have; `number` includes `integer`."""
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    """Declared members of an object."""
    required: frozenset[str] = frozenset()
    """Members that are surely there."""
    rest: "Shape | None" = None
    """Members beyond `fields`: `None` when nothing says that there are any."""
    is_closed: bool = False
    """Whether other members are forbidden, and not merely not spoken of."""
    item: "Shape | None" = None
    """Items of an array; `None` when nothing is known about them."""
    values: tuple[JSON, ...] | None = None
    """The only values it may have, when they are listed."""
    unit: str | None = None
    """What a number counts (`x-unit`); `None` when nothing says it."""
    currency: str | None = None
    """The currency of an amount (`x-currency`), when it is always the same one."""
    currency_member: str | None = None
    """The member beside it that holds the currency, when that is one."""
    low: float | None = None
    """A number is at least this; `None` when nothing says so."""
    high: float | None = None

    @property
    def is_any(self) -> bool:
        """Whether nothing is known."""
        return self is ANY

    @property
    def may_be_null(self) -> bool:
        """Whether null is among the values; not asked of what is not known at all."""
        return "null" in self.kinds and not self.is_any

    @property
    def words(self) -> str:
        """What it is, for a message."""
        kinds = self.kinds - {"integer"} if "number" in self.kinds else self.kinds
        return " or ".join(sorted(kinds)) if len(kinds) < len(KINDS) - 1 else "anything"

    def member(self, part: str | int) -> "Shape | None":
        """Return what stands under a name or an index; `None` when surely nothing does."""
        if self.is_any:
            return self
        if isinstance(part, int):
            return (self.item or ANY) if "array" in self.kinds else None
        return self.fields.get(part, self.rest) if "object" in self.kinds else None


ANY = Shape()
"""A value of which nothing is known."""
STRING = Shape(frozenset({"string"}))


def of_schema(schema: JSON) -> Shape:
    """Return the shape of a JSON Schema 2020-12; `$ref` reaches inside it only."""
    return _Reader(schema).read(schema, ())


def of_value(value: JSON) -> Shape:
    """Return the shape of exactly `value`."""
    if isinstance(value, dict):
        return members({name: of_value(part) for name, part in value.items()})
    if isinstance(value, list):
        return array([of_value(part) for part in value])
    return Shape(frozenset({_KIND_OF[type(value)]}), values=(value,))


def members(fields: Mapping[str, Shape]) -> Shape:
    """Return the shape of an object that has exactly `fields`."""
    return Shape(frozenset({"object"}), fields, frozenset(fields), is_closed=True)


def sharpened(shape: Shape, value: JSON) -> Shape:
    """Return `shape` as far as one of its values, which is known, leaves it open.

    Members that the value has are surely there, and others are not. Lists keep their item shape.
    """
    if isinstance(value, dict):
        fields = {name: sharpened(shape.member(name) or ANY, part) for name, part in value.items()}
        return members(fields)
    if shape.is_any:
        return of_value(value)
    if isinstance(value, list):
        return replace(shape, kinds=frozenset({"array"}))
    # A whole value says nothing about a `number`: its type stays what the schema says.
    kinds = of_value(value).kinds
    sharper = (shape.kinds & _NUMBERS if kinds & _NUMBERS else kinds) or kinds
    return replace(shape, kinds=sharper, low=None, high=None)


def array(items: Iterable[Shape]) -> Shape:
    """Return the shape of an array of any of `items`."""
    found = list(items)
    item = reduce(either, found) if found else None
    return Shape(frozenset({"array"}), item=item)


def nullable(shape: Shape) -> Shape:
    """Return `shape` with null among its values."""
    if shape.is_any:
        return shape
    values = None if shape.values is None else (*shape.values, None)
    return replace(shape, kinds=shape.kinds | {"null"}, values=values)


def either(one: Shape, other: Shape) -> Shape:
    """Return the smallest shape known to hold what either holds."""
    if one is other:
        return one
    if one.is_any or other.is_any:
        return ANY
    both = "object" in one.kinds and "object" in other.kinds
    with_fields = one if "object" in one.kinds else other
    return Shape(
        kinds=one.kinds | other.kinds,
        fields=_either_fields(one, other) if both else with_fields.fields,
        required=one.required & other.required if both else with_fields.required,
        rest=_either_rest(one, other) if both else with_fields.rest,
        is_closed=one.is_closed and other.is_closed if both else with_fields.is_closed,
        item=_either_item(one, other),
        values=_either_values(one, other),
        unit=one.unit if one.unit == other.unit else None,
        currency=one.currency if one.currency == other.currency else None,
        low=None if one.low is None or other.low is None else min(one.low, other.low),
        high=None if one.high is None or other.high is None else max(one.high, other.high),
    )


def _either_values(one: Shape, other: Shape) -> tuple[JSON, ...] | None:
    if one.values is None or other.values is None:
        return None
    if len(one.values) + len(other.values) > _MAX_VALUES:
        return None  # a long list of literals, which says no more than its type
    return one.values + other.values


def _either_fields(one: Shape, other: Shape) -> dict[str, Shape]:
    names = dict.fromkeys((*one.fields, *other.fields))
    return {
        name: either(one.fields.get(name, other.fields.get(name, ANY)), other.fields[name])
        if name in other.fields
        else one.fields[name]
        for name in names
    }


def _either_rest(one: Shape, other: Shape) -> Shape | None:
    if one.rest is None or other.rest is None:
        return one.rest or other.rest
    return either(one.rest, other.rest)


def _either_item(one: Shape, other: Shape) -> Shape | None:
    if "array" in one.kinds and "array" in other.kinds:
        # Nothing known of one of them is nothing known of both, unless that one is surely empty.
        return None if one.item is None or other.item is None else either(one.item, other.item)
    return one.item if "array" in one.kinds else other.item


class _Reader:
    """Reads one schema into a tree of shapes.

    References unfold, so a small schema can stand for a vast tree; what lies beyond the budget is
    `ANY`. Every later walk over a shape is bounded by that.
    """

    def __init__(self, root: JSON) -> None:
        self._root = root
        self._left = _MAX_SHAPES

    def read(self, schema: JSON, trail: tuple[str, ...]) -> Shape:
        """Return the shape of `schema`; `trail` holds the references being followed."""
        self._left -= 1
        if not isinstance(schema, dict) or self._left < 0:
            return ANY
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if reference in trail or len(trail) >= _MAX_TRAIL:
                return ANY
            return self.read(_target(self._root, reference), (*trail, reference))
        if any(word in schema for word in _COMBINING):
            return _together([*self._parts(schema, trail)])
        return self._plain(schema, trail)

    def _parts(self, schema: JSONObject, trail: tuple[str, ...]) -> Iterator[Shape]:
        """Yield the shapes that hold together where a schema combines others."""
        own = {word: part for word, part in schema.items() if word not in _COMBINING}
        yield self._plain(own, trail)
        for word in _COMBINING:
            listed = schema.get(word)
            if not isinstance(listed, list) or not listed:
                continue
            shapes = [self.read(part, trail) for part in listed]
            if word == "allOf":
                yield from shapes
            else:
                yield reduce(either, shapes)

    def _plain(self, schema: JSONObject, trail: tuple[str, ...]) -> Shape:
        kinds, values = _kinds(schema), _values(schema)
        if kinds == KINDS and values is None and not ({"properties", "items"} & schema.keys()):
            return ANY
        properties = schema.get("properties")
        fields = properties.items() if isinstance(properties, dict) else ()
        required = schema.get("required")
        names = required if isinstance(required, list) else []
        items = schema.get("items")
        amount = schema.get("x-currency")
        is_code = isinstance(amount, str) and amount.isupper()
        return Shape(
            kinds=kinds,
            fields=_with_currencies({name: self.read(part, trail) for name, part in fields}),
            required=frozenset(str(name) for name in names),
            rest=self._rest(schema, trail),
            is_closed=schema.get("additionalProperties") is False,
            item=self.read(items, trail) if isinstance(items, dict) else None,
            values=values,
            unit=str(schema["x-unit"]) if "x-unit" in schema else None,
            currency=str(amount) if is_code else None,
            currency_member=str(amount) if amount is not None and not is_code else None,
            low=_bound(schema, max, "minimum", "exclusiveMinimum"),
            high=_bound(schema, min, "maximum", "exclusiveMaximum"),
        )

    def _rest(self, schema: JSONObject, trail: tuple[str, ...]) -> Shape | None:
        more = schema.get("additionalProperties")
        if more is False:
            return None
        if isinstance(more, dict):
            return self.read(more, trail)
        says_more = more is True or "patternProperties" in schema
        return ANY if says_more or "properties" not in schema else None


def _together(shapes: Sequence[Shape]) -> Shape:
    """Return what is known when all of `shapes` hold: of objects, all their members together."""
    known = [shape for shape in shapes if not shape.is_any]
    if not known:
        return ANY
    if len(known) == 1:
        return known[0]
    fields: dict[str, Shape] = {}
    for shape in known:
        fields.update(shape.fields)
    kinds = reduce(frozenset.intersection, (shape.kinds for shape in known))
    return replace(
        known[0],
        kinds=kinds or known[0].kinds,
        fields=fields,
        required=_union(shape.required for shape in known),
        rest=next((shape.rest for shape in known if shape.rest is not None), None),
        is_closed=any(shape.is_closed for shape in known),
        item=next((shape.item for shape in known if shape.item is not None), None),
        values=next((shape.values for shape in known if shape.values is not None), None),
        unit=next((shape.unit for shape in known if shape.unit is not None), None),
        currency=next((shape.currency for shape in known if shape.currency is not None), None),
        low=max((shape.low for shape in known if shape.low is not None), default=None),
        high=min((shape.high for shape in known if shape.high is not None), default=None),
    )


def _with_currencies(fields: dict[str, Shape]) -> dict[str, Shape]:
    """Return members, the amounts among them with the currency that stands beside them."""
    for name, amount in fields.items():
        if amount.currency_member is not None:
            fields[name] = in_currency_of(amount, fields)
    return fields


def in_currency_of(amount: Shape, members: Mapping[str, Shape]) -> Shape:
    """Return an amount with its currency, if the member that holds it can have one value alone."""
    beside = members.get(amount.currency_member or "")
    values = () if beside is None else beside.values or ()
    if len(values) != 1 or not isinstance(values[0], str):
        return amount
    return replace(amount, currency=values[0])


def _bound(
    schema: JSONObject, strictest: Callable[[list[float]], float], *words: str
) -> float | None:
    said = [schema.get(word) for word in words]
    numbers = [each for each in said if isinstance(each, int | float)]
    return strictest(numbers) if numbers else None


def _kinds(schema: JSONObject) -> frozenset[str]:
    named = schema.get("type")
    listed = named if isinstance(named, list) else [named]
    kinds = frozenset(str(kind) for kind in listed) & KINDS
    values = _values(schema)
    if not kinds and values is not None:
        kinds = _union(of_value(value).kinds for value in values)
    elif not kinds:
        kinds = frozenset({"object"}) if "properties" in schema else KINDS
    return kinds | {"integer"} if "number" in kinds else kinds


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return reduce(frozenset.union, sets, frozenset())


def _values(schema: JSONObject) -> tuple[JSON, ...] | None:
    if "const" in schema:
        return (schema["const"],)
    listed = schema.get("enum")
    return tuple(listed) if isinstance(listed, list) and listed else None


def _target(root: JSON, reference: str) -> JSON:
    """Return what a reference inside the document leads to; `None` when it leads elsewhere."""
    if not reference.startswith("#"):
        return None
    try:
        return follow(root, reference.removeprefix("#"))
    except PointerError:
        return None
