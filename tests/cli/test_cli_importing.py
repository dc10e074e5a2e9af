"""`remit tools import openapi`: what it writes, what it says, and what it never takes away."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from remit.canonical import JSON, JSONObject
from remit.cli.importing import source
from remit.stores.project import load_project
from remit.tool.contract import Operation
from tests.cli.conftest import Command, Ran
from tests.serving import Asked, reply, serving
from tests.tool.openapi.described import Described, answering, body, operation

NAME: JSONObject = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
}
READ = operation(
    operationId="getThing", responses=answering({"$ref": "#/components/schemas/Thing"})
)
MAKE = operation(operationId="makeThing", requestBody=body(NAME))


def shop(thing: JSONObject = NAME, **paths: JSON) -> Described:
    """Return a service that makes and reads things."""
    entries: JSONObject = {"/things": {"get": READ, "post": MAKE}, **paths}
    return Described(entries, {"schemas": {"Thing": thing}})


class Desk:
    """Imports into one project."""

    def __init__(self, remit: Command, project: Path) -> None:
        self.project = project
        self.document = project.parent / "shop.json"
        self.file = project / "tools" / "shop.yaml"
        self._remit = remit

    def __call__(self, service: Described, *more: str) -> Ran:
        """Import the service as it is now."""
        self.document.write_text(json.dumps(service.document))
        where = ("--project", str(self.project))
        return self._remit("tools", "import", "openapi", self.document, *where, *more)

    @property
    def refs(self) -> list[str]:
        """The project's tools of the shop."""
        return [ref for ref in load_project(self.project).catalogue.refs if ref.startswith("shop")]


@pytest.fixture
def desk(remit: Command, notes: Path) -> Desk:
    """A desk of the notes' project."""
    return Desk(remit, notes)


def test_the_first_import_is_written_and_told(desk: Desk) -> None:
    """The project loads with it; what is worth a look is named by pointer."""
    ran = desk(shop())

    assert ran.code == 0
    assert "2 tools of shop.json written to tools/shop.yaml" in ran.out
    assert "OPENAPI-NO-KEY  /paths/~1things/post" in ran.out
    assert desk.refs == ["shop.get_thing@1", "shop.make_thing@1"]
    text = desk.file.read_text()
    assert text.startswith("# Written by `remit tools import openapi`")
    assert str(desk.project.parent) not in text
    assert desk.file.stat().st_mode & 0o777 == 0o644


def test_the_same_document_changes_nothing(desk: Desk) -> None:
    """Byte by byte."""
    desk(shop())
    before = desk.file.read_bytes()
    again = desk(shop(), "--write")

    assert (again.code, desk.file.read_bytes()) == (0, before)
    assert "nothing changed" in again.out


def test_a_difference_needs_write(desk: Desk) -> None:
    """Without it the difference is shown, per tool, and nothing is written."""
    desk(shop())
    before = desk.file.read_bytes()
    more: JSONObject = {
        **NAME,
        "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
    }
    looked = desk(shop(more), "--json")

    assert (looked.code, desk.file.read_bytes()) == (1, before)
    (change,) = looked.document["changes"]  # type: ignore[misc]
    assert isinstance(change, dict)
    assert (change["tool"], change["before"]) == ("shop.get_thing", "1.0.0")
    assert desk(shop(more), "--write").code == 0
    assert desk.file.read_bytes() != before


@pytest.mark.parametrize(
    ("thing", "after", "is_breaking"),
    [
        ({**NAME, "description": "A thing."}, "1.0.1", False),
        ({**NAME, "required": ["name"], "minProperties": 1}, "1.1.0", False),
        ({"type": "object", "properties": {"name": {"type": "string"}}}, "2.0.0", True),
        ({**NAME, "properties": {"name": {"type": "integer"}}}, "2.0.0", True),
    ],
    ids=["words", "promises more", "promises less", "another type"],
)
def test_a_version_says_what_a_change_is(
    desk: Desk, thing: JSONObject, after: str, is_breaking: bool
) -> None:
    """What may break a user of the tool is a new major."""
    desk(shop())
    ran = desk(shop(thing), "--write", "--json")

    (change,) = ran.document["changes"]  # type: ignore[misc]
    assert isinstance(change, dict)
    assert (change["after"], change["breaking"]) == (after, is_breaking)
    assert f"shop.get_thing@{after[0]}" in desk.refs


