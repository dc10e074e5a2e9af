"""`remit secrets`: which references resolve, and whether a secret stands where none may."""

import base64
import gzip
import json
import os
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from remit.cli.main import main

SECRET = "pl4nted-s3cret/+value&x"
_TOOLS = """
defaults:
  version: 1.0.0
  owner: team:shop
  domain: shop
  operation: read
  idempotency: natural
  input_schema: {type: object}
  output_schema: {}
  destinations: [shop.example]
  call: {kind: http, method: GET, url: "https://shop.example/x"}
tools:
  - name: shop.one
    description: One.
    call: {headers: {Authorization: "Bearer ${env:SHOP_TOKEN}", X-Run: "file:run/key"}}
  - name: shop.two
    description: Two.
    call: {headers: {X-Key: "env:SHOP_TOKEN", X-Agent: "file:keys/{agent}", X-V: "vault:kv/shop#t"}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose tools need four secrets, of which three can be had."""
    folder = tmp_path / "shop"
    (folder / "tools").mkdir(parents=True)
    (folder / "keys").mkdir()
    (tmp_path / "outside").mkdir()
    (folder / "tools" / "shop.yaml").write_text(_TOOLS)
    (folder / "remit.toml").write_text('[secrets]\nfolders = ["../outside"]\n')
    (folder / "keys" / "buyer").write_text("key-of-the-buyer")
    (tmp_path / "outside" / "key").write_text("key-of-the-run")
    (folder / "run").symlink_to(tmp_path / "outside")
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    for name in ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_TOKEN_FILE", "REMIT_SECRET_FOLDERS"):
        monkeypatch.delenv(name, raising=False)
    return folder


def _run(
    capsys: pytest.CaptureFixture[str], project: Path, *arguments: str
) -> tuple[int, dict[str, object]]:
    code = main(["secrets", *arguments, "--project", str(project), "--json"])
    said = capsys.readouterr()
    for value in (SECRET, "key-of-the-buyer", "key-of-the-run"):
        assert value not in said.out + said.err
    return code, json.loads(said.out)


def test_each_reference_is_told_with_its_tools_and_never_its_value(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that does not resolve has a code and a way out; one of an agent's waits for its name."""
    code, said = _run(capsys, project, "check")

    told = {each["reference"]: (each["resolves"], each["code"]) for each in said["secrets"]}
    assert code == 1
    assert told == {
        "env:SHOP_TOKEN": (True, ""),
        "file:keys/{agent}": (None, "SECRET-PRINCIPAL"),
        "file:run/key": (True, ""),
        "vault:kv/shop#t": (False, "SECRET-DENIED"),
    }
    assert said["secrets"][0]["tools"] == ["shop.one@1", "shop.two@1"]
    _, said = _run(capsys, project, "check", "--agent", "buyer")
    assert said["secrets"][1]["resolves"] is True
    assert main(["secrets", "check", "--project", str(project)]) == 1
    assert SECRET not in capsys.readouterr().out


def _log(folder: Path) -> None:
    (folder / "worker.log").write_bytes(b"x" * (1024 * 1024 - 9) + SECRET.encode() + b"\n")


def _encoded_log(folder: Path) -> None:
    shown = base64.b64encode(f'{{"auth":"Bearer {SECRET}"}}'.encode()).decode()
    (folder / "traces.json").write_text(json.dumps({"payload": shown}))


def _database(folder: Path) -> None:
    with sqlite3.connect(folder / "temporal.db") as database:
        database.execute("PRAGMA page_size = 4096")
        database.execute('CREATE TABLE "his""tory" (data BLOB)')
        # Longer than a page, so that the file holds it in two pieces.
        for at in range(3900, 4120, 10):
            value = b"\x00" * at + SECRET.encode() + b"\x00" * 5000
            database.execute('INSERT INTO "his""tory" VALUES (?)', (value,))
    database.close()


def _compressed_value(folder: Path) -> None:
    with sqlite3.connect(folder / "ledger.db") as database:
        database.execute("CREATE TABLE contents (data BLOB)")
        database.execute("INSERT INTO contents VALUES (?)", (gzip.compress(SECRET.encode()),))
    database.close()


def _archive(folder: Path) -> None:
    with zipfile.ZipFile(folder / "evidence.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("records.json", json.dumps({"a": SECRET.encode().hex()}))


def _compressed_log(folder: Path) -> None:
    (folder / "old.log.gz").write_bytes(gzip.compress(f"said: {SECRET}".encode()))


@pytest.mark.parametrize(
    ("plant", "form"),
    [
        (_log, "plain"),
        (_encoded_log, "base64"),
        (_database, "plain"),
        (_compressed_value, "plain"),
        (_archive, "hex"),
        (_compressed_log, "plain"),
    ],
)
def test_what_was_planted_is_found(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    plant: Callable[[Path], None],
    form: str,
) -> None:
    """Across pieces, pages and packings; the finding names the secret and the place."""
    kept = project / ".remit" / "data"
    kept.mkdir(parents=True)
    (kept / "clean.log").write_text("nothing of interest, and pl4nted is no secret")
    os.mkfifo(kept / "pipe")
    (kept / "link").symlink_to(project / "keys" / "buyer")
    code, said = _run(capsys, project, "scan", "--agent", "buyer")
    assert (code, said["found"]) == (0, [])
    assert said["looked_for"] == ["env:SHOP_TOKEN", "file:keys/{agent}", "file:run/key"]

    plant(kept)
    code, said = _run(capsys, project, "scan", "--agent", "buyer")

    assert code == 1
    assert {(each["secret"], each["form"]) for each in said["found"]} >= {("env:SHOP_TOKEN", form)}
    assert all(str(kept) in each["where"] for each in said["found"])


def test_values_of_ones_own_and_what_cannot_be_read(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of values is looked for, and not in; what cannot be looked at is a finding."""
    values = tmp_path / "values.txt"
    values.write_text("\nof-nobodys-catalogue\n")
    place = tmp_path / "place"
    place.mkdir()
    (place / "broken.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    (place / "said.txt").write_text("%6f%66-of-nobodys%2Dcatalogue of-nobodys-catalogue")

    code, said = _run(capsys, project, "scan", str(place), str(values), "--values", str(values))

    assert code == 1
    found = {(Path(each["where"]).name, each["secret"]) for each in said["found"]}
    assert found == {("broken.db", None), ("said.txt", "values.txt line 2")}


def test_a_scan_for_nothing_is_refused(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One that looks for nothing, or nowhere, must not say that nothing was found."""
    assert main(["secrets", "scan", "--project", str(project)]) == 2
    assert "FILE-UNREADABLE" in capsys.readouterr().err
    monkeypatch.delenv("SHOP_TOKEN")
    (tmp_path / "outside" / "key").unlink()
    assert main(["secrets", "scan", "--project", str(project)]) == 2
    assert "SECRET-NOTHING" in capsys.readouterr().err
    short = tmp_path / "short"
    short.write_text("abc\n")
    assert main(["secrets", "scan", "--values", str(short), "--project", str(project)]) == 2
    assert "SECRET-SHORT" in capsys.readouterr().err
