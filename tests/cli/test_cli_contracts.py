"""`remit tools export`, `check` and `docs`: contracts held against yesterday's, and written up."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    """A project with one tool in a file."""
    (tmp_path / "desk" / "tools").mkdir(parents=True)
    folder = tmp_path / "desk"
    (folder / "remit.toml").write_text('[project]\nname = "desk"\n')
    write(folder)
    return folder


def write(folder: Path, **changes: object) -> None:
    """Write the project's one contract."""
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    tool = {
        "name": "desk.get",
        "version": "1.0.0",
        "owner": "team:desk",
        "description": "Read a ticket.",
        "domain": "desk",
        "operation": "read",
        "idempotency": "natural",
        "destinations": ["desk.example"],
        "call": {"kind": "http", "method": "GET", "url": "https://desk.example/{id}"},
        "input_schema": schema,
        "output_schema": schema,
    }
    (folder / "tools" / "desk.json").write_text(json.dumps(tool | changes))


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder, as somebody."""
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@acme.example")
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


def test_an_export_is_a_baseline(remit: Command, tickets: Path, tmp_path: Path) -> None:
    """Nothing breaks until something does; then the exit code is 1, for CI."""
    kept = tmp_path / "kept.json"
    assert remit("tools", "export", "--project", tickets, "--output", kept).code == 0

    assert remit("tools", "check", "--against", kept, "--project", tickets).code == 0
    write(tickets, version="1.1.0", output_schema={"type": "object"})
    ran = remit("tools", "check", "--against", kept, "--project", tickets, "--json")

    assert ran.code == 1
    assert set(ran.codes) == {"CONTRACT-ANSWER"}
    assert ran.document["changed"] == ["desk.get@1"]


def test_a_commit_and_a_folder_are_baselines(remit: Command, tickets: Path, tmp_path: Path) -> None:
    """What stood there is read by a process of its own; the project may be below the repository."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "desk")
    git(tmp_path, "commit", "--quiet", "-m", "One tool.")
    write(tickets, version="1.1.0", data_classes=["personal"])

    ran = remit("tools", "check", "--against", "HEAD", "--project", tickets, "--json")
    same = remit("tools", "check", "--against", tickets, "--project", tickets)

    assert (ran.code, set(ran.codes)) == (1, {"CONTRACT-WIDENED"})
    assert same.code == 0


@pytest.mark.parametrize("against", ["nowhere", "--upload-pack=x", "HEAD"])
def test_what_is_no_baseline_is_said_so(remit: Command, tickets: Path, against: str) -> None:
    """Neither file, folder nor commit; options of git are not ours to pass on."""
    ran = remit("tools", "check", f"--against={against}", "--project", tickets, "--json")

    assert (ran.code, ran.codes) == (2, ["BASELINE-UNREADABLE"])


def test_a_file_without_contracts_is_no_baseline(
    remit: Command, tickets: Path, tmp_path: Path
) -> None:
    """The message says what of it is no contract."""
    other = tmp_path / "other.yaml"
    other.write_text("tools: [{name: desk.get}]")

    ran = remit("tools", "check", "--against", other, "--project", tickets, "--json")

    assert (ran.code, ran.codes) == (2, ["BASELINE-UNREADABLE"])


def test_the_page_of_the_back_office_is_current(remit: Command) -> None:
    """What is committed is what the contracts say today."""
    folder = ROOT / "examples" / "backoffice"

    assert remit("tools", "docs", "--project", folder).out == (folder / "TOOLS.md").read_text()


def test_a_page_cannot_be_forged(remit: Command, tickets: Path) -> None:
    """A description is words: it opens no table, heading or link, and moves no cursor."""
    write(tickets, description="a | b\n# c [d](https://x.example) <b> \u001b[2J")

    page = remit("tools", "docs", "--project", tickets).out
    (line,) = (line for line in page.splitlines() if line.startswith("a "))
    write(tickets, description="# Heading")
    assert "\n\\# Heading\n" in remit("tools", "docs", "--project", tickets).out
    assert line == "a \\| b # c \\[d](https://x.example) &lt;b> \\u001b\\[2J"


def test_a_page_tells_of_majors(remit: Command, tickets: Path) -> None:
    """The old one names the newer, the newer whose plans it serves."""
    tool = json.loads((tickets / "tools" / "desk.json").read_text())
    newer = tool | {"version": "2.0.0", "upcast": {"major": 1, "args": {"id": "${args.id}"}}}
    (tickets / "tools" / "desk.json").write_text(json.dumps({"tools": [tool, newer]}))

    page = remit("tools", "docs", "--project", tickets).out
    assert "- newer: `desk.get@2`" in page
    assert "- serves plans for: `desk.get@1`" in page
