"""Schemas of OpenAPI mean in a contract what they mean in the document, on both sides."""

from dataclasses import dataclass

import pytest

from remit.canonical import JSON, JSONObject
from remit.tool.validation import check
from tests.tool.openapi.described import Described, answering, body, one, only, operation


@dataclass(frozen=True)
class Case:
    """A schema, what it takes and what it does not."""

    name: str
    schema: JSON
    takes: tuple[JSON, ...]
    refuses: tuple[JSON, ...]
    version: str = "3.1.0"
    sent: bool = False


DAY: JSONObject = {"type": "string", "format": "date"}
CASES = (
    Case("nullable", {"type": "string", "nullable": True}, ("a", None), (1,), "3.0.3"),
    Case(
        "nullable enum is answered",
        {"type": "string", "enum": ["a"], "nullable": True},
        ("a", None),
        ("b",),
        "3.0.3",
    ),
    Case(
        "nullable enum is not sent",
        {"type": "string", "enum": ["a"], "nullable": True},
        ("a",),
        ("b", None),
        "3.0.3",
        True,
    ),
    Case(
        "open bounds",
        {"type": "integer", "minimum": 1, "exclusiveMinimum": True, "maximum": 3},
        (2, 3),
        (1, 4),
        "3.0.1",
    ),
    Case(
        "required twice",
        {"type": "object", "required": ["a", "b", "a"]},
        ({"a": 1, "b": 1},),
        ({"a": 1}, {"b": 1}),
    ),
    Case("vacuous bounds", {"type": "integer", "maximum": 9223372036854775807}, (1, 2**53), ("1",)),
    Case("formats", DAY, ("2026-11-22",), ("22.11.2026", 5)),
    Case("types of 3.1", {"type": ["string", "null"]}, ("a", None), (1,)),
    Case(
        "siblings of a reference count in 3.1",
        {"$ref": "#/components/schemas/Word", "minLength": 3},
        ("abc",),
        ("ab", 1),
    ),
    Case(
        "siblings of a reference count for nothing in 3.0",
        {"$ref": "#/components/schemas/Word", "minLength": 3},
        ("ab",),
        (1,),
        "3.0.0",
    ),
    Case(
        "allOf",
        {"allOf": [{"$ref": "#/components/schemas/Named"}, {"required": ["age"]}]},
        ({"name": "a", "age": 1},),
        ({"name": "a"}, {"age": 1}),
    ),
    Case(
        "a cycle",
        {"$ref": "#/components/schemas/Tree"},
        ({"leaves": [{"leaves": []}]},),
        ({"leaves": [{"leaves": 1}]},),
    ),
    Case("examples say nothing", {"type": "string", "example": 1, "x-other": 2}, ("a",), (1,)),
    Case(
        "readOnly is not sent",
        {"$ref": "#/components/schemas/Account"},
        ({"name": "a"},),
        ({"name": "a", "id": "1"}, {}),
        "3.1.0",
        True,
    ),
    Case(
        "readOnly is answered",
        {"$ref": "#/components/schemas/Account"},
        ({"name": "a", "id": "1"},),
        ({"name": "a"},),
    ),
    Case(
        "writeOnly is sent",
        {"$ref": "#/components/schemas/Login"},
        ({"user": "a", "password": "b"},),
        ({"user": "a"},),
        "3.1.0",
        True,
    ),
    Case(
        "writeOnly is not answered", {"$ref": "#/components/schemas/Login"}, ({"user": "a"},), ({},)
    ),
)
COMPONENTS: JSONObject = {
    "schemas": {
        "Word": {"type": "string"},
        "Named": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
        },
        "Tree": {
            "type": "object",
            "properties": {
                "leaves": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}
            },
        },
        "Account": {
            "type": "object",
            "required": ["id", "name"],
            "properties": {"id": {"type": "string", "readOnly": True}, "name": {"type": "string"}},
        },
        "Login": {
            "type": "object",
            "required": ["user", "password"],
            "properties": {
                "user": {"type": "string"},
                "password": {"$ref": "#/components/schemas/Secret"},
            },
        },
        "Secret": {"type": "string", "writeOnly": True},
    }
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_schema_takes_what_it_means(case: Case) -> None:
    """As the validator at run time reads it."""
    wrapped: JSONObject = {"type": "array", "items": case.schema}
    entry = operation(requestBody=body(wrapped), responses=answering(wrapped))
    contract = only(one(entry, components=COMPONENTS, version=case.version))
    schema = contract.input_schema if case.sent else contract.output_schema

    def is_taken(value: JSON) -> bool:
        given: JSON = {"body": [value]} if case.sent else [value]
        return check(schema, given, "X") == []

    assert [value for value in case.takes if not is_taken(value)] == []
    assert [value for value in case.refuses if is_taken(value)] == []


def test_a_discriminator_chooses_the_branch() -> None:
    """Two open objects that look alike are told apart by name, mapped or not."""
    pets: JSONObject = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": {"hound": "#/components/schemas/Dog"}},
    }
    kinds: JSONObject = {"type": "object", "properties": {"kind": {"type": "string"}}}
    components: JSONObject = {"schemas": {"Cat": kinds, "Dog": kinds}}
    contract = only(one(operation(responses=answering(pets)), components=components))

    taken = [
        name
        for name in ("Cat", "Dog", "hound", "Bird")
        if check(contract.output_schema, {"kind": name}, "X") == []
    ]
    assert taken == ["Cat", "Dog", "hound"]
    assert check(contract.output_schema, {}, "X") != []


def test_shared_definitions_are_written_once() -> None:
    """A file holds a definition once; each contract stands by itself."""
    tree = answering({"$ref": "#/components/schemas/Tree"})
    paths: JSONObject = {
        "/a": {"get": operation(operationId="a", responses=tree)},
        "/b": {"get": operation(operationId="b", responses=answering({"type": "string"}))},
    }
    made = Described(paths, COMPONENTS).imported()

    assert list(made.body()["schemas"] or {}) == ["Tree"]
    assert [set(tool) & {"$defs"} for tool in made.tools] == [set(), set()]


def test_hostile_names_of_definitions_are_digests() -> None:
    """A component may be called anything; its definition's name is plain."""
    name = "../../etc/passwd\u202e" + "x" * 5000
    pointer = "#/components/schemas/" + name.replace("/", "~1")
    components: JSONObject = {"schemas": {name: {"type": "string"}}}
    entry = operation(responses=answering({"type": "array", "items": {"$ref": pointer}}))
    made = one(entry, components=components).imported()

    (written,) = made.schemas
    assert len(written) < 60
    assert written.isascii()
    assert "/" not in written
