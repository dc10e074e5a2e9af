"""`remit status`, `down`, `env` and the commands that need a stack, where there is none."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command


def test_a_stack_that_was_never_started_is_stopped(remit: Command, notes: Path) -> None:
    """`status` lists what would run and returns 3; `down` has nothing to do and returns 0."""
    ran = remit("status", notes, "--json")

    components = ran.document["components"]
    assert isinstance(components, list)
    assert (ran.code, ran.document["condition"]) == (3, "stopped")
    assert {"temporal", "opa", "workers"} <= {c["name"] for c in components if isinstance(c, dict)}
    assert remit("down", notes).code == 0


@pytest.mark.parametrize("command", ["env", "run", "dry-run"])
def test_what_needs_a_stack_says_how_to_start_it(
    remit: Command, notes: Path, hello: Path, command: str
) -> None:
    """Exit code 3, a code, and `remit up` in the hint."""
    subject = notes if command == "env" else hello
    plain, as_json = remit(command, subject), remit(command, subject, "--json")

    assert (plain.code, as_json.codes) == (3, ["STACK-NOT-RUNNING"])
    assert "remit up" in plain.err


def test_a_plan_with_findings_is_not_started(remit: Command, notes: Path) -> None:
    """`run` and `dry-run` give the findings of `validate` before they look for a stack."""
    file = notes / "broken.json"
    file.write_text('{"schema": "remit.plan/v1"}')

    assert remit("run", file, "--json").codes == remit("dry-run", file, "--json").codes
    assert "PLAN-MISSING-FIELD" in remit("run", file, "--json").codes


def test_a_broken_remit_toml_is_wrong_usage(remit: Command, notes: Path) -> None:
    """`up` refuses it before anything starts."""
    (notes / "remit.toml").write_text("nom = 1")

    ran = remit("up", notes, "--json")

    assert (ran.code, ran.codes) == (2, ["PROJECT-INVALID"])
    assert not (notes / ".remit").exists()


def test_explain_reads_a_plan_without_a_stack(remit: Command, hello: Path) -> None:
    """Of a file it tells each step's reason, needs, conditions and undo."""
    out = remit("explain", hello).out

    assert "because somebody should say hello" in out
    assert "undone by notes.restore_note@1" in out
    assert "ensures output.text == inputs.text" in out
