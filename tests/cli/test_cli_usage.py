"""Wrong words on the command line, help, version, and errors that nobody foresaw."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

COMMANDS = (
    *("up", "down", "status", "env", "validate", "dry-run", "graph", "run"),
    *("explain", "tools", "schema", "init"),
)


def test_every_command_is_listed_and_explained(remit: Command) -> None:
    """Help names every command and the exit codes; each command explains itself."""
    ran = remit("--help")

    assert ran.code == 0
    assert "Exit codes" in ran.out
    for name in COMMANDS:
        assert f"\n  {name}" in ran.out
        assert remit(name, "--help").code == 0


def test_no_words_at_all_give_help(remit: Command) -> None:
    """`remit` alone lists the commands."""
    assert remit().out == remit("--help").out


@pytest.mark.parametrize(
    "arguments",
    [
        ("nope",),
        ("validate",),
        ("graph", "x.json", "--format", "png"),
        ("schema", "plam"),
        ("run", "x.json", "--no-folow"),
        ("run", "x.json", "--input", "amount"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_coded_and_returns_2(
    remit: Command, notes: Path, arguments: tuple[str, ...]
) -> None:
    """Exit code 2 and one line that says what to type; as JSON with `--json`, also then."""
    plain = remit(*arguments)
    as_json = remit(*arguments, "--json")

    assert (plain.code, as_json.code) == (2, 2)
    assert plain.out == ""
    assert "→" in plain.err
    assert as_json.codes[0].startswith("CLI-")


def test_a_bug_is_called_one(remit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw gives a code and no traceback, and says how to see one."""

    def broken(name: str) -> int:
        raise ZeroDivisionError("by nobody")

    monkeypatch.setattr("remit.cli.catalogue.schema", broken)

    ran = remit("schema")

    assert (ran.code, "Traceback" in ran.err) == (3, False)
    assert "REMIT-BUG" in ran.err
    assert "REMIT_DEBUG=1" in ran.err


def test_a_version_can_be_asked_for(remit: Command) -> None:
    """`--version` answers without a command."""
    ran = remit("--version")

    assert ran.code == 0
    assert ran.out.startswith("remit")
