"""Access tokens on the command line: declared, imported with what needs them, checked, scanned."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from remit.canonical import JSONObject
from remit.cli.stack.errors import StackError
from remit.cli.stack.project import load_project as load_settings
from remit.diagnostic import InvalidDocumentError
from remit.stores.project import load_project
from tests.cli import mcp_shelf
from tests.cli.conftest import Command
from tests.serving import Asked, body_of, reply, serving
from tests.tool.openapi.described import Described, operation

SECRET = "cl1ent-s3cret/of+the=desk"
_CLIENT = """
[oauth.desk]
token_url = "{url}"
client_id = "remit"
client_secret = "env:DESK_SECRET"
"""
_TOOL = """
name: desk.look
version: 1.0.0
owner: team:desk
description: Look.
domain: desk
operation: read
idempotency: natural
input_schema: {type: object}
output_schema: {}
destinations: [127.0.0.1]
call:
  kind: http
  method: GET
  url: "${env:DESK_URL}/look"
  headers: {Authorization: "Bearer ${oauth:desk}"}
"""


@dataclass
class Desk:
    """A server that gives tokens, and tools to whoever brings one."""

    port: int = 0
    status: int = 200
    given: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where tokens are got."""
        return f"http://127.0.0.1:{self.port}/token"

    def answer(self, asked: Asked) -> None:
        """Give a token, or answer as an MCP server to whoever has one."""
        if asked.path == "/token":
            self.forms.append(dict(parse_qsl(body_of(asked).decode())))
            self.given.append(f"t0ken-{len(self.given)}-of-the-desk")
            told = {"access_token": self.given[-1], "token_type": "Bearer", "expires_in": 60}
            headers = {"Content-Type": "application/json"}
            reply(asked, json.dumps(told).encode(), self.status, headers)
        elif asked.headers["Authorization"] in {f"Bearer {each}" for each in self.given}:
            mcp_shelf.answer(asked)
        else:
            reply(asked, status=401)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A running server."""
    made = Desk()
    with serving(made.answer) as made.port:
        yield made


@pytest.fixture
def project(notes: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that declares the desk's client."""
    monkeypatch.setenv("DESK_SECRET", SECRET)
    with (notes / "remit.toml").open("a") as file:
        file.write(_CLIENT.format(url=desk.url))
    return notes


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('token_url = "http://login.example/token"', "token_url"),
        ('token_url = "https://login.example/{agent}"', "token_url"),
        ('token_url = "login.example"', "token_url"),
        ('client_secret = "t0p-secret"', "client_secret"),
        ('client_secret = "Basic ${env:X}"', "client_secret"),
        ('client_secret = "oauth:other"', "client_secret"),
        ('client_id = "${vualt:kv/x#y}"', "client_id"),
        ('scope = "two  blanks"', "scope"),
        ('send = "query"', "send"),
        ("lifetime_s = 0", "lifetime_s"),
        ('password = "t0p-secret"', "password"),
    ],
)
def test_what_is_no_client_is_told_when_the_project_is_read(
    tmp_path: Path, line: str, place: str
) -> None:
    """By workers and by `up` alike, with its place, and without what was written there."""
    name = line.partition(" = ")[0]
    usual = _CLIENT.format(url="https://login.example/token").splitlines()
    kept = [each for each in usual if not each.startswith(f"{name} ")]
    (tmp_path / "remit.toml").write_text("\n".join([*kept, line]))

    with pytest.raises(InvalidDocumentError) as raised:
        load_project(tmp_path)
    with pytest.raises(StackError) as refused:
        load_settings(tmp_path)

    [found] = raised.value.diagnostics
    assert (found.code, found.path) == ("OAUTH-INVALID", f"remit.toml#/oauth/desk/{place}")
    assert f"/oauth/desk/{place}: " in str(refused.value)
    assert "t0p-secret" not in found.message + str(refused.value)


def test_a_tool_names_a_client_and_may_reach_it(tmp_path: Path) -> None:
    """Both are held when the project is read, before any call; an agent's own client is not."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "desk.yaml").write_text(_TOOL.replace("127.0.0.1", "desk.example"))
    for toml, code in (
        ("", "TOOL-SECRET"),
        (_CLIENT.format(url="https://login.example/token"), "TOOL-DESTINATION"),
    ):
        (tmp_path / "remit.toml").write_text(toml)
        with pytest.raises(InvalidDocumentError) as raised:
            load_project(tmp_path)
        [found] = raised.value.diagnostics
        place = "tools/desk.yaml#/desk.look@1/call/headers/Authorization"
        assert (found.code, found.path) == (code, place)

    both = _TOOL.replace("[127.0.0.1]", "[desk.example, login.example]")
    (tools / "desk.yaml").write_text(both)
    assert load_project(tmp_path).clients["desk"].host == "login.example"
    (tmp_path / "remit.toml").write_text("")
    (tools / "desk.yaml").write_text(both.replace("oauth:desk", "oauth:desk-{agent}"))
    assert load_project(tmp_path).clients == {}


def _secured(flows: JSONObject) -> Described:
    paths: JSONObject = {"/a": {"get": operation(operationId="look", security=[{"login": []}])}}
    return Described(paths, {"securitySchemes": {"login": {"type": "oauth2", "flows": flows}}})


FLOW: JSONObject = {
    "clientCredentials": {
        "tokenUrl": "https://login.example/token",
        "scopes": {"read": "Read.", "write": "Write."},
    }
}


def test_an_openapi_document_says_how_its_tokens_are_got(
    remit: Command, project: Path, desk: Desk
) -> None:
    """Shown and not believed: the project's client is asked, whose host its tools may reach."""
    document = project.parent / "shop.json"
    document.write_text(json.dumps(_secured(FLOW).document))
    typed = ("tools", "import", "openapi", document, "--project", project)

    shown = remit(*typed)

    assert shown.code == 0
    for word in ("[oauth.NAME]", "'https://login.example/token'", "'read write'"):
        assert word in shown.out
    assert "--secret login=oauth:NAME" in shown.out
    assert "login.example" not in (project / "tools" / "shop.yaml").read_text()

    ran = remit(*typed, "--secret", "login=oauth:desk", "--write")

    found = load_project(project).catalogue.find("shop.look@1")
    assert ran.code == 0
    assert "oauth:desk is an access token" in ran.out
    assert found is not None
    assert found.call.headers == {"authorization": "Bearer ${oauth:desk}"}  # type: ignore[union-attr]
    assert found.destinations == ["shop.example", "127.0.0.1"]
    assert desk.given == []


