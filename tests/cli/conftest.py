"""The command line inside this process, and a project as `remit init` makes it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> JSONObject:
        """The one JSON document on stdout."""
        read: JSONObject = json.loads(self.out)
        return read

    @property
    def codes(self) -> list[str]:
        """Codes of the diagnostics of a command that ended early."""
        found = self.document["diagnostics"]
        assert isinstance(found, list)
        return [str(each["code"]) for each in found if isinstance(each, dict)]


Command = Callable[..., Ran]


@pytest.fixture
def remit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    """Run a command in an empty folder, far from any project."""
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    monkeypatch.delenv("REMIT_PROJECT", raising=False)
    monkeypatch.delenv("REMIT_DEBUG", raising=False)

    def run(*arguments: str | Path) -> Ran:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def notes(remit: Command, tmp_path: Path) -> Path:
    """A project of its own, as `remit init` makes it."""
    folder = tmp_path / "notes"
    assert remit("init", folder).code == 0
    return folder


@pytest.fixture
def hello(notes: Path) -> Path:
    """The plan of that project."""
    return notes / "plans" / "hello.yaml"
