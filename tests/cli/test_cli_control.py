"""`remit status`, `down`, `env` and the commands that need a stack, where there is none."""

from pathlib import Path

import pytest

from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.layout import Layout
from remit.cli.stack.state import StackState, save
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


@pytest.fixture
def broken(notes: Path) -> Path:
    """A stack whose state says that it runs, and of which nothing answers."""
    layout = Layout(notes)
    layout.create()
    layout.opa_token.write_text("t")
    environment = StackEnvironment(
        project=notes,
        temporal_address="127.0.0.1:1",
        temporal_ui="http://127.0.0.1:1",
        opa_socket=notes / "opa.sock",
        opa_token_file=layout.opa_token,
        ledger_url="sqlite:///none",
        log_dir=layout.logs,
        opa_binary=notes / "opa",
        temporal_binary=notes / "temporal",
    )
    save(layout.state, StackState(environment=environment))
    return notes


@pytest.mark.parametrize(
    ("command", "code"),
    [("run", "TEMPORAL-UNREACHABLE"), ("dry-run", "host:opa_unavailable")],
)
def test_a_dead_stack_is_told_in_time(
    remit: Command, broken: Path, command: str, code: str
) -> None:
    """Where Temporal or OPA does not answer, exit code 3 comes with a code and a way out."""
    plan = broken / "plans" / "hello.yaml"

    plain, as_json = remit(command, plan), remit(command, plan, "--json")

    assert (plain.code, as_json.code, as_json.codes) == (3, 3, [code])
    assert "remit " in plain.err
    assert "Traceback" not in plain.err
