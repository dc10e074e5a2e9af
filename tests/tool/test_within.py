"""Whether one schema takes all that another does: shown, or not claimed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import JSON, JSONObject
from remit.tool.validation import check
from remit.tool.within import Comparison

TEXT: JSONObject = {"type": "string"}
CLOSED: JSONObject = {"type": "object", "properties": {"a": TEXT}, "additionalProperties": False}


def within(narrow: JSONObject, wide: JSONObject) -> list[str]:
    """Return the places at which it is not so."""
    return Comparison(narrow, wide).differences()


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (TEXT, {}),
        ({"type": "integer"}, {"type": "number"}),
        (TEXT, {"type": ["string", "null"]}),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}),
        ({"type": "integer", "minimum": 2}, {"type": "integer", "minimum": 1}),
        (CLOSED, {"type": "object", "properties": {"a": TEXT, "b": {"type": "integer"}}}),
        ({**CLOSED, "required": ["a"]}, CLOSED),
        ({"anyOf": [TEXT, {"type": "null"}]}, {"type": ["null", "string"]}),
        (TEXT, {"anyOf": [{"type": "null"}, TEXT]}),
        ({"$ref": "#/$defs/A", "$defs": {"A": TEXT}}, {"$ref": "#/$defs/B", "$defs": {"B": TEXT}}),
        ({**TEXT, "description": "a"}, {**TEXT, "description": "b"}),
    ],
)
def test_what_is_within(narrow: JSONObject, wide: JSONObject) -> None:
    """No place is named."""
    assert within(narrow, wide) == []


@pytest.mark.parametrize(
    ("narrow", "wide", "place"),
    [
        ({}, TEXT, "/type"),
        ({"type": "number"}, {"type": "integer"}, "/type"),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, "/enum"),
        (CLOSED, {**CLOSED, "required": ["a"]}, "/required"),
        ({"type": "object", "properties": {"a": TEXT}}, CLOSED, "/additionalProperties"),
        (CLOSED, {**CLOSED, "properties": {}}, "/properties/a"),
        ({**TEXT, "pattern": "a"}, {**TEXT, "pattern": "b"}, "/pattern"),
        (
            {"$ref": "#/$defs/A", "$defs": {"A": TEXT}},
            {"$ref": "#/$defs/A", "$defs": {"A": {"type": "integer"}}},
            "/type",
        ),
        (
            {"not": {"$ref": "#/$defs/A"}, "$defs": {"A": TEXT}},
            {"not": {"$ref": "#/$defs/A"}, "$defs": {"A": {}}},
            "/not",
        ),
    ],
)
def test_what_is_not(narrow: JSONObject, wide: JSONObject, place: str) -> None:
    """The place says where."""
    assert place in within(narrow, wide)


def test_cycles_end() -> None:
    """A tree is within itself under another name."""

    def tree(name: str) -> JSONObject:
        inner: JSONObject = {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}
        return {"$ref": f"#/$defs/{name}", "$defs": {name: {"properties": {"leaves": inner}}}}

    assert within(tree("A"), tree("B")) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "bb"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)


def _schemas() -> st.SearchStrategy[JSON]:
    kinds = st.sampled_from(["string", "integer", "number", "null", "object", "array", "boolean"])
    words = st.fixed_dictionaries(
        {},
        optional={
            "type": kinds | st.lists(kinds, min_size=1, max_size=2, unique=True),
            "minimum": st.integers(-2, 2),
            "maxLength": st.integers(0, 2),
            "required": st.lists(st.sampled_from("ab"), unique=True),
            "enum": st.lists(st.integers(0, 2), min_size=1, unique=True),
        },
    )

    def nested(inner: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
        members = st.dictionaries(st.sampled_from("ab"), inner)
        return st.fixed_dictionaries(
            {},
            optional={
                "properties": members,
                "additionalProperties": st.booleans() | inner,
                "items": inner,
                "anyOf": st.lists(inner, min_size=1, max_size=2),
                "oneOf": st.lists(inner, min_size=1, max_size=2),
                "allOf": st.lists(inner, min_size=1, max_size=2),
                "prefixItems": st.lists(inner, min_size=1, max_size=2),
                "not": inner,
            },
        )

    return st.recursive(words, lambda inner: nested(inner) | words, max_leaves=4)


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[JSONObject, JSONObject]:
    """Return two schemas that mostly have much in common, as before and after a change."""
    one, other = dict(draw(_schemas()) or {}), dict(draw(_schemas()) or {})  # type: ignore[arg-type]
    fewer = {word: value for word, value in one.items() if draw(st.booleans())}
    changed = {**one, **dict(list(other.items())[:1])}
    wide = draw(
        st.sampled_from([other, fewer, changed, {"anyOf": [one, other]}, {**fewer, **other}])
    )
    return one, wide


@given(_pairs(), st.lists(VALUES, max_size=8))
def test_what_is_claimed_is_so(pair: tuple[JSONObject, JSONObject], values: list[JSON]) -> None:
    """No value refutes an answer without places."""
    narrow, wide = pair
    if within(narrow, wide):
        return
    for value in values:
        if check(narrow, value, "X") == []:
            assert check(wide, value, "X") == []