def test_added_and_removed_tools(desk: Desk) -> None:
    """A tool that is gone breaks its users; a new one does not."""
    desk(shop())
    paths: JSONObject = {"/things": {"get": READ}, "/new": {"get": operation(operationId="new")}}
    ran = desk(Described(paths, {"schemas": {"Thing": NAME}}), "--write")

    assert "BREAKING  shop.make_thing 1.0.0: the service no longer offers it" in ran.out
    assert "added     shop.new 1.0.0" in ran.out
    assert desk.refs == ["shop.get_thing@1", "shop.new@1"]


def test_overrides_are_kept_and_laid_over(desk: Desk) -> None:
    """A project's own word is in a file that no import touches."""
    desk(shop())
    overrides = desk.project / "tools" / "shop.overrides.yaml"
    overrides.write_text(
        "defaults: {region: eu}\n"
        "tools: {shop.make_thing: {operation: trigger, irreversible: null}}\n"
    )
    desk(shop({**NAME, "minProperties": 1}), "--write")
    catalogue = load_project(desk.project).catalogue

    made = catalogue.find("shop.make_thing@1")
    assert made is not None
    assert (made.operation, made.irreversible, made.region) == (Operation.TRIGGER, False, "eu")
    assert "trigger" in overrides.read_text()


@pytest.mark.parametrize(
    "text",
    ["tools: {shop.gone: {region: eu}}", "other: 1", "tools: []", "tools: {}\n--- {}\n"],
)
def test_overrides_of_nothing_are_a_fault(desk: Desk, text: str) -> None:
    """A word that reaches nobody is no word."""
    desk(shop())
    (desk.project / "tools" / "shop.overrides.yaml").write_text(text)

    assert desk(shop(), "--json").codes[0] == "TOOL-OVERRIDE"


def test_edits_of_the_file_are_not_lost(desk: Desk) -> None:
    """Whoever edits what was imported is told where the edit belongs."""
    desk(shop())
    edited = desk.file.read_text().replace('"region": "unstated"', '"region": "eu"', 2)
    desk.file.write_text(edited)
    refused = desk(shop(NAME | {"minProperties": 1}), "--write", "--json")

    assert (refused.code, refused.codes) == (1, ["IMPORT-EDITED"])
    assert desk.file.read_text() == edited
    assert desk(shop(), "--write", "--discard-edits").code == 0
    assert desk.file.read_text() != edited


def test_what_was_said_holds_for_the_next_import(desk: Desk) -> None:
    """Server, region and the rest need not be typed again."""
    desk(shop(), "--server", "https://other.example/v3", "--region", "eu", "--only", "get*")
    before = desk.file.read_bytes()

    assert desk(shop()).code == 0
    assert desk.file.read_bytes() == before
    assert desk.refs == ["shop.get_thing@1"]


def test_nothing_is_written_when_the_project_would_break(desk: Desk) -> None:
    """A name that another file has already is found before."""
    desk(shop())
    ran = desk(shop(), "--into", "tools/second.yaml", "--domain", "shop", "--json")

    assert (ran.code, set(ran.codes)) == (1, {"TOOL-DUPLICATE"})
    assert not (desk.project / "tools" / "second.yaml").exists()
    assert [name for name in os.listdir(desk.file.parent) if name.startswith(".")] == []


