"""The codec server over real HTTP, and the stack's own keys."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from aiohttp import web
from google.protobuf.json_format import MessageToJson, Parse
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload, Payloads

from remit.cli.stack.codec_server import CodecServer, Pass, main
from remit.cli.stack.layout import Layout
from remit.cli.stack.outline import Outline
from remit.cli.stack.payload_keys import references, rotate
from remit.cli.stack.ports import choose
from remit.cli.stack.project import PayloadSettings, ProjectSettings
from remit.client.codec import load_codec

UI = "http://127.0.0.1:8233"
TOKEN = "t" * 64
GIVEN = Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=b'"planted"')])


class HandClock:
    """A clock that a test moves."""

    now = 1_700_000_000.0

    def __call__(self) -> float:
        """Return the moment."""
        return self.now


@pytest.fixture
def clock() -> HandClock:
    """The server's clock."""
    return HandClock()


@pytest.fixture
async def client(clock: HandClock) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server that serves."""
    codec = load_codec("env:KEY", {"KEY": "11" * 32})
    assert codec is not None
    port = choose(())
    runner = web.AppRunner(CodecServer(codec, Pass(TOKEN, clock), port, UI).app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as found:
        yield found
    await runner.cleanup()


async def test_temporals_protocol_both_ways(client: httpx2.AsyncClient) -> None:
    """With the token in the header, as the command line sends it."""
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Namespace": "default"}
    sealed = await client.post("/encode", content=MessageToJson(GIVEN), headers=headers)
    back = await client.post("/decode", content=sealed.text, headers=headers)

    assert "planted" not in str(Parse(sealed.text, Payloads()))
    assert Parse(back.text, Payloads()) == GIVEN


async def test_nobody_reads_without_proof(client: httpx2.AsyncClient) -> None:
    """No token, a wrong one, a made-up cookie, nonsense for a pass."""
    body = MessageToJson(GIVEN)
    for headers in (
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": TOKEN},
        {"Cookie": "remit-codec=9999999999.00"},
        {"Cookie": "remit-codec=x"},
    ):
        for path in ("/decode", "/encode"):
            answer = await client.post(path, content=body, headers=headers)
            assert answer.status_code == 401, headers
    assert (await client.get("/enter?pass=1.2")).status_code == 403
    assert (await client.get("/health")).status_code == 200


async def test_a_browser_is_let_in_by_a_link_for_a_while(
    client: httpx2.AsyncClient, clock: HandClock
) -> None:
    """The link ends after minutes, the cookie after hours; one is not the other."""
    passes = Pass(TOKEN, clock)
    link = passes.link("").partition("pass=")[2]
    assert not passes.is_good("stay", link)
    entered = await client.get(passes.link(""))
    cookie = entered.headers["set-cookie"]
    assert (entered.status_code, entered.headers["location"]) == (303, UI)
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    body = MessageToJson(GIVEN)
    assert (await client.post("/encode", content=body, headers={"Origin": UI})).status_code == 200

    clock.now += 301
    assert (await client.get(f"/enter?pass={link}")).status_code == 403
    clock.now += 8 * 3600
    assert (await client.post("/encode", content=body)).status_code == 401


async def test_only_the_web_ui_may_read_answers(client: httpx2.AsyncClient) -> None:
    """Its origin is named, with credentials; other pages and other names are refused."""
    asked = {"Access-Control-Request-Method": "POST", "Origin": UI}
    allowed = await client.request("OPTIONS", "/decode", headers=asked)
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == UI
    assert allowed.headers["access-control-allow-credentials"] == "true"
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Origin": f"{UI}.evil.example"},
    ):
        answer = await client.request("OPTIONS", "/decode", headers=headers)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


async def test_what_is_no_payload_is_told(client: httpx2.AsyncClient) -> None:
    """Nonsense, and what another key encrypted."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    codec = load_codec("env:KEY", {"KEY": "22" * 32})
    assert codec is not None
    foreign = Payloads(payloads=await codec.encode(GIVEN.payloads))
    for body, told in (("{", "no payloads"), (MessageToJson(foreign), "PAYLOAD-KEY")):
        answer = await client.post("/decode", content=body, headers=headers)
        assert (answer.status_code, told in answer.text) == (400, True)


def test_a_stack_makes_its_own_key_and_keeps_old_ones(tmp_path: Path) -> None:
    """In `full` always, in `light` when it is asked for; given up, what was encrypted is read."""
    layout = Layout(tmp_path)
    layout.create()
    usual = PayloadSettings()
    assert references(layout, usual, "light") is None
    first = references(layout, usual, "full")
    assert first == f"file:{layout.payload_keys / '0001.key'}"
    assert references(layout, usual, "full") == first
    made = rotate(layout)
    assert made.stat().st_mode & 0o077 == 0
    assert references(layout, usual, "full") == f"file:{made},{first}"
    assert load_codec(f"file:{made},{first}", {}) is not None
    assert references(layout, usual, "light") == f"plain,file:{made},{first}"
    own = PayloadSettings(keys=("file:keys/a.key", "env:B"))
    assert references(layout, own, "light") == f"file:{tmp_path}/keys/a.key,env:B"


@pytest.mark.parametrize(
    ("given", "profile", "is_sealed"),
    [({}, "light", False), ({}, "full", True), ({"encrypted": True}, "light", True),
     ({"encrypted": False}, "full", False)],
)  # fmt: skip
def test_the_codec_server_is_a_part_where_there_is_something_to_read(
    given: dict[str, bool], profile: str, is_sealed: bool
) -> None:
    """A component and a port of its own."""
    settings = ProjectSettings(payloads=PayloadSettings.model_validate(given))
    outline = Outline(settings, profile)  # type: ignore[arg-type]
    assert ("codec" in outline.names(), "codec" in outline.port_owners()) == (is_sealed, is_sealed)


def test_settings_take_references_and_no_keys() -> None:
    """What stands there is seen by whoever lists processes; the message repeats none of it."""
    for wrong in ("5a" * 32, "file:a,file:b", "env:A B", "vault:x"):
        with pytest.raises(ValidationError, match="keys") as error:
            PayloadSettings.model_validate({"keys": [wrong]})
        assert wrong not in error.value.errors()[0]["msg"]


def test_it_does_not_start_without_a_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says why, without one."""
    (tmp_path / "token").write_text("t")
    told = ["--port", "1", "--ui", UI, "--token-file", str(tmp_path / "token")]
    assert main([*told, "--keys", "file:/nowhere"]) == 2
    assert "PAYLOAD-KEY" in capsys.readouterr().err
