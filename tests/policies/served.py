"""A real OPA on a Unix socket that serves the real policies, and a raw way to ask it."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from remit.canonical import JSON, Digest, JSONObject
from remit.cli.stack.binaries import OPA, cache_folder, find
from remit.cli.stack.bundle import Bundle, BundleBuilder
from remit.cli.stack.sources import CORE, PROJECT, PolicyRoot, PolicySources, read_sources

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
MY_PROJECT = Path(__file__).parent / "project"
_BUILT: dict[Digest, Bundle] = {}


def opa_binary() -> Path:
    """Return the real OPA; skip, and say so, without one."""
    usable = find(OPA, cache=cache_folder(), search=os.environ.get("PATH", ""))
    if usable is None:
        pytest.skip("no usable `opa` on PATH or in the cache")
    return usable.path


@dataclass(frozen=True, slots=True)
class Served:
    """A running OPA."""

    socket: Path
    revision: str
    links: "list[_Link]" = field(default_factory=list)
    """One connection, kept open."""

    def ask(self, given: JSON) -> JSONObject:
        """Return the decision about `given`, as OPA gives it."""
        status, body = self.post("/v1/data/remit/main/decision", {"input": given})
        if status != 200:
            raise AssertionError(f"OPA answered {status}: {body!r}")
        found: JSONObject = json.loads(body)["result"]
        return found

    def post(self, path: str, document: JSONObject) -> tuple[int, bytes]:
        """Ask anything, with failed built-ins as errors, as the enforcement point does."""
        if not self.links:
            self.links.append(_Link(self.socket))
        link = self.links[0]
        link.request("POST", f"{path}?strict-builtin-errors=true", json.dumps(document))
        answer = link.getresponse()
        return answer.status, answer.read()


class _Link(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("opa", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def built(binary: Path, sources: PolicySources) -> Bundle:
    """Return the bundle of `sources`, built once in a process: many modules serve the same."""
    if sources.digest not in _BUILT:
        _BUILT[sources.digest] = BundleBuilder(binary).build(sources)
    return _BUILT[sources.digest]


@contextlib.contextmanager
def serve(core: Path = POLICIES, project: Path = MY_PROJECT) -> Iterator[Served]:
    """Build the bundle as the stack does, and serve it."""
    binary = opa_binary()
    folder = Path(tempfile.mkdtemp(prefix="opa-"))  # short: a socket's path is bounded
    try:
        roots = (PolicyRoot(CORE, core), PolicyRoot(PROJECT, project))
        bundle = built(binary, read_sources(roots))
        (folder / "remit.tar.gz").write_bytes(bundle.content)
        with running(
            binary, folder, "--skip-verify", "--bundle", str(folder / "remit.tar.gz")
        ) as at:
            served = Served(at, bundle.revision)
            yield served
            for link in served.links:
                link.close()
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def running(binary: Path, folder: Path, *arguments: str) -> Iterator[Path]:
    """Run OPA with these arguments and return its socket once it listens; stop it afterwards."""
    at = folder / "opa.sock"
    process = subprocess.Popen(
        [
            *(str(binary), "run", "--server", "--skip-version-check", "--log-level", "error"),
            *("--addr", f"unix://{at}", *arguments),
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, at)
        yield at
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: "subprocess.Popen[bytes]", at: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"OPA ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as link:
            link.connect(str(at))
            return
        time.sleep(0.02)
    raise AssertionError("OPA did not listen within 20 s")
