"""The OPA sidecar with a real OPA: it decides, it is closed to strangers, it ends as a whole."""

import http.client
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remit.cli.stack.binaries import OPA, cache_folder, find
from remit.cli.stack.identity import began
from tests.deploy.compose import ROOT

SIDECAR = ROOT / "deploy" / "opa" / "sidecar.py"
CORE = """package remit.main

decision := {"effect": "deny", "policy_revision": data.remit.revision}
"""

pytestmark = pytest.mark.opa


class Sidecar:
    """A running sidecar."""

    def __init__(self, folder: Path, binary: Path) -> None:
        core, project = folder / "core" / "main", folder / "project"
        core.mkdir(parents=True)
        project.mkdir()
        (core / "main.rego").write_text(CORE)
        self.shared = folder / "s"
        self.shared.mkdir()
        self._more = ["--shared", str(self.shared), "--private", str(folder / "p")]
        self._more += ["--core", str(core.parent), "--project", str(project)]
        self._more += ["--binary", str(binary), "--port", str(_free_port())]
        self._variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.child = subprocess.Popen(
            [sys.executable, str(SIDECAR), *self._more], env=self._variables
        )

    def check(self) -> int:
        """Run the health check as the engine does."""
        argv = [sys.executable, str(SIDECAR), *self._more, "--check"]
        return subprocess.run(argv, env=self._variables, capture_output=True).returncode

    def ask(self, token: str) -> int:
        """Ask for a decision; return the HTTP status."""
        connection = http.client.HTTPConnection("localhost", timeout=5)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.connect(str(self.shared / "opa.sock"))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/data/remit/main/decision", b'{"input":{}}', headers)
        try:
            return connection.getresponse().status
        finally:
            connection.close()

    def children(self) -> list[int]:
        """Return the pids of its two programs."""
        listed = Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Sidecar]:
    """A sidecar that decides."""
    found = find(OPA, cache=cache_folder(), search=os.environ.get("PATH", ""))
    if found is None:
        pytest.skip("no usable `opa` on PATH or in the cache")
    running = Sidecar(tmp_path, found.path)
    try:
        _eventually(lambda: running.check() == 0, 60)
        yield running
    finally:
        running.child.terminate()
        running.child.wait(30)


def test_workers_find_socket_and_token_and_nobody_else_does(sidecar: Sidecar) -> None:
    """The shared folder holds what a worker needs, for its owner alone; strangers are refused."""
    token = sidecar.shared / "opa.token"

    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert stat.S_IMODE((sidecar.shared / "opa.sock").stat().st_mode) == 0o600
    assert sorted(path.name for path in sidecar.shared.iterdir()) == ["opa.sock", "opa.token"]
    assert sidecar.ask(token.read_text()) == 200
    assert sidecar.ask("guessed") == 401


def test_it_ends_as_a_whole_when_told(sidecar: Sidecar) -> None:
    """SIGTERM ends publisher and OPA, with exit code 0."""
    children = sidecar.children()
    sidecar.child.send_signal(signal.SIGTERM)

    assert sidecar.child.wait(30) == 0
    assert len(children) == 2
    assert [began(pid) for pid in children] == [None, None]


def test_it_ends_as_a_whole_when_a_part_is_lost(sidecar: Sidecar) -> None:
    """When OPA dies the container ends with an error, so that the engine starts it again."""
    publisher, server = sidecar.children()
    os.kill(server, signal.SIGKILL)

    assert sidecar.child.wait(30) == 1
    assert began(publisher) is None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _eventually(condition: Callable[[], bool], within_s: float) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)
