"""`remit tools import mcp` against a real server: one mechanism with `import openapi`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.cli.importing import mcp
from remit.stores.project import load_project
from remit.tool.contract import Operation, ToolContract
from remit.tool.mcp import McpKind, listed_digest
from tests.activities.mcp_calls import LIAR
from tests.cli import mcp_shelf
from tests.cli.conftest import Command, Ran
from tests.serving import serving


def _tool(description: str = "Put it down.", **more: object) -> JSONObject:
    schema: JSONObject = {"type": "object", "properties": {"text": {"type": "string"}}}
    return {"name": "put-down", "description": description, "inputSchema": schema, **more}  # type: ignore[dict-item]


class Desk:
    """Imports into one project what a server is said to list; two tests here ask real ones."""

    def __init__(self, remit: Command, project: Path, patch: pytest.MonkeyPatch) -> None:
        self.project = project
        self.file = project / "tools" / "shelf.yaml"
        self._remit = remit
        self._patch = patch

    def __call__(self, tool: JSONObject, *more: str) -> Ran:
        """Import the server as it is now."""
        told: JSONObject = {"server": "shelf 1", "revision": "2025-11-25", "private": []}
        self._patch.setattr(mcp, "_listing", lambda *asked: {**told, "tools": [tool]})
        typed = ("tools", "import", "mcp", "--project", self.project, "--domain", "shelf", *more)
        return self._remit(*typed, "--stdio", "shelf")

    def tool(self, ref: str = "shelf.put_down@1") -> ToolContract:
        """Return the contract as the project has it."""
        found = load_project(self.project).catalogue.find(ref)
        assert found is not None
        return found


@pytest.fixture
def desk(remit: Command, notes: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk of the notes' project."""
    return Desk(remit, notes, monkeypatch)


