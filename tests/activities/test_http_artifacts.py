"""Answers that go to the artifact store and bodies that come from it, over real HTTP."""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from activities.tools.registry import Tools
from remit.canonical import JSON, JSONObject
from remit.stores.artifact_folder import ArtifactFolder
from remit.tool.call import Happened, Refused, ToolAnswer
from remit.tool.checks import faults
from tests import serving as served
from tests.activities.calling import ask, code
from tests.activities.origin import Asked, Origin, answer, http_contract

CSV = b"name,amount\nann,1\n"
ARTIFACT: JSONObject = {"media_types": ["text/csv", "image/*"], "max_bytes": 1_000_000}
UPLOAD: JSONObject = {"argument": "/file", "media_types": ["text/csv"]}


@pytest.fixture
def store(tmp_path: Path) -> ArtifactFolder:
    """An empty store."""
    return ArtifactFolder(tmp_path / "artifacts")


@pytest.fixture
async def tools(
    environ: dict[str, str], tmp_path: Path, store: ArtifactFolder
) -> AsyncIterator[Tools]:
    """The adapters, with a store."""
    made = Tools({}, tmp_path, environ, artifacts=store)
    yield made
    await made.aclose()


def _named(given: ToolAnswer) -> JSONObject:
    assert isinstance(given, Happened)
    assert isinstance(given.output, dict)
    found = given.output["artifact"]
    assert isinstance(found, dict)
    return found


async def test_an_answer_becomes_an_artifact(
    origin: Origin, tools: Tools, store: ArtifactFolder
) -> None:
    """The output names digest, length and media type; the bytes lie in the store, claimed."""
    origin.reply = answer(200, CSV, "text/csv; charset=utf-8")

    named = _named(await ask(tools, http_contract(artifact=ARTIFACT)))

    digest = "sha256:" + hashlib.sha256(CSV).hexdigest()
    assert named == {"digest": digest, "bytes": len(CSV), "media_type": "text/csv"}
    stored = store.find("", digest)
    assert (b"".join(stored.chunks()), list(stored.claims())) == (CSV, ["run-1:order:do"])
    assert origin.asked[0].headers["accept"] == "text/csv, image/*"


async def test_an_artifact_is_sent(origin: Origin, tools: Tools) -> None:
    """A later step names it, and its bytes are the body, with length and media type."""
    origin.reply = answer(200, CSV, "text/csv")
    named = _named(await ask(tools, http_contract(artifact=ARTIFACT)))
    origin.reply = answer(200, b'{"id": "1"}')

    given = await ask(tools, http_contract(upload=UPLOAD, body=None), {"file": named})

    assert given == Happened({"id": "1"})
    asked = origin.asked[1]
    assert (asked.body, asked.headers["content-type"]) == (CSV, "text/csv")
    assert "transfer-encoding" not in asked.headers


@pytest.mark.parametrize(
    ("body", "media", "more", "expected"),
    [
        (CSV, "text/html", "", "TOOL-MEDIA-TYPE"),
        (CSV, "", "", "TOOL-MEDIA-TYPE"),
        (CSV, "text/csv", "Content-Encoding: gzip\r\n", "TOOL-ANSWER-ENCODED"),
        (b"x" * 1_000_001, "text/csv", "", "TOOL-ANSWER-TOO-LARGE"),
    ],
)
async def test_what_is_not_taken(
    origin: Origin,
    tools: Tools,
    store: ArtifactFolder,
    body: bytes,
    media: str,
    more: str,
    expected: str,
) -> None:
    """Another media type, an encoding, too much: a failure with effect that leaves no file."""
    origin.reply = answer(200, body, media, more)

    assert code(await ask(tools, http_contract(artifact=ARTIFACT))) == expected
    assert [one for one in store.folder.rglob("*") if one.is_file()] == []


