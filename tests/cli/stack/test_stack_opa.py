"""OPA as the stack configures it: what it lets through, what it logs, which bundles it takes."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from remit.cli.stack import opa
from remit.cli.stack.bundle import BundleBuilder
from remit.cli.stack.bundle_server import BundleServer
from remit.cli.stack.bundle_store import BundleStore
from remit.cli.stack.processes import Command, await_healthy, start, stop
from remit.cli.stack.signing import PublicKey, keep_key
from remit.cli.stack.sources import PolicyRoot, read_sources
from remit.stores.atomic import keep_secret
from tests.cli.stack.conftest import exchange
from tests.waiting import until

pytestmark = pytest.mark.opa

DECISION = "/v1/data/remit/main/decision"
EMPTY = b'{"input": {}}'


@dataclass(frozen=True, slots=True)
class RunningOpa:
    """A real OPA fed by a store."""

    socket: Path
    token: str
    log: Path
    store: BundleStore
    builder: BundleBuilder
    core: Path

    def ask(self, method: str, path: str, body: bytes | None = EMPTY) -> tuple[int, bytes]:
        """Ask with the token."""
        return exchange(self.socket, method, path, body, self.token)


@pytest.fixture
def running(
    opa_binary: Path, core: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningOpa]:
    """OPA as the stack starts it, with the core's policies and, asked for, its own log."""
    monkeypatch.setenv(opa.LOG_VARIABLE, "console")
    run, folder = tmp_path / "run", tmp_path / "bundle"
    run.mkdir()
    folder.mkdir()
    key, token = keep_key(tmp_path / "key", "test"), keep_secret(tmp_path / "token")
    builder = BundleBuilder(opa_binary, key)
    store = BundleStore(folder)
    store.publish(builder.build(read_sources([PolicyRoot("core", core)])), 1)
    with BundleServer(0, store) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        port = int(server.server_address[1])
        configuration = opa.write_configuration(
            run, token=token, source=opa.local_source(port, key.public, key.scope)
        )
        argv = opa.argv(opa_binary, configuration=configuration, socket=run / "s")
        started = start(Command("opa", argv, opa.VARIABLES, tmp_path, tmp_path / "opa.log"))
        try:
            health = opa.health(run / "s", tmp_path / "token")
            await_healthy("opa", started, health.problem, within_s=15)
            yield RunningOpa(run / "s", token, started.log, store, builder, core)
        finally:
            stop("opa", started.process, grace_s=5)
            store.close()
            server.shutdown()


def test_only_the_question_and_the_gauges_are_open(running: RunningOpa) -> None:
    """The token opens the decision, health, metrics and status, and nothing else."""
    opened = [("POST", DECISION), ("GET", "/health"), ("GET", "/metrics"), ("GET", "/v1/status")]
    closed = [
        ("GET", "/v1/data"),
        ("GET", DECISION),
        ("POST", "/v1/data/remit/main"),
        ("POST", "/v1/data/remit%2fmain/decision"),
        ("POST", "/v0/data/remit/main/decision"),
        ("POST", "/v1/query"),
        ("POST", "/v1/compile"),
        ("PUT", "/v1/policies/x"),
        ("GET", "/v1/policies"),
        ("PATCH", "/v1/data/remit"),
        ("GET", "/v1/config"),
        ("POST", "/"),
        ("POST", f"{DECISION}/.."),
        ("POST", f"{DECISION}/../../../../query"),
        ("PUT", f"{DECISION}/../../../../policies/x"),
        ("GET", "/v1/data/../policies"),
        ("POST", f"{DECISION}/%2e%2e/%2e%2e"),
        ("POST", "/v1/data/remit/main//decision"),
        ("POST", f"/./{DECISION}"),
        ("GET", "/health/../v1/policies"),
    ]

    assert {path: running.ask(m, path)[0] for m, path in opened} == {p: 200 for _, p in opened}
    assert [c for c in closed if running.ask(*c)[0] != 401] == []


def test_without_the_token_nothing_is_open(running: RunningOpa) -> None:
    """A missing or wrong token is refused, and the socket is its owner's alone."""
    assert exchange(running.socket, "POST", DECISION, EMPTY, "")[0] == 401
    assert exchange(running.socket, "POST", DECISION, EMPTY, "0" * 64)[0] == 401
    assert exchange(running.socket, "GET", "/health", None, "")[0] == 401
    assert running.socket.stat().st_mode & 0o777 == 0o600


def test_a_decision_has_an_id_and_the_revision_of_its_bundle(running: RunningOpa) -> None:
    """Provenance names the policy bundle, and the decision can echo the same revision."""
    _, body = running.ask("POST", DECISION + "?provenance=true")
    answer = json.loads(body)
    revision = running.store.status.revision

    assert answer["decision_id"]
    assert answer["provenance"]["bundles"]["remit"]["revision"] == revision
    assert answer["result"]["policy_revision"] == revision


def test_the_log_holds_refusals_without_their_inputs(running: RunningOpa) -> None:
    """A denial is logged with its result; arguments, allows and health checks are not."""
    rule = (
        "package remit.domains.a.b\n\nimport rego.v2\n\n"
        'permits contains 1 if input.tool == "free"\n'
    )
    (running.core / "a.rego").write_text(rule)
    built = running.builder.build(read_sources([PolicyRoot("core", running.core)]))
    running.store.publish(built, 2)
    allowed = b'{"input": {"tool": "free", "secret": "hidden-1"}}'
    until(lambda: b'"allow"' in running.ask("POST", DECISION, allowed)[1])
    denied = b'{"input": {"tool": "paid", "secret": "hidden-2"}}'
    decision_id = json.loads(running.ask("POST", DECISION, denied)[1])["decision_id"]
    until(lambda: decision_id in running.log.read_text())
    logged = [line for line in running.log.read_text().splitlines() if "Decision Log" in line]

    assert decision_id in logged[-1]
    assert '"effect":"deny"' in logged[-1]
    assert "hidden" not in running.log.read_text()
    assert not any('"effect":"allow"' in line for line in logged)


@pytest.mark.parametrize(("asked", "logs"), [(None, False), ("", False), ("console", True)])
def test_opa_keeps_a_log_of_its_own_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None, logs: bool
) -> None:
    """The ledger is the record: OPA's own decision log is off unless the environment says so."""
    monkeypatch.delenv(opa.LOG_VARIABLE, raising=False)
    if asked is not None:
        monkeypatch.setenv(opa.LOG_VARIABLE, asked)
    source = opa.local_source(1, PublicKey("k", "pem"), "test")
    written = opa.write_configuration(tmp_path, token="t", source=source)

    assert ("decision_logs" in json.loads(written.read_text())) is logs


def test_the_local_rules_leave_the_record_of_bundles_alone(running: RunningOpa) -> None:
    """A local bundle that owned all of `system` would wipe the other bundles' revisions."""
    local = json.loads((running.socket.parent / "opa-system" / ".manifest").read_text())

    assert [root for root in local["roots"] if "system/bundles".startswith(root)] == []


def test_the_configuration_has_no_option_that_opa_does_not_know(running: RunningOpa) -> None:
    """OPA warns about unknown options; ours starts without such a warning."""
    assert "unknown" not in running.log.read_text().lower()
