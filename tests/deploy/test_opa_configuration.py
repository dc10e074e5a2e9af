"""The configuration for a bundle server, on a real OPA: known options, and its own signer alone."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from remit.cli.stack.binaries import OPA, cache_folder, find
from remit.cli.stack.bundle import BundleBuilder
from remit.cli.stack.ports import choose
from remit.cli.stack.signing import SigningKey, keep_key
from remit.cli.stack.sources import CORE, PolicyRoot, read_sources
from tests.deploy.compose import ROOT
from tests.serving import reply, serving
from tests.waiting import until

FILE = ROOT / "deploy" / "opa" / "bundle-server.yaml"
pytestmark = pytest.mark.opa


@pytest.fixture
def binary() -> Path:
    """The real OPA."""
    found = find(OPA, cache=cache_folder(), search=os.environ.get("PATH", ""))
    if found is None:
        pytest.skip("no usable `opa` on PATH or in the cache")
    return found.path


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    """Whoever signs."""
    return keep_key(tmp_path / "policy.key", "test")


@contextlib.contextmanager
def configured(folder: Path, binary: Path, body: bytes, key: SigningKey) -> Iterator[str]:
    """An OPA with the configuration, in the environment `test`; its log is `folder/log`."""
    system = folder / "system"
    system.mkdir()
    (system / "none.rego").write_text("package system.none\n")
    (system / ".manifest").write_text(json.dumps({"revision": "local", "roots": ["system/none"]}))
    address = f"127.0.0.1:{choose(())}"
    argv = [str(binary), "run", "--server", "--skip-version-check", "--config-file", str(FILE)]
    with serving(lambda asked: reply(asked, body)) as port, (folder / "log").open("wb") as written:
        variables = {
            "REMIT_ENVIRONMENT": "test",
            "REMIT_POLICY_URL": f"http://127.0.0.1:{port}",
            "REMIT_POLICY_CA": "",
            "REMIT_POLICY_PUBLIC_KEY": key.public.pem.replace("\n", "\\n"),
            "REMIT_OPA_SYSTEM": str(system),
            "REMIT_OPA_BUNDLES": str(folder / "bundles"),
        }
        child = subprocess.Popen(
            [*argv, "--addr", address], env={**os.environ, **variables}, stderr=written
        )
        try:
            yield address
        finally:
            child.terminate()
            child.wait(30)


def bundle(folder: Path, binary: Path, key: SigningKey | None) -> bytes:
    """A bundle that allows everything."""
    core = folder / "core" / "main"
    core.mkdir(parents=True, exist_ok=True)
    (core / "main.rego").write_text('package remit.main\n\ndecision := {"effect": "allow"}\n')
    sources = read_sources([PolicyRoot(CORE, core.parent)])
    return BundleBuilder(binary, key).build(sources).content


def test_it_knows_every_option_and_takes_nothing_unsigned(
    tmp_path: Path, binary: Path, key: SigningKey
) -> None:
    """OPA says nothing about the options, refuses the bundle and decides nothing."""
    with configured(tmp_path, binary, bundle(tmp_path, binary, None), key) as address:
        said = _said(tmp_path / "log", "missing .signatures.json")
        health = _get(address, "/health?bundles")
        decided = _get(address, "/v1/data/remit/main/decision")

    assert health[0] == 500
    assert "result" not in json.loads(decided[1])
    assert "unknown" not in said.lower()


def test_it_takes_what_was_signed_for_its_environment(
    tmp_path: Path, binary: Path, key: SigningKey
) -> None:
    """Built and signed as `remit policy build` does it; the same for elsewhere is refused."""
    good = bundle(tmp_path, binary, key)
    with configured(tmp_path, binary, good, key) as address:
        until(lambda: _get(address, "/health?bundles")[0] == 200)
        decided = json.loads(_get(address, "/v1/data/remit/main/decision")[1])
    assert decided["result"] == {"effect": "allow"}

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = bundle(tmp_path, binary, keep_key(key.file, "production"))
    with configured(elsewhere, binary, other, key) as address:
        _said(elsewhere / "log", "scope mismatch")
        assert _get(address, "/health?bundles")[0] == 500


def _said(log: Path, word: str) -> str:
    until(lambda: word in log.read_text())
    return log.read_text()


def _get(address: str, path: str) -> tuple[int, bytes]:
    """Return status and body; OPA listens a moment after its first words."""
    return until(lambda: _exchange(address, path))


def _exchange(address: str, path: str) -> tuple[int, bytes] | None:
    """Return status and body; nothing while nobody listens."""
    connection = HTTPConnection(address, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()
