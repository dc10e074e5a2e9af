"""The words of a schema: where schemas stand inside it, what is kept as it is, what is refused."""

from collections.abc import Iterator

from remit.canonical import JSON, JSONObject

ONE = frozenset(
    {"additionalProperties", "items", "not", "contains", "propertyNames", "if", "then", "else"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
"""Keywords that hold a schema."""
MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Keywords that hold a list of schemas."""
NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
"""Keywords that hold schemas by name."""
PLAIN = frozenset(
    {"type", "enum", "const", "multipleOf", "maximum", "minimum", "exclusiveMaximum"}
    | {"exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems"}
    | {"uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties", "required"}
    | {"dependentRequired", "format", "contentEncoding", "contentMediaType", "default"}
    | {"x-unit", "x-currency"}
)
"""Keywords that are taken as they are; what stands nowhere here says nothing about a value."""
MOVING = frozenset({"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "id"})
"""Keywords that change what references mean; schemas with them are refused. (`id` as a keyword is
a text; a property called so stands under `properties`.)"""
BOUNDS = ("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum")

_Inner = tuple[tuple[str | int, ...], JSON]


def inner(schema: JSONObject) -> Iterator[_Inner]:
    """Yield each schema right inside `schema`, with its place."""
    for word, value in schema.items():
        if word in ONE:
            yield (word,), value
        elif word in MANY and isinstance(value, list):
            yield from (((word, index), part) for index, part in enumerate(value))
        elif word in NAMED and isinstance(value, dict):
            yield from (((word, name), part) for name, part in value.items())


def everywhere(schema: JSON) -> Iterator[JSONObject]:
    """Yield `schema` and every schema inside it, without following references."""
    left = [schema]
    while left:
        here = left.pop()
        if isinstance(here, dict):
            yield here
            left += (part for _, part in inner(here))