def test_an_import_names_a_client_that_is_declared(remit: Command, project: Path) -> None:
    """Nothing is written else."""
    document = project.parent / "shop.json"
    document.write_text(json.dumps(_secured(FLOW).document))

    ran = remit(
        *("tools", "import", "openapi", document, "--project", project, "--json"),
        *("--secret", "login=oauth:absent"),
    )

    assert (ran.code, ran.codes) == (1, ["TOOL-SECRET"])
    assert not (project / "tools" / "shop.yaml").exists()


def test_a_server_that_asks_for_a_token_is_imported_with_one(
    remit: Command, project: Path, desk: Desk
) -> None:
    """MCP over HTTP: greeted and listed with a token, which is written nowhere."""
    url = f"http://127.0.0.1:{desk.port}/mcp"
    typed = ("tools", "import", "mcp", "--project", project, "--url", url, "--domain", "shelf")

    refused = remit(*typed, "--json")
    ran = remit(*typed, "--header", "Authorization=Bearer ${oauth:desk}")

    assert refused.codes == ["TOOL-UNREACHABLE"]
    assert "answered 401" in refused.out
    assert ran.code == 0
    found = load_project(project).catalogue.find("shelf.put_down@1")
    assert found is not None
    assert found.destinations == ["127.0.0.1"]
    assert "t0ken" not in (project / "tools" / "shelf.yaml").read_text()


def test_a_check_asks_for_a_token_and_tells_none(
    remit: Command, project: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a worker would; the client's secret is one that the tool needs, too."""
    (project / "tools" / "desk.yaml").write_text(_TOOL)
    typed = ("secrets", "check", "--project", project)

    good = remit(*typed, "--json")
    said = {each["reference"]: each["resolves"] for each in good.document["secrets"]}  # type: ignore[union-attr,index,call-overload]
    assert (good.code, said) == (0, {"env:DESK_SECRET": True, "oauth:desk": True})
    assert len(desk.given) == 1

    desk.status = 401
    bad = remit(*typed)
    assert bad.code == 1
    assert "SECRET-DENIED  the secret oauth:desk" in bad.out
    monkeypatch.delenv("DESK_SECRET")
    absent = remit(*typed)
    assert "SECRET-MISSING  the secret env:DESK_SECRET" in absent.out
    for ran in (good, bad, absent):
        assert not any(word in ran.out + ran.err for word in (SECRET, *desk.given))


def test_a_check_goes_out_as_workers_do(
    remit: Command, project: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the project's proxy and folders of secrets; here the proxy is a server that is none."""
    outside = project.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_text(SECRET)
    (project / "tools" / "desk.yaml").write_text(_TOOL)
    toml = (project / "remit.toml").read_text().replace("env:DESK_SECRET", f"file:{outside}/secret")
    (project / "remit.toml").write_text(toml + '\n[secrets]\nfolders = ["../outside"]\n')
    typed = ("secrets", "check", "--project", project, "--json")
    assert remit(*typed).code == 0

    with (project / "remit.toml").open("a") as file:
        file.write(f'\n[egress]\nproxy = "http://127.0.0.1:{desk.port}"\n')
    ran = remit(*typed)

    codes = {each["reference"]: each["code"] for each in ran.document["secrets"]}  # type: ignore[union-attr,index,call-overload]
    assert codes["oauth:desk"] == "SECRET-UNREACHABLE"
    assert len(desk.given) == 1


def test_a_scan_looks_for_the_clients_secret(remit: Command, project: Path, desk: Desk) -> None:
    """No token is asked for; that none is looked for is said."""
    (project / "tools" / "desk.yaml").write_text(_TOOL)
    place = project.parent / "logs"
    place.mkdir()
    (place / "worker.log").write_text(f"client_secret={SECRET}")

    ran = remit("secrets", "scan", place, "--project", project, "--json")

    assert ran.code == 1
    assert ran.document["looked_for"] == ["env:DESK_SECRET"]
    assert ran.document["not_resolved"] == ["oauth:desk"]
    assert [each["secret"] for each in ran.document["found"]] == ["env:DESK_SECRET"]  # type: ignore[union-attr,index,call-overload]
    assert desk.given == []