async def test_a_cut_answer_is_unknown(origin: Origin, tools: Tools, store: ArtifactFolder) -> None:
    """An answer that ends before its length is lost, and nothing of it stands."""

    async def cut(asked: Asked, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 X\r\nContent-Type: text/csv\r\nContent-Length: 900000\r\n\r\n"
        writer.write(head + b"x" * 500_000)
        await writer.drain()
        writer.close()

    origin.reply = cut
    assert code(await ask(tools, http_contract(artifact=ARTIFACT))) == "TOOL-CONNECTION"
    assert [one for one in store.folder.rglob("*") if one.is_file()] == []


async def test_uploads_that_are_not_made(
    origin: Origin, tools: Tools, store: ArtifactFolder, environ: dict[str, str], tmp_path: Path
) -> None:
    """No artifact, another media type, an altered one, no store: nothing is sent."""
    origin.reply = answer(200, CSV, "text/csv")
    named = _named(await ask(tools, http_contract(artifact=ARTIFACT)))
    contract = http_contract(upload=UPLOAD, body=None)
    (file,) = store.folder.glob("t-*/*/*/data")

    other = "sha256:" + "0" * 64
    wrong: list[JSON] = ["x", {**named, "digest": other}, {**named, "media_type": "text/html"}]
    said = [await ask(tools, contract, {"file": given}) for given in wrong]
    file.write_bytes(CSV[:-1] + b"!")
    said.append(await ask(tools, contract, {"file": named}))
    without = Tools({}, tmp_path, environ)
    said.append(await ask(without, contract, {"file": named}))
    await without.aclose()

    assert [code(one) for one in said] == ["TOOL-ARTIFACT"] * 5
    assert all(isinstance(one, Refused) for one in said)
    assert ["DIFFERS" in str(one) for one in said] == [False, False, False, True, False]
    assert len(origin.asked) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"artifact": ARTIFACT, "output": "/data"},
        {"artifact": ARTIFACT, "output_schema": {"type": "array"}},
        {"upload": UPLOAD},
        {"upload": {**UPLOAD, "argument": "/nothing"}, "body": None},
    ],
)
def test_contracts_that_cannot_work(changes: dict[str, object]) -> None:
    """Each is told when the catalogue loads."""
    properties = {"file": {"type": "object"}}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    contract = http_contract(**({"input_schema": schema} | changes))

    found = {one.code for one in faults(contract, {})}
    assert found & {"TOOL-ARTIFACT", "TOOL-POINTER"}


def _exchange(asked: served.Asked) -> None:
    """Answer 100 MB, or take what is sent."""
    if asked.command == "PUT":
        left = int(asked.headers["content-length"])
        while left:
            left -= len(asked.rfile.read(min(left, 65536)))
        served.reply(asked)
        return
    length = {"Content-Length": str(100 * 1024 * 1024), "Content-Type": "text/csv"}
    served.reply(asked, headers=length)
    for number in range(1600):
        asked.wfile.write(number.to_bytes(4, "big") * 16384)


@pytest.fixture
def large() -> Iterator[int]:
    """The port of a server with 100 MB."""
    with served.serving(_exchange) as port:
        yield port


def test_100_mb_take_little_memory(large: int, tmp_path: Path) -> None:
    """A process of its own stores 100 MB, sealed, and sends them: at most 64 MiB more."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.activities.artifact_process", str(large), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout)

    assert (told["stored"], told["sent"]) == (100 * 1024 * 1024, True)
    assert told["grown_kib"] < 64 * 1024, told


@pytest.mark.parametrize("media_types", [["text/csv"], ["text/*"]])
async def test_a_secret_in_a_media_type_is_masked(
    origin: Origin, tools: Tools, environ: dict[str, str], media_types: list[str]
) -> None:
    """Neither the failure nor the artifact that is recorded repeats it."""
    origin.reply = answer(200, CSV, f"text/{environ['TOKEN']}")
    artifact: JSONObject = {"media_types": [*media_types], "max_bytes": 1000}
    contract = http_contract(artifact=artifact, headers={"X-Key": "env:TOKEN"})

    given = await ask(tools, contract)

    assert environ["TOKEN"] not in repr(given)
    assert "[secret]" in repr(given)
