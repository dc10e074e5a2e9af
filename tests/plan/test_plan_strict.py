"""The strict form of plans: what structured-output APIs take, and what comes back of it."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.canonical import JSONObject
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.strict import from_strict, strict_schema, to_strict
from remit.stores.project import Project, load_project
from remit.tool.validation import validator
from tests.running import ROOT

SCHEMA = strict_schema()
PLANS = sorted((ROOT / "examples" / "backoffice" / "plans").glob("*.json"))
ALLOWED = {
    "type", "enum", "description", "anyOf", "$ref", "$defs", "items",
    "properties", "required", "additionalProperties",
}  # fmt: skip


def objects(schema: Any) -> Iterator[JSONObject]:
    """Yield every schema inside a schema."""
    yield schema
    parts = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    for part in [*parts, *schema.get("anyOf", []), *filter(None, [schema.get("items")])]:
        yield from objects(part)


def test_it_uses_what_such_apis_take_and_nothing_else() -> None:
    """Closed objects, every member required, no `oneOf`, no defaults, no patterns."""
    for schema in objects(SCHEMA):
        assert set(schema) <= ALLOWED
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])


@pytest.mark.parametrize("file", PLANS, ids=lambda file: file.stem)
def test_plans_have_a_strict_form_that_leads_back(file: Any) -> None:
    """Each example validates in its strict form, and comes back as it was."""
    plan = json.loads(file.read_text())

    written = to_strict(plan)

    validator(SCHEMA).validate(written)
    assert from_strict(written) == (plan, ())


def test_text_that_holds_no_object_is_said_with_its_place() -> None:
    """A model that writes `args` wrongly is told where."""
    plan = json.loads(PLANS[0].read_text())
    written: Any = to_strict(plan)
    written["steps"][0]["args"] = "{name: x}"

    _, found = from_strict(written)

    assert [(one.code, one.path) for one in found] == [("PLAN-NOT-JSON", "/steps/0/args")]


_REFERENCES = ["a", "lab.put@1", "1.0.0", "buyer@1.0.0", "PT5S", "${inputs.x}"]
WORDS = st.sampled_from([*_REFERENCES, "{}", '{"x": 1}', "[1]", "{", ""])


def documents(schema: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Return documents of a strict schema."""
    if "$ref" in schema:
        return documents(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], depth)
    if "anyOf" in schema:
        return st.one_of([documents(one, depth) for one in reversed(schema["anyOf"])])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "object":
            members = schema["properties"].items()
            return st.fixed_dictionaries({n: documents(part, depth + 1) for n, part in members})
        case "array":
            return st.lists(documents(schema["items"], depth + 1), max_size=3)
        case "integer":
            return st.integers(-2, 2**54)
        case "number":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    return WORDS


@cache
def lab() -> Project:
    """The lab's tools."""
    return load_project(ROOT / "tests" / "lab")


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(documents(SCHEMA))
def test_whatever_comes_back_is_a_plan_or_findings(document: Any) -> None:
    """Every document of the schema is read, compiled, and judged; nothing raises."""
    validator(SCHEMA).validate(document)

    plan, found = from_strict(document)
    made = compile_plan(plan, lab().catalogue, Library({}))

    assert made.compiled is not None or made.diagnostics or found
