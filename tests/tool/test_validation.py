"""Values against schemas: what is found, and that nothing is repeated."""

import pytest

from remit.canonical import JSONObject
from remit.tool.validation import SchemaError, check_input, check_output, validator
from tests.tool.contracts import contract


def test_findings_point_at_the_value_and_the_rule() -> None:
    """Each finding has the path of the value and the place of the rule in the schema."""
    schema: JSONObject = {
        "type": "object",
        "properties": {"lines": {"type": "array", "items": {"type": "integer", "minimum": 1}}},
    }

    found = check_input(contract(input_schema=schema), {"lines": [1, 0, "x"]})

    assert [(each.code, each.path) for each in found] == [
        ("TOOL-INPUT", "/lines/1"),
        ("TOOL-INPUT", "/lines/2"),
    ]
    assert found[0].hint.endswith("/properties/lines/items/minimum")


def test_values_are_not_repeated() -> None:
    """A finding may be recorded: it holds nothing of the value."""
    schema: JSONObject = {"type": "string", "pattern": "^a+$", "format": "email", "maxLength": 2}

    found = check_output(contract(output_schema=schema), "hunter2")

    assert len(found) == 3
    assert "hunter2" not in str(found)


def test_formats_are_checked() -> None:
    """A format is a rule, not a remark."""
    held = contract(output_schema={"type": "string", "format": "date-time"})

    assert check_output(held, "2026-11-21T09:00:00Z") == []
    assert [each.code for each in check_output(held, "yesterday")] == ["TOOL-OUTPUT"]


def test_findings_are_bounded() -> None:
    """Ten thousand wrong items do not become ten thousand findings."""
    held = contract(output_schema={"type": "array", "items": {"type": "integer"}})

    assert len(check_output(held, ["x"] * 10_000)) == 20


@pytest.mark.parametrize(
    "schema",
    [
        {"type": 7},
        {"$ref": "#/$defs/none"},
        {"$ref": "file:///etc/passwd"},
        {"$schema": "https://json-schema.org/draft/2019-09/schema"},
    ],
)
def test_schemas_that_do_not_stand_by_themselves(schema: JSONObject) -> None:
    """Malformed schemas, and ones that lead outside, are refused when they are compiled."""
    with pytest.raises(SchemaError):
        validator(schema)


def test_the_same_schema_is_compiled_once() -> None:
    """Compiling is not repeated on every call."""
    schema: JSONObject = {"type": "object"}

    assert validator(schema) is validator(schema)
