"""Publisher and OPA sidecar of a deployment, for real: keys, sockets, and what survives what."""

import http.client
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.cli.stack.binaries import OPA, cache_folder, find
from remit.cli.stack.ports import choose
from tests.deploy.compose import ROOT
from tests.waiting import until

SIDECAR = ROOT / "deploy" / "opa" / "sidecar.py"
PUBLISHER = SIDECAR.with_name("publisher.py")
CORE = """package remit.main

decision := {"effect": "deny", "policy_revision": data.remit.revision}
"""

pytestmark = pytest.mark.opa


class Deployed:
    """A publisher and a sidecar, as two containers start them."""

    def __init__(self, folder: Path, binary: Path) -> None:
        core, self.project = folder / "core" / "main", folder / "project"
        core.mkdir(parents=True)
        (self.project / "policies").mkdir(parents=True)
        (self.project / "remit.toml").touch()
        (core / "main.rego").write_text(CORE)
        self.shared, self.public, self.private = folder / "s", folder / "u", folder / "p"
        for made in (self.shared, self.public, self.private):
            made.mkdir()
        self.port = choose(())
        self._binary = ["--binary", str(binary)]
        self._variables = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "REMIT_ENVIRONMENT": "deployed",
            "REMIT_LEDGER_URL": f"sqlite:///{folder / 'ledger.db'}",
        }
        publisher = ["--private", str(self.private), "--public", str(self.public)]
        publisher += ["--project", str(self.project), "--core", str(core.parent)]
        publisher += ["--host", "127.0.0.1", "--port", str(self.port)]
        self.publisher = self._run(PUBLISHER, *publisher, *self._binary)
        self._sidecar = ["--shared", str(self.shared), "--public", str(self.public)]
        self._sidecar += ["--private", str(folder / "k")]
        self._sidecar += ["--policies", f"http://127.0.0.1:{self.port}", *self._binary]
        self.child: subprocess.Popen[bytes] | None = None

    def _run(self, program: Path, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, str(program), *arguments], env=self._variables)

    def is_serving(self) -> bool:
        """Say what the publisher's health check says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except ConnectionError:
            return False
        finally:
            connection.close()

    def start(self) -> None:
        """Start the sidecar and wait until it decides."""
        self.child = self.launch()
        until(lambda: self.check() == 0, 60)

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the sidecar."""
        return self._run(SIDECAR, *self._sidecar)

    def check(self) -> int:
        """Run the health check as the engine does."""
        argv = [sys.executable, str(SIDECAR), *self._sidecar, "--check"]
        return subprocess.run(argv, env=self._variables, capture_output=True).returncode

    def ask(self, token: str) -> int:
        """Ask for a decision; return the HTTP status."""
        connection = http.client.HTTPConnection("localhost", timeout=30)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.connect(str(self.shared / "opa.sock"))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/data/remit/main/decision", b'{"input":{}}', headers)
        try:
            return connection.getresponse().status
        finally:
            connection.close()


def end(child: "subprocess.Popen[bytes] | None") -> int:
    """End a container as the engine does; return its exit code."""
    if child is None:
        return 0
    child.terminate()
    return child.wait(30)


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    """A publisher that serves, and a sidecar that decides."""
    found = find(OPA, cache=cache_folder(), search=os.environ.get("PATH", ""))
    if found is None:
        pytest.skip("no usable `opa` on PATH or in the cache")
    running = Deployed(tmp_path, found.path)
    try:
        until(running.is_serving, 60)
        running.start()
        yield running
    finally:
        end(running.child)
        end(running.publisher)


def test_workers_find_socket_and_token_and_nobody_else_does(deployed: Deployed) -> None:
    """The shared folder holds what a worker needs, for its owner alone; strangers are refused.

    The public folder holds the public key, and the private one stays with the publisher.
    """
    token = deployed.shared / "opa.token"

    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert stat.S_IMODE((deployed.shared / "opa.sock").stat().st_mode) == 0o600
    assert sorted(path.name for path in deployed.shared.iterdir()) == ["opa.sock", "opa.token"]
    assert deployed.ask(token.read_text()) == 200
    assert deployed.ask("guessed") == 401
    assert stat.S_IMODE((deployed.private / "policy.key").stat().st_mode) == 0o600
    assert [path.name for path in deployed.public.iterdir()] == ["policy.pub"]
    assert "PRIVATE" not in (deployed.public / "policy.pub").read_text()


def test_it_starts_from_its_disk_while_the_publisher_is_away(deployed: Deployed) -> None:
    """SIGTERM ends both with 0; the sidecar alone comes back, and decides."""
    assert end(deployed.child) == 0
    assert end(deployed.publisher) == 0
    deployed.start()

    assert deployed.ask((deployed.shared / "opa.token").read_text()) == 200


def test_it_starts_again_over_what_a_killed_one_left(deployed: Deployed) -> None:
    """The socket of before is in nobody's way; the token stays the one that workers read.

    Without the public key it says what is missing, and does not start.
    """
    token = (deployed.shared / "opa.token").read_text()
    assert deployed.child is not None
    deployed.child.send_signal(signal.SIGKILL)
    deployed.child.wait(30)
    deployed.start()
    assert deployed.ask(token) == 200

    end(deployed.child)
    (deployed.public / "policy.pub").unlink()
    assert deployed.launch().wait(30) == 1
