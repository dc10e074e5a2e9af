"""Whether every value that one JSON Schema takes is taken by another: as far as it can be shown.

The answer is one-sided. No place means that it is so; a place says that it is not, or that it
cannot be told. Annotations count for nothing. What is compared are contracts of one service before
and after a change, which have most in common; so a word that differs in any way that is not
understood here counts as a difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from remit.canonical import JSON, JSONObject, canonical
from remit.diagnostic import pointer

_SILENT = frozenset({"description", "title", "default", "examples", "$defs", "$comment"})
_LEAST = frozenset(
    {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"}
)
_MOST = frozenset(
    {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"}
)
_MAX_DEPTH = 60


@dataclass(frozen=True, slots=True)
class _Two:
    narrow: JSON
    wide: JSON
    path: tuple[str, ...]
    trail: frozenset[tuple[str, str]]


class Comparison:
    """Two schemas, each with its own definitions."""

    def __init__(self, narrow: JSONObject, wide: JSONObject) -> None:
        self._narrow = narrow
        self._wide = wide

    def differences(self) -> list[str]:
        """Return the pointers at which `narrow` may take what `wide` does not; sorted."""
        top = _Two(self._narrow, self._wide, (), frozenset())
        return sorted({pointer(*path) for path in self._compare(top)})

    def _compare(self, two: _Two) -> Iterator[tuple[str, ...]]:
        narrow, wide, trail = two.narrow, two.wide, two.trail
        key = (_text(narrow), _text(wide))
        if key in trail:
            return  # met again on the way to itself: it is so if all else is
        if len(two.path) > _MAX_DEPTH:
            yield two.path
            return
        if key[0] == key[1] and "$ref" not in key[0]:
            return
        trail |= {key}
        narrow, wide = _entered(narrow, self._narrow), _entered(wide, self._wide)
        if wide is True or narrow is False or wide == {}:
            return
        if not isinstance(narrow, dict) or not isinstance(wide, dict):
            yield two.path
            return
        branches = narrow.get("anyOf")
        if isinstance(branches, list) and "anyOf" not in wide:
            for branch in branches:
                yield from self._compare(_Two(branch, wide, two.path, trail))
            return
        here = _Two(narrow, wide, two.path, trail)
        for word in wide.keys() - _SILENT:
            yield from self._word(word, narrow, wide, here)

    def _word(
        self, word: str, narrow: JSONObject, wide: JSONObject, here: _Two
    ) -> Iterator[tuple[str, ...]]:
        asked, given = wide[word], narrow.get(word)
        if word == "properties":
            yield from self._properties(narrow, wide, here)
        elif word == "additionalProperties":
            yield from self._rest(narrow, wide, here)
        elif word == "items" and ("prefixItems" in narrow) == ("prefixItems" in wide):
            yield from self._into(here, given if word in narrow else True, asked, word)
        elif word == "$ref" and isinstance(given, str):
            yield from self._into(here, {word: given}, {word: asked})
        elif word in ("anyOf", "oneOf", "allOf", "prefixItems"):
            yield from self._branches(word, narrow, asked, here)
        elif not _implied(word, asked, given, narrow):
            yield (*here.path, word)

    def _properties(
        self, narrow: JSONObject, wide: JSONObject, here: _Two
    ) -> Iterator[tuple[str, ...]]:
        given, rest = _members(narrow.get("properties")), narrow.get("additionalProperties", True)
        for name, asked in _members(wide.get("properties")).items():
            one = given.get(name, rest)
            yield from self._into(here, one, asked, "properties", name)

    def _rest(self, narrow: JSONObject, wide: JSONObject, here: _Two) -> Iterator[tuple[str, ...]]:
        known, asked = _members(wide.get("properties")), wide["additionalProperties"]
        if "patternProperties" in narrow or "patternProperties" in wide:
            if _text(narrow) != _text(wide):
                yield (*here.path, "patternProperties")
            return
        for name, one in _members(narrow.get("properties")).items():
            if name not in known:
                yield from self._into(here, one, asked, "properties", name)
        rest = narrow.get("additionalProperties", True)
        yield from self._into(here, rest, asked, "additionalProperties")

    def _branches(
        self, word: str, narrow: JSONObject, asked: JSON, here: _Two
    ) -> Iterator[tuple[str, ...]]:
        given, listed = narrow.get(word), asked if isinstance(asked, list) else []
        if word == "anyOf" and not isinstance(given, list):
            way = (here.path, here.trail)
            fits = (not any(self._compare(_Two(narrow, one, *way))) for one in listed)
            if not any(fits):
                yield (*here.path, word)
            return
        if not isinstance(given, list) or len(given) != len(listed):
            yield (*here.path, word)
            return
        for index, (one, other) in enumerate(zip(given, listed, strict=True)):
            if word == "oneOf":  # a branch that takes more may leave none that takes alone
                yield from self._into(here, other, one, word, str(index))
            yield from self._into(here, one, other, word, str(index))

    def _into(self, here: _Two, narrow: JSON, wide: JSON, *parts: str) -> Iterator[tuple[str, ...]]:
        yield from self._compare(_Two(narrow, wide, (*here.path, *parts), here.trail))


def _implied(word: str, asked: JSON, given: JSON, narrow: JSONObject) -> bool:
    """Say whether a schema that says `given` under `word` holds what `asked` asks there."""
    listed = narrow.get("enum", [narrow["const"]] if "const" in narrow else None)
    if word == "type":
        kinds = _kinds(asked)
        kinds |= {"integer"} if "number" in kinds else set()
        return given is not None and _kinds(given) <= kinds
    if word in ("enum", "const"):
        values = asked if word == "enum" and isinstance(asked, list) else [asked]
        known = {_text(value) for value in values}
        return isinstance(listed, list) and all(_text(value) in known for value in listed)
    if word == "required":
        return _names(asked) <= _names(given)
    if word in _LEAST | _MOST and isinstance(asked, int | float) and isinstance(given, int | float):
        return given >= asked if word in _LEAST else given <= asked
    is_whole = "$ref" not in _text(asked) and not word.startswith("unevaluated")
    return is_whole and given is not None and _text(asked) == _text(given)


def _entered(schema: JSON, root: JSONObject) -> JSON:
    """Return what a schema that is a reference alone refers to."""
    for _ in range(20):
        if not isinstance(schema, dict) or schema.keys() - _SILENT != {"$ref"}:
            return schema
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        found = _members(root.get("$defs")).get(name)
        if found is None:
            return schema
        schema = found
    return schema


def _kinds(value: JSON) -> set[str]:
    return {str(each) for each in value} if isinstance(value, list) else {str(value)}


def _names(value: JSON) -> set[str]:
    return {str(each) for each in value} if isinstance(value, list) else set()


def _members(value: JSON) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _text(value: JSON) -> str:
    return canonical(value).decode()
