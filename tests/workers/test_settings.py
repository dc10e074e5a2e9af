"""What a process is told by its variables, and what it says when it is not told enough."""

import os
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from remit.console.serving import main as console
from remit.console.settings import ConsoleSettings
from remit.variables import faults_of
from workers.command import main as work
from workers.settings import WorkerSettings

_SECRET = "${env:A}@http://not-a-host"


@pytest.fixture(autouse=True)
def _untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what this shell may have set."""
    for name in [name for name in os.environ if name.startswith("REMIT_")]:
        monkeypatch.delenv(name)


def test_no_worker_chooses_a_ledger_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with the name of the variable, and leaves no file behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["workers"])
    with pytest.raises(SystemExit) as ended:
        work()

    assert ended.value.code == 2
    assert capsys.readouterr().err == "WORKER-SETTINGS  REMIT_LEDGER_URL: it is not set\n"
    assert list(tmp_path.iterdir()) == []


def test_nor_does_the_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same, under a code of its own."""
    monkeypatch.chdir(tmp_path)

    assert console() == 2
    assert capsys.readouterr().err == "CONSOLE-SETTINGS  REMIT_LEDGER_URL: it is not set\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["", "ledger.db", "sqlite:///", "mysql://db/ledger"])
def test_an_address_that_leads_to_no_ledger_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """An empty one too, as compose sets one."""
    monkeypatch.setenv("REMIT_LEDGER_URL", address)
    with pytest.raises(ValidationError) as refused:
        WorkerSettings()

    (told,) = faults_of(refused.value)
    assert told.startswith("REMIT_LEDGER_URL: ")
    assert "sqlite:///" in told


def test_each_fault_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them at once, and no value is repeated: it may be a secret in the wrong place."""
    monkeypatch.setenv("REMIT_KEEPER_EVERY_S", _SECRET)
    monkeypatch.setenv("REMIT_PROFILE", "heavy")
    with pytest.raises(ValidationError) as refused:
        WorkerSettings()

    told = sorted(faults_of(refused.value))
    assert [line.partition(":")[0] for line in told] == [
        "REMIT_KEEPER_EVERY_S",
        "REMIT_LEDGER_URL",
        "REMIT_PROFILE",
    ]
    assert _SECRET not in "".join(told)


def test_a_table_that_is_no_json_is_said_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console's table travels as JSON."""
    monkeypatch.setenv("REMIT_LEDGER_URL", "sqlite:///ledger.db")
    monkeypatch.setenv("REMIT_CONSOLE", "{port}")
    with pytest.raises(SettingsError) as refused:
        ConsoleSettings()

    (told,) = faults_of(refused.value)
    assert "console" in told
    assert "{port}" not in told
