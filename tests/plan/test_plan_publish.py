"""The committed reference is what the code says; the published schema agrees with the models."""

from pathlib import Path

import jsonschema_rs
import pytest

from remit.canonical import JSON
from remit.plan.publish import diagnostics_text, plan_schema, schema_text
from tests.plan.compiling import PURCHASE, plan

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize(
    ("name", "text"),
    [("plan.schema.json", schema_text()), ("diagnostics.md", diagnostics_text())],
)
def test_the_committed_reference_is_what_the_code_says(name: str, text: str) -> None:
    """After a change: `python -m remit.plan.publish schema|diagnostics > docs/reference/…`."""
    assert (REFERENCE / name).read_text() == text


def test_the_published_schema_takes_the_example() -> None:
    """Editors and planners that validate by the schema accept what the compiler accepts."""
    assert jsonschema_rs.validator_for(plan_schema()).is_valid(PURCHASE)


@pytest.mark.parametrize(
    "wrong",
    [
        plan({"id": "Look", "tool": "crm.get_contact@1"}),
        plan({"id": "look", "tool": "crm.get_contact"}),
        plan({"id": "look", "tool": "crm.get_contact@1", "timeout": "30s"}),
        plan({"id": "look", "tool": "crm.get_contact@1", "nedds": []}),
        {**plan(), "steps": []},
    ],
)
def test_the_published_schema_refuses_what_the_models_refuse(wrong: JSON) -> None:
    """Patterns, sizes and closed fields reach the schema."""
    assert not jsonschema_rs.validator_for(plan_schema()).is_valid(wrong)


def test_fields_are_described_by_their_docstrings() -> None:
    """The schema tells a planner what a field means."""
    definitions = plan_schema()["$defs"]
    assert isinstance(definitions, dict)
    step = definitions["Step"]
    assert isinstance(step, dict)
    properties = step["properties"]
    assert isinstance(properties, dict)
    described = [name for name, part in properties.items() if "description" in str(part)]

    assert {"needs", "when", "require", "ensure", "args", "irreversible"} <= set(described)
