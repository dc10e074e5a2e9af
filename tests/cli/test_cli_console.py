"""`remit console`, and the console as a part of a stack, where nothing is started."""

import json
import socket
from pathlib import Path

import pytest

from remit.cli import console as command_module
from remit.cli.stack.components import console_variables
from remit.cli.stack.layout import Layout
from remit.cli.stack.outline import Outline
from remit.cli.stack.project import load_project
from remit.console.settings import ConsoleSettings
from tests.cli.conftest import Command


def test_it_needs_a_stack_that_runs(remit: Command, notes: Path) -> None:
    """Exit code 3, and `remit up` in the hint."""
    ran = remit("console", notes)

    assert ran.code == 3
    assert "STACK-NOT-RUNNING" in ran.err
    assert "remit up" in ran.err


def test_it_needs_its_packages(
    remit: Command, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra it says what to install."""
    monkeypatch.setattr(command_module.importlib.util, "find_spec", lambda name: None)

    ran = remit("console", notes)

    assert ran.code == 2
    assert "remit[console]" in ran.err


def test_a_table_makes_it_a_part_of_the_stack(notes: Path) -> None:
    """An empty one is enough; without one nothing is started and no port is chosen."""
    file = notes / "remit.toml"
    without = Outline(load_project(notes))
    file.write_text(file.read_text() + "\n[console]\nport = 8765\n")
    outline = Outline(load_project(notes))
    full = Outline(load_project(notes), "full")

    assert "console" not in without.names()
    assert "console" not in without.port_owners()
    assert outline.names()[-1] == full.names()[-1] == "console"
    assert outline.port_owners()["console"] == ("console",)
    assert outline.candidates("console") == (8765,)


def test_what_it_is_told_is_what_it_reads(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table travels as a variable; the secret's file is the project's."""
    file = notes / "remit.toml"
    file.write_text(
        file.read_text() + '\n[console]\nhost = "0.0.0.0"\nbase_url = "https://c.example"\n'
        '[console.oidc]\nissuer = "https://i.example"\nclient_id = "remit"\n'
        'client_secret_file = "secrets/console"\n'
    )
    table = load_project(notes).console
    assert table is not None
    told = console_variables(table, Layout(notes), 8765)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REMIT_LEDGER_URL", "sqlite:///ledger.db")
    read = ConsoleSettings()

    assert read.console_port == 8765
    assert read.console.oidc is not None
    assert read.console.oidc.client_secret_file == notes / "secrets" / "console"
    assert read.console_key_file == Layout(notes).console_key
    assert "secret" not in json.loads(told["REMIT_CONSOLE"])


@pytest.mark.parametrize(
    "table",
    [
        'host = "0.0.0.0"',
        "port = 0",
        'prot = "8234"',
        'host = "0.0.0.0"\n[console.oidc]\nissuer = "https://i.example"\nclient_id = "r"',
    ],
)
def test_an_unsafe_table_is_wrong_usage(remit: Command, notes: Path, table: str) -> None:
    """Nothing starts where names would be believed from anywhere."""
    file = notes / "remit.toml"
    file.write_text(f"{file.read_text()}\n[console]\n{table}\n")

    ran = remit("up", notes, "--json")

    assert (ran.code, ran.codes) == (2, ["PROJECT-INVALID"])


def test_a_service_cannot_take_its_name(remit: Command, notes: Path) -> None:
    """The console is a part of the stack's own."""
    file = notes / "remit.toml"
    service = '[[service]]\nname = "console"\ncommand = ["true"]\nhealth = "http://127.0.0.1:1/"\n'
    file.write_text(f"{file.read_text()}\n{service}")

    assert remit("up", notes, "--json").codes == ["PROJECT-INVALID"]


def test_a_taken_port_is_told(remit: Command, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that was asked for is taken or told, never another one in its place."""
    monkeypatch.setattr(command_module.stack, "environment", lambda folder: None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ran = remit("console", notes, "--port", str(other.getsockname()[1]))

    assert ran.code == 2
    assert "CONSOLE-PORT" in ran.err