def test_a_listing_is_written_and_the_same_one_changes_nothing(
    remit: Command, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With references and without what they lead to; byte by byte the second time."""
    monkeypatch.setenv("TOKEN", "t0p-secret-token")
    file = notes / "tools" / "liar.yaml"
    typed = ("tools", "import", "mcp", "--project", notes, "--into", file, "--env", "T=env:TOKEN")
    stdio = ("--stdio", *LIAR)
    ran = remit(*typed, "--only", "echo", *stdio)

    assert (ran.code, "1 tools of" in ran.out) == (0, True)
    assert "liar.echo@1" in remit("tools", "--project", notes).out
    text = file.read_text()
    assert text.startswith("# Written by `remit tools import mcp`")
    assert "t0p-secret" not in text
    assert remit(*typed, *stdio).code == 0
    assert file.read_text() == text


def test_another_listing_is_another_pin_and_shown_as_such(desk: Desk) -> None:
    """Nothing is written without a word; then the version says that it is another tool."""
    desk(_tool())
    before = desk.file.read_bytes()
    looked = desk(_tool("Put it down there."))

    assert (looked.code, desk.file.read_bytes()) == (1, before)
    assert "changed   shelf.put_down 1.0.0 → 1.1.0" in looked.out
    assert "/call/schema_sha256: the server lists it otherwise now" in looked.out
    assert "/description: Put it down. → Put it down there." in looked.out
    assert desk(_tool("Put it down there."), "--write").code == 0
    pinned = desk.tool().call
    assert isinstance(pinned, McpKind)
    assert pinned.schema_sha256 == listed_digest(_tool("Put it down there."))


def test_the_end_of_a_long_text_is_shown_when_it_differs(desk: Desk) -> None:
    """A server that swaps its words late does not hide them behind the unchanged ones."""
    desk(_tool("It puts. " * 30))
    looked = desk(_tool("It puts. " * 30 + "And sends."))

    assert "And sends." in looked.out


def test_what_the_operator_knows_stays_in_the_overrides(desk: Desk) -> None:
    """A server that calls itself destructive is believed; one that calls itself harmless is not."""
    desk(_tool())
    overrides = desk.project / "tools" / "shelf.overrides.yaml"
    overrides.write_text(
        "tools: {shelf.put_down: {operation: read, idempotency: natural, irreversible: null}}\n"
    )
    desk(_tool("Put it.", annotations={"readOnlyHint": True}), "--write")

    assert (desk.tool().operation, desk.tool().irreversible) == (Operation.READ, False)
    overrides.unlink()
    assert (desk.tool().operation, desk.tool().irreversible) == (Operation.TRIGGER, True)
    worse = desk(_tool("Put it.", annotations={"destructiveHint": True}), "--write", "--json")
    (change,) = worse.document["changes"]  # type: ignore[misc]
    assert isinstance(change, dict)
    assert (change["breaking"], change["after"]) == (True, "2.0.0")
    assert desk.tool("shelf.put_down@2").operation is Operation.DELETE


def test_edits_of_the_file_are_not_lost(desk: Desk) -> None:
    """Whoever edits what was imported is told where the edit belongs."""
    desk(_tool())
    edited = desk.file.read_text().replace('"trigger"', '"write"')
    desk.file.write_text(edited)
    refused = desk(_tool("Put it."), "--write", "--json")

    assert (refused.code, refused.codes) == (1, ["IMPORT-EDITED"])
    assert desk.file.read_text() == edited
    assert desk(_tool("Put it."), "--write", "--discard-edits").code == 0
    assert desk.tool("shelf.put_down@2").operation is Operation.TRIGGER


def test_what_was_said_holds_for_the_next_import_but_trust(desk: Desk) -> None:
    """Region and owner need not be typed again; who does not say it again does not believe."""
    harmless = _tool(annotations={"readOnlyHint": True})
    desk(harmless, "--region", "eu", "--owner", "team:lab", "--trust-annotations")
    assert desk.tool().operation is Operation.READ
    ran = desk(harmless, "--write")

    assert "BREAKING  shelf.put_down 1.0.0 → 2.0.0" in ran.out
    made = desk.tool("shelf.put_down@2")
    assert (made.operation, made.region, made.owner) == (Operation.TRIGGER, "eu", "team:lab")


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server over HTTP, on this machine."""
    with serving(mcp_shelf.answer) as listening:
        yield listening


def test_a_server_at_a_private_address(remit: Command, notes: Path, port: int) -> None:
    """Its name is marked and told; an address is allowed by being listed."""
    typed = ("tools", "import", "mcp", "--project", notes, "--domain", "shelf")
    file = notes / "tools" / "shelf.yaml"
    named = remit(*typed, "--url", f"http://localhost:{port}/mcp")
    text = file.read_text()
    plain = remit(*typed, "--url", f"http://127.0.0.1:{port}/mcp", "--write")

    assert (named.code, plain.code) == (0, 0)
    assert "IMPORT-PRIVATE" in named.out
    assert '"private": ["localhost"]' in text
    assert "IMPORT-PRIVATE" not in plain.out
    assert '"private"' not in file.read_text()
    (made,) = [each for each in load_project(notes).catalogue if each.domain == "shelf"]
    assert made.destinations == ["127.0.0.1"]


def test_an_address_of_the_environment_needs_its_host(
    remit: Command, notes: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which host it is, the operator says; the contract keeps the variable."""
    monkeypatch.setenv("SHELF", f"http://127.0.0.1:{port}")
    typed = ("tools", "import", "mcp", "--project", notes, "--domain", "shelf", "--json")
    url = ("--url", "${env:SHELF}/mcp")

    assert remit(*typed, *url).codes == ["CLI-USAGE"]
    assert remit(*typed, *url, "--destination", "127.0.0.1").code == 0
    assert "${env:SHELF}/mcp" in (notes / "tools" / "shelf.yaml").read_text()


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


@pytest.mark.parametrize(
    ("into", "code"), [("tools/other.yaml", "IMPORT-TAKEN"), ("elsewhere.yaml", "IMPORT-PLACE")]
)
def test_places_that_are_not_written(remit: Command, notes: Path, into: str, code: str) -> None:
    """What holds no imported tools is not written over, and no server is started for it."""
    file = notes / "tools" / "other.yaml"
    file.write_text("name: notes.x\n")

    typed = ("tools", "import", "mcp", "--project", notes, "--into", into, "--json")
    ran = remit(*typed, "--stdio", "no-such-program")

    assert (ran.code, ran.codes) == (2, [code])
    assert file.read_text() == "name: notes.x\n"


def test_a_domain_that_cannot_be_one(remit: Command, notes: Path) -> None:
    """Is told as for every import."""
    ran = remit("tools", "import", "mcp", "--project", notes, "--domain", "A!", "--json", *LIAR)

    assert (ran.code, ran.codes) == (2, ["IMPORT-DOMAIN"])
