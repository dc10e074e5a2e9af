"""A tiny core of policies, a project, a real OPA, and ways to ask it."""

import http.client
import json
import os
import socket
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.cli.stack import stack
from remit.cli.stack.binaries import OPA, TEMPORAL, Binary, Program, cache_folder, find
from remit.cli.stack.status import StackStatus

CORE = """package remit.main

default effect := "deny"

effect := "allow" if count(data.remit.domains[_][_].permits) > 0

decision := {"effect": effect, "policy_revision": data.remit.revision}
"""
GRANT = """package remit.domains.mail.scopes

import rego.v2

permits contains "mail.scoped" if input.tool == "mail.send"
"""

SERVICE = """
[[service]]
name = "files"
command = ["${python}", "-m", "http.server", "${port:files}", "--bind", "127.0.0.1"]
health = "http://127.0.0.1:${port:files}/remit.toml"
"""

Ask = Callable[[str, str, bytes | None], tuple[int, bytes]]


@pytest.fixture(scope="session")
def found() -> Callable[[Program], Binary]:
    """Find a real program once for all tests; skip without it."""

    @cache
    def binary(program: Program) -> Binary:
        usable = find(program, cache=cache_folder(), search=os.environ.get("PATH", ""))
        if usable is None:
            pytest.skip(f"no usable `{program.name}` on PATH or in the cache")
        return usable

    return binary


@pytest.fixture(scope="session")
def opa_binary(found: Callable[[Program], Binary]) -> Path:
    """The real OPA."""
    return found(OPA).path


@pytest.fixture(scope="session")
def temporal_binary(found: Callable[[Program], Binary]) -> Path:
    """The real Temporal dev server."""
    return found(TEMPORAL).path


@pytest.fixture
def core(tmp_path: Path) -> Path:
    """A folder that stands for Remit's own policies: denies what no domain grants."""
    folder = tmp_path / "core"
    (folder / "main").mkdir(parents=True)
    (folder / "main" / "main.rego").write_text(CORE)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project folder that grants `mail.send`; whatever is started for it is stopped."""
    folder = tmp_path / "project"
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "mail.rego").write_text(GRANT)
    (folder / "remit.toml").write_text('name = "tried"\n')
    yield folder
    stack.down(folder, lambda _: None)


@pytest.fixture
def lines() -> list[str]:
    """What was reported."""
    return []


@pytest.fixture
def ask(project: Path) -> Ask:
    """Ask the stack's OPA with the enforcement point's token: method, path, body."""

    def over_socket(method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        told = stack.environment(project)
        token = told.opa_token_file.read_text()
        return exchange(told.opa_socket, method, path, body, token)

    return over_socket


@pytest.fixture
def decide(ask: Ask) -> Callable[[JSONObject], JSONObject]:
    """Return the decision on an input."""

    def decision(facts: JSONObject) -> JSONObject:
        body = json.dumps({"input": facts}).encode()
        status, answer = ask("POST", "/v1/data/remit/main/decision", body)
        assert status == 200, answer
        result: JSONObject = json.loads(answer)["result"]
        return result

    return decision


def exchange(
    path: Path, method: str, address: str, body: bytes | None, token: str
) -> tuple[int, bytes]:
    """Do one HTTP exchange over the Unix socket `path`."""
    connection = http.client.HTTPConnection("localhost", timeout=5)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(str(path))
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, address, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def up(
    project: Path,
    core: Path,
    lines: list[str],
    found: Callable[[Program], Binary],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., StackStatus]:
    """Bring some components of the project's stack up, with programs that were found before."""
    monkeypatch.setattr(stack, "ensure", lambda program, *_, **__: found(program))

    def bring_up(*only: str) -> StackStatus:
        return stack.up(project, lines.append, only=only, core=core)

    return bring_up
