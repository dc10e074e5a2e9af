"""The configuration for a bundle server, on a real OPA: known options, and no decision unsigned."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from remit.cli.stack.binaries import OPA, cache_folder, find
from tests.deploy.compose import ROOT

FILE = ROOT / "deploy" / "opa" / "bundle-server.yaml"
PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9
q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==
-----END PUBLIC KEY-----
"""

pytestmark = pytest.mark.opa


@pytest.fixture
def binary() -> Path:
    """The real OPA."""
    found = find(OPA, cache=cache_folder(), search=os.environ.get("PATH", ""))
    if found is None:
        pytest.skip("no usable `opa` on PATH or in the cache")
    return found.path


@pytest.fixture
def unsigned(tmp_path: Path, binary: Path) -> Iterator[str]:
    """A bundle server whose bundle nobody has signed: its address."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.rego").write_text('package remit.main\n\ndecision := {"effect": "allow"}\n')
    bundle = tmp_path / "bundle.tar.gz"
    argv = [str(binary), "build", "--bundle", str(source), "--output", str(bundle)]
    subprocess.run(argv, check=True, capture_output=True)
    body = bundle.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()


def test_it_knows_every_option_and_takes_nothing_unsigned(
    tmp_path: Path, binary: Path, unsigned: str
) -> None:
    """OPA says nothing about the options, refuses the bundle and decides nothing."""
    system = tmp_path / "system"
    system.mkdir()
    (system / "none.rego").write_text("package system.none\n")
    (system / ".manifest").write_text(json.dumps({"revision": "local", "roots": ["system/none"]}))
    address, log = f"127.0.0.1:{_free_port()}", tmp_path / "log"
    variables = {
        "REMIT_ENVIRONMENT": "test",
        "REMIT_POLICY_URL": unsigned,
        "REMIT_POLICY_CA": "",
        "REMIT_POLICY_PUBLIC_KEY": PUBLIC_KEY.replace("\n", "\\n"),
        "REMIT_OPA_SYSTEM": str(system),
        "REMIT_OPA_BUNDLES": str(tmp_path / "bundles"),
    }
    argv = [str(binary), "run", "--server", "--skip-version-check", "--config-file", str(FILE)]
    with log.open("wb") as written:
        child = subprocess.Popen(
            [*argv, "--addr", address], env={**os.environ, **variables}, stderr=written
        )
        try:
            said = _said(log, "missing .signatures.json")
            health = _get(address, "/health?bundles")
            decided = _get(address, "/v1/data/remit/main/decision")
        finally:
            child.terminate()
            child.wait(30)

    assert health[0] == 500
    assert "result" not in json.loads(decided[1])
    assert "unknown" not in said.lower()


def _said(log: Path, word: str) -> str:
    until = time.monotonic() + 30
    while word not in (text := log.read_text()):
        assert time.monotonic() < until, text
        time.sleep(0.05)
    return text


def _get(address: str, path: str) -> tuple[int, bytes]:
    """Return status and body; OPA listens a moment after its first words."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            return _exchange(address, path)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("OPA does not listen")


def _exchange(address: str, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
