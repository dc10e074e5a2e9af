"""Which project a command is about."""

from pathlib import Path

import pytest

from remit.cli.errors import CliError
from remit.cli.place import find_project
from tests.cli.conftest import Command


@pytest.fixture(autouse=True)
def _away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)


def project(folder: Path) -> Path:
    """Make a folder a project."""
    folder.mkdir(parents=True)
    (folder / "remit.toml").touch()
    return folder


def test_the_stated_folder_wins(tmp_path: Path) -> None:
    """`--project` comes before the variable, the file and the place."""
    stated, other = project(tmp_path / "a"), project(tmp_path / "b")

    found = find_project(stated, near=other / "p.json", variables={"REMIT_PROJECT": str(other)})

    assert found == stated.resolve()


def test_the_variable_comes_next(tmp_path: Path) -> None:
    """`REMIT_PROJECT` comes before the file's folder."""
    named, other = project(tmp_path / "a"), project(tmp_path / "b")

    found = find_project(None, near=other / "p.json", variables={"REMIT_PROJECT": str(named)})

    assert found == named.resolve()


def test_the_file_comes_before_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan's own project is meant, wherever the user stands; else where the user stands."""
    own, here = project(tmp_path / "own"), project(tmp_path / "here")
    below = here / "deep" / "er"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    assert find_project(None, near=own / "plans" / "p.json", variables={}) == own.resolve()
    assert find_project(None, near=tmp_path / "p.json", variables={}) == here.resolve()


def test_a_checkout_has_its_examples(tmp_path: Path) -> None:
    """Where nothing else is a project, the back office of a checkout is."""
    examples = project(tmp_path / "checkout" / "examples" / "backoffice")

    assert find_project(None, variables={}, checkout=tmp_path / "checkout") == examples


@pytest.mark.parametrize("variables", [{}, {"REMIT_PROJECT": "/nowhere"}])
def test_no_project_is_wrong_usage(tmp_path: Path, variables: dict[str, str]) -> None:
    """The refusal says how to make a project, and who named a folder that is none."""
    with pytest.raises(CliError) as caught:
        find_project(None, variables=variables, checkout=tmp_path)

    (finding,) = caught.value.findings
    assert (finding.code, caught.value.exit_code) == ("PROJECT-MISSING", 2)
    assert "remit init" in finding.hint
    assert all(name in finding.message for name in variables)


def test_a_command_outside_any_project_returns_2(remit: Command, tmp_path: Path) -> None:
    """`--project` that is no project is refused before anything is read."""
    ran = remit("tools", "--project", tmp_path / "none", "--json")

    assert (ran.code, ran.codes) == (2, ["PROJECT-MISSING"])