@pytest.mark.parametrize(
    ("into", "code"),
    [
        ("tools/../../evil.yaml", "IMPORT-PLACE"),
        ("elsewhere.yaml", "IMPORT-PLACE"),
        ("tools/shop.py", "IMPORT-PLACE"),
        ("tools/.shop.yaml", "IMPORT-PLACE"),
        ("tools/shop.overrides.yaml", "IMPORT-PLACE"),
        ("tools/own.yaml", "IMPORT-TAKEN"),
    ],
)
def test_places_that_are_not_written(desk: Desk, into: str, code: str) -> None:
    """Only the project's tools, and never what somebody wrote."""
    (desk.project / "tools" / "own.yaml").write_text("tools: []\n")
    ran = desk(shop(), "--into", into, "--domain", "shop", "--json")

    assert (ran.code, ran.codes) == (2, [code])
    assert desk.refs == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--domain", "Shop!"), "IMPORT-DOMAIN"),
        (("--secret", "bearer=t0p"), "IMPORT-SECRET"),
        (("--secret", "bearer=token:t0p"), "IMPORT-SECRET"),
        (("--secret", "bearer=env:A${env:B}"), "IMPORT-SECRET"),
        (("--only", "nothing*"), "IMPORT-EMPTY"),
        (("--server", "ftp://x"), "IMPORT-EMPTY"),
    ],
)
def test_what_is_typed_wrongly_is_refused(desk: Desk, more: tuple[str, ...], code: str) -> None:
    """With a code, and nothing written."""
    ran = desk(shop(), *more, "--json")

    assert ran.codes[0] == code
    assert not desk.file.exists()


def test_a_file_that_is_not_there(remit: Command, notes: Path) -> None:
    """Is told by name."""
    ran = remit("tools", "import", "openapi", "nowhere.json", "--project", notes, "--json")

    assert (ran.code, ran.codes) == (2, ["FILE-UNREADABLE"])


def describe(asked: Asked) -> None:
    """Serve the document at one path, and detours at others."""
    if asked.path == "/moved":
        reply(asked, status=302, headers={"Location": "http://169.254.169.254/"})
    elif asked.path == "/drip":
        asked.send_response(200)
        asked.end_headers()
        with suppress(OSError):  # the other side has had enough
            while True:
                asked.wfile.write(b" ")
    elif asked.path == "/huge":
        asked.send_response(200)
        asked.end_headers()
        asked.wfile.write(b" " * (9 * 1024 * 1024))
    else:
        document = shop().document
        document["servers"] = [{"url": "/v1"}]
        reply(asked, json.dumps(document).encode())


@pytest.fixture
def served() -> Iterator[str]:
    """The address of a service that describes itself."""
    with serving(describe) as port:
        yield f"http://127.0.0.1:{port}"


def test_a_service_describes_itself(remit: Command, notes: Path, served: str) -> None:
    """Relative servers start from where the document is; what stands in the query is not kept."""
    where = ("--project", notes, "--domain", "shop")
    ran = remit("tools", "import", "openapi", f"{served}/openapi.json?token=t0p", *where)

    assert ran.code == 0
    text = (notes / "tools" / "shop.yaml").read_text()
    assert f'"base": "{served}/v1"' in text
    assert "t0p" not in text


def test_a_service_at_a_private_address(
    remit: Command, notes: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that says nothing of it is marked and told; without the mark calls are refused."""
    real = socket.getaddrinfo

    def inside(host: str, *rest: object, **more: object) -> object:
        return real("127.0.0.1" if host == "shop.example" else host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", inside)
    url = served.replace("127.0.0.1", "shop.example")
    ran = remit("tools", "import", "openapi", f"{url}/openapi.json", "--project", notes)

    assert (ran.code, ran.out.count("IMPORT-PRIVATE")) == (0, 1)
    made = load_project(notes).catalogue.find("shop.get_thing@1")
    assert made is not None
    assert made.private == made.destinations == ["shop.example"]


@pytest.mark.parametrize(
    ("path", "code"),
    [("/moved", "IMPORT-FETCH"), ("/huge", "OPENAPI-TOO-LARGE"), ("/drip", "IMPORT-FETCH")],
)
def test_detours_floods_and_drips_are_refused(
    remit: Command,
    notes: Path,
    served: str,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    code: str,
) -> None:
    """No redirect is followed, no more is read than is taken, and nothing is waited for long."""
    if path == "/drip":
        monkeypatch.setattr(source, "_WAIT_S", 0.1)
    where = ("--project", notes, "--domain", "shop", "--json")
    ran = remit("tools", "import", "openapi", served + path, *where)

    assert ran.codes == [code]
    assert not (notes / "tools" / "shop.yaml").exists()
