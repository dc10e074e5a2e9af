"""`remit propose` before anybody is asked: the words that it needs, and the project's table."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

TABLE = '\n[planner]\nfunction = "planners.own:propose"\nagent = "notes-agent@1.0.0"\n'


def test_a_project_without_a_planner_says_so(remit: Command, notes: Path) -> None:
    """With the way to name one."""
    ran = remit("propose", "anything", "--project", notes, "--json")

    assert (ran.code, ran.codes) == (2, ["PLANNER-MISSING"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "PROPOSAL-WHOM"),
        (("--on-behalf-of", "me", "--tenant", "acme"), "PROPOSAL-WHOM"),
        (("--on-behalf-of", "me", "--tenant", "ACME", "--owner", "team:x"), "PROPOSAL-REQUEST"),
        (("--on-behalf-of", "me", "--tenant", "acme", "--owner", ""), "PROPOSAL-WHOM"),
        (("--rounds", "11"), "CLI-USAGE"),
        (("--on-behalf-of", "m", "--tenant", "a", "--owner", "o", "--input", "x"), "CLI-INPUT"),
    ],
)
def test_what_is_missing_is_named(
    remit: Command,
    notes: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: str,
) -> None:
    """Nothing is started, and no stack is needed to say so."""
    monkeypatch.delenv("REMIT_AS", raising=False)
    with (notes / "remit.toml").open("a") as file:
        file.write(TABLE)

    ran = remit("propose", "anything", *words, "--project", notes, "--json")

    assert (ran.code, ran.codes) == (2, [code])


def test_a_table_that_cannot_be_used_is_told_by_place(remit: Command, notes: Path) -> None:
    """By the key that is wrong."""
    with (notes / "remit.toml").open("a") as file:
        file.write('\n[planner]\nfunction = "own"\n')

    ran = remit("propose", "anything", "--project", notes, "--json")

    assert (ran.code, ran.codes) == (2, ["PLANNER-INVALID"])
