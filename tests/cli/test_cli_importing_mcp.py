"""`remit tools import mcp` against a real server."""

from pathlib import Path

import pytest

from tests.activities.mcp_calls import LIAR
from tests.cli.conftest import Command


def test_imports_shows_differences_and_keeps_what_the_operator_wrote(
    remit: Command, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written once; other words are shown, and written when accepted; then it is the same."""
    monkeypatch.setenv("TOKEN", "t0p-secret-token")
    file = notes / "tools" / "liar.yaml"
    typed = ("tools", "import", "mcp", "--project", notes, "--into", file, "--env", "T=env:TOKEN")
    stdio = ("--stdio", *LIAR)
    assert remit(*typed, "--only", "echo", *stdio).code == 0
    assert "liar.echo@1" in remit("tools", "--project", notes).out
    assert "t0p-secret" not in file.read_text()

    text = file.read_text()
    file.write_text(text.replace("operation: trigger", "operation: write").replace("called", "not"))
    shown = remit(*typed, "--only", "echo", *stdio)

    assert shown.code == 1
    assert "-  description: Does what it is not." in shown.out
    assert "+  description: Does what it is called." in shown.out
    assert "what it is not" in file.read_text()
    accepted = remit(*typed, "--only", "echo", "--write", "--json", *stdio)
    assert accepted.document["written"] is True
    assert "operation: write" in file.read_text()
    assert remit(*typed, "--only", "echo", *stdio).code == 0


def test_a_server_that_does_not_start_is_told(remit: Command, notes: Path) -> None:
    """With a code, what it said last, and exit code 3."""
    ran = remit("tools", "import", "mcp", "--project", notes, "--json", *LIAR, "--broken")

    assert (ran.code, ran.codes) == (3, ["TOOL-UNREACHABLE"])
    assert "cannot find" in ran.out


@pytest.mark.parametrize(
    "words",
    [(), ("--url", "http://127.0.0.1/mcp", "node"), ("--url", "nowhere"), ("--env", "T", "node")],
    ids=["nothing", "both", "no-address", "no-reference"],
)
def test_wrong_words(remit: Command, notes: Path, words: tuple[str, ...]) -> None:
    """Neither or both ways to a server, and what is no address or reference: wrong usage."""
    ran = remit("tools", "import", "mcp", "--project", notes, "--json", *words)

    assert (ran.code, ran.codes) == (2, ["CLI-USAGE"])


def test_a_file_of_something_else_is_left_alone(remit: Command, notes: Path) -> None:
    """What holds no imported tools is not written over."""
    file = notes / "tools" / "other.yaml"
    file.write_text("name: notes.x\n")

    ran = remit("tools", "import", "mcp", "--project", notes, "--into", file, "--json", *LIAR)

    assert (ran.code, ran.codes) == (2, ["IMPORT-FILE"])
    assert file.read_text() == "name: notes.x\n"
