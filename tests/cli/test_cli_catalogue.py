"""`remit tools` and `remit schema`."""

from pathlib import Path

import jsonschema_rs
import pytest

from remit.decision.facts import Facts
from remit.plan.document import read_document
from tests.cli.conftest import Command


def test_tools_are_listed_with_what_undoes_them(remit: Command, notes: Path) -> None:
    """One line a tool: name, operation, undo, description."""
    lines = remit("tools", "--project", notes).out.splitlines()

    assert [line.split()[0] for line in lines] == [
        "notes.read_note@1",
        "notes.restore_note@1",
        "notes.write_note@1",
    ]
    assert "undone by notes.restore_note@1" in lines[2]


def test_one_contract_is_shown_whole(remit: Command, notes: Path) -> None:
    """With its digest, as a compiled plan pins it."""
    document = remit("tools", "notes.read_note@1", "--project", notes, "--json").document

    contract = document["contract"]
    assert isinstance(contract, dict)
    assert contract["operation"] == "read"
    assert str(document["digest"]).startswith("sha256:")


def test_an_unknown_tool_is_answered_with_those_alike(remit: Command, notes: Path) -> None:
    """The refusal offers what was probably meant."""
    ran = remit("tools", "notes.raed_note@1", "--project", notes)

    assert ran.code == 2
    assert "did you mean notes.read_note@1" in ran.err


def test_the_plan_schema_takes_the_example(remit: Command, hello: Path) -> None:
    """The printed schema describes what the scaffold's plan is."""
    schema = remit("schema", "plan").document

    document = read_document(hello.read_bytes(), hello.name)
    assert jsonschema_rs.validator_for(schema).is_valid(document)


@pytest.mark.parametrize("name", ["facts", "decision", "tool"])
def test_every_contract_has_a_schema(remit: Command, name: str) -> None:
    """Each is JSON, with and without `--json`."""
    schema = remit("schema", name, "--json").document

    assert schema["type"] == "object"
    assert remit("schema", "facts").document == Facts.model_json_schema()
