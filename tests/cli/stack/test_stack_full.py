"""The profile `full` before anything starts: what it needs and writes, and who has it."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGINT
from threading import Thread

import pytest
import yaml

from remit.cli.stack import postgres, temporal_full
from remit.cli.stack.errors import StackError
from remit.cli.stack.health import PostgresHealth
from remit.cli.stack.identity import ProcessId, began
from remit.cli.stack.layout import Layout
from remit.cli.stack.outline import Outline
from remit.cli.stack.postgres import Postgres, Programs, find_programs, password_file, server_of
from remit.cli.stack.processes import stop
from remit.cli.stack.profile import profile_of
from remit.cli.stack.project import ProjectSettings
from remit.cli.stack.state import StackState
from remit.cli.stack.temporal_server import DYNAMIC_VALUES
from tests.waiting import until

PROGRAMS = Programs(Path("/usr/lib/none"), "15.1")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A stack's places."""
    made = Layout(tmp_path)
    made.create()
    return made


def test_without_postgresql_the_way_to_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the system's is installed by us; the line to type is in the hint."""
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)

    with pytest.raises(StackError, match="apt-get install postgresql") as refused:
        find_programs("")

    assert refused.value.diagnostic.code == "STACK-POSTGRES-MISSING"


def test_a_cluster_keeps_its_major_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data of one version is served by programs of that version, or by none."""
    for major in ("15", "17"):
        folder = tmp_path / major / "bin"
        folder.mkdir(parents=True)
        for name in ("initdb", "postgres", "psql"):
            program = folder / name
            program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.4'\n")
            program.chmod(0o755)
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)

    assert find_programs("").version == "17.4"
    assert find_programs("", "15").version == "15.4"
    with pytest.raises(StackError, match="16, which the cluster was made with"):
        find_programs("", "16")


def test_a_stack_keeps_its_profile(layout: Layout) -> None:
    """The first `up` chooses; a stack of before there were two is `light`."""
    assert profile_of(layout, StackState()) == "light"
    assert profile_of(layout, StackState(), "full") == "full"
    assert profile_of(layout, StackState(profile="full")) == "full"
    layout.temporal_database.touch()
    assert profile_of(layout, StackState()) == "light"
    with pytest.raises(StackError, match="STACK-PROFILE"):
        profile_of(layout, StackState(), "full")


def test_the_parts_and_ports_of_each_profile() -> None:
    """`full` is `light` with three parts in place of one, and the codec server; each port belongs
    to one of them."""
    light = Outline(ProjectSettings())
    full = Outline(ProjectSettings(), "full")
    elsewhere = Outline(ProjectSettings(), "full", has_cluster=False)

    assert set(full.names()) - set(light.names()) == {"postgres", "temporal-ui", "codec"}
    assert set(full.names()) - set(elsewhere.names()) == {"postgres"}
    for outline in (light, full, elsewhere):
        assert {one for owners in outline.port_owners().values() for one in owners} <= set(
            outline.names()
        )
    assert {"temporal", "temporal_ui"} <= light.port_owners().keys() & full.port_owners().keys()


def test_the_servers_configuration(layout: Layout) -> None:
    """Four services with ports of their own on loopback, the measured settings, mode 0600."""
    server = Postgres("127.0.0.1", 5544, "admin", layout.secrets / "admin", PROGRAMS)
    ports = {purpose: 9000 + n for n, purpose in enumerate(temporal_full.purposes())}

    temporal_full.write_server(layout.temporal, server, "secret", ports)

    file = layout.temporal / "config" / "remit.yaml"
    found = yaml.safe_load(file.read_text())
    services = [service["rpc"] for service in found["services"].values()]
    used = [rpc[key] for rpc in services for key in rpc if key.endswith("Port")]
    assert sorted(used) == sorted(ports.values())
    assert all(rpc["bindOnLocalHost"] is True for rpc in services)
    assert found["publicClient"]["hostPort"] == f"127.0.0.1:{ports['temporal']}"
    stores = found["persistence"]["datastores"].values()
    assert {store["sql"]["connectAddr"] for store in stores} == {"127.0.0.1:5544"}
    assert file.stat().st_mode & 0o077 == 0
    dynamic = yaml.safe_load(Path(found["dynamicConfigClient"]["filepath"]).read_text())
    stated = {key: [{"value": yaml.safe_load(value)}] for key, value in DYNAMIC_VALUES.items()}
    assert dynamic == stated


def test_a_named_server_is_kept_and_its_password_told_to_nobody(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`REMIT_POSTGRES_URL` is needed once; the ledger's address names a file, not a password."""
    monkeypatch.setattr(postgres, "find_programs", lambda *_, **__: PROGRAMS)
    named = {"REMIT_POSTGRES_URL": "postgresql://root:p%40ss@db.example:6000/postgres"}

    first = server_of(layout, 0, named)

    assert server_of(layout, 0, {}) == first
    assert (first.host, first.port, first.admin) == ("db.example", 6000, "root")
    assert first.cluster is None
    assert first.password_file.read_text() == "p@ss"
    assert postgres.has_own_cluster(layout, {}) is False
    own = postgres.password_file(layout, "remit").read_text()
    named = first.ledger_url("remit", password_file(layout, "remit"))
    assert own not in named
    assert named.startswith("postgresql+psycopg://remit@db.example:6000/remit?password_file=")


def test_databases_do_not_move_by_themselves(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack with a cluster of its own is not turned to another server: its runs are in it."""
    monkeypatch.setattr(postgres, "cluster_folder", lambda layout: layout.postgres)
    layout.postgres.mkdir()

    with pytest.raises(StackError, match="STACK-PROFILE"):
        server_of(layout, 0, {"REMIT_POSTGRES_URL": "postgresql://root@db.example/postgres"})


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0", None),
        (b"E\0\0\0\x20SFATAL\0Mthe database system is starting up\0\0", "starting up"),
        (b"", "no answer"),
    ],
)
def test_postgresql_is_healthy_when_it_asks_who_comes(answer: bytes, problem: str | None) -> None:
    """An open port alone is no health: a server in recovery refuses, and so counts as unhealthy."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        health = PostgresHealth(host="127.0.0.1", port=server.getsockname()[1], user="someone")

        def serve() -> None:
            line, _ = server.accept()
            with line:
                assert b"user\0someone\0" in line.recv(1024)
                line.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        said = health.problem()
        thread.join()

    assert said is None if problem is None else problem in str(said)
    assert "connecting" in str(health.problem())


def test_a_part_is_asked_to_end_in_its_own_way(tmp_path: Path) -> None:
    """PostgreSQL takes SIGTERM for "when everybody has left"; it is sent SIGINT."""
    ready = tmp_path / "ready"
    script = (
        "import pathlib, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "signal.signal(signal.SIGINT, signal.SIG_DFL);"
        f"pathlib.Path({str(ready)!r}).touch(); signal.pause()"
    )
    child = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    until(ready.exists)

    asked = time.monotonic()
    assert stop("it", ProcessId(child.pid, str(began(child.pid))), grace_s=60, number=SIGINT)

    assert time.monotonic() - asked < 30, "it was not asked, but killed after the grace"
    child.wait(5)
