"""The profile `full` for real: Temporal's server on PostgreSQL, a gate, evidence, and deaths."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from remit.cli.stack.binaries import cache_folder, find
from remit.cli.stack.errors import StackError
from remit.cli.stack.identity import marked
from remit.cli.stack.layout import Layout
from remit.cli.stack.postgres import (
    ADMIN,
    KEEPER,
    ROLES,
    WORKER,
    cluster_folder,
    find_programs,
    password_file,
)
from remit.cli.stack.profile import PROGRAMS
from remit.cli.stack.state import load
from remit.stores.keyring import Keyring
from tests.running import ROOT, Running, ended, plan, start, waits
from tests.waiting import eventually

pytestmark = [
    pytest.mark.stack,
    pytest.mark.full,
    pytest.mark.xdist_group("full"),
    pytest.mark.timeout(300),
]

BOSS = "boss@lab.example"


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The lab on the profile `full`; nothing is built or installed for it."""
    search = os.environ.get("PATH", "")
    for program in PROGRAMS["full"]:
        if find(program, cache=cache_folder(), search=search) is None:
            pytest.skip(f"no usable `{program.name}`; `make programs PROFILE=full` gets one")
    try:
        find_programs(search)
    except StackError as error:
        pytest.skip(str(error))
    running = Running.of(ROOT / "tests" / "lab", tmp_path_factory.mktemp("full") / "lab", "full")
    yield running
    running.down()
    shutil.rmtree(cluster_folder(Layout(running.project)), ignore_errors=True)


@pytest.fixture
async def client(full: Running) -> Client:
    """A client of its Temporal."""
    full.up()
    return await full.client()


async def test_a_gated_plan_completes_and_its_evidence_verifies(
    full: Running, client: Client, tag: str, tmp_path: Path
) -> None:
    """Plan, gate, vote, effect once, seal, export, and a verdict without the stack's help."""
    guarded: JSONObject = {"id": "step", "tool": "lab.put@1", "args": {"name": f"guarded{tag}"}}
    handle = await start(client, plan("gated", [guarded]))
    wait = (await waits(handle))[0]
    assert full.effects(f"guarded{tag}") == []

    await handle.signal("approve", {"step": "step", "digest": wait["digest"], "by": BOSS})

    assert (await ended(handle))["status"] == "completed"
    assert full.effects(f"guarded{tag}") == [f"put guarded{tag}"]
    found = [run.id async for run in client.list_workflows("RemitStatus = 'completed'")]
    assert handle.id in found
    file, key = tmp_path / "run.zip", Keyring(Layout(full.project).evidence_keys).public_file
    code, told = remit(full, "evidence", "export", handle.id, "-o", str(file), "--wait", "60")
    assert code == 0, told
    code, verdict = remit(full, "evidence", "verify", str(file), "--key", str(key))
    assert (code, verdict["findings"]) == (0, [])


@pytest.mark.parametrize("component", ["postgres", "temporal", "workers"])
async def test_a_killed_part_doubles_and_loses_nothing(
    full: Running, client: Client, tag: str, component: str
) -> None:
    """After `kill -9` in the middle of a run and `up` again, each effect stands once."""
    handle = await start(client, plan("killed", chain(tag, 4)))

    async def two_are_done() -> bool:
        return len(full.effects(tag)) >= 2

    await eventually(two_are_done)

    full.kill(component)
    full.up()

    assert (await ended(handle, 150))["status"] == "completed"
    assert full.effects(tag) == [f"put {tag}{number}" for number in range(4)]


async def test_down_and_up_again_keep_everything(full: Running, client: Client, tag: str) -> None:
    """Nothing runs after `down`, PostgreSQL's own processes included; histories survive it."""
    handle = await start(client, plan("kept", chain(tag, 1)))
    await ended(handle)
    address = full.address

    full.down()
    assert list(marked(str(full.project / ".remit"))) == []
    full.up()

    assert full.address == address
    again = await full.client()
    assert (await ended(again.get_workflow_handle(handle.id)))["status"] == "completed"


def test_a_healthy_stack_is_left_alone(full: Running) -> None:
    """`up` a second time starts nothing anew, and tells the profile."""
    full.up()
    before = stack.status(full.project)
    assert (before.condition, before.profile) == ("running", "full")

    full.up()

    after = stack.status(full.project)
    assert [part.pid for part in after.components] == [part.pid for part in before.components]
    names = {part.name for part in after.components}
    assert {"postgres", "temporal", "temporal-ui", "opa", "workers", "keeper"} <= names


def test_another_profile_is_refused(full: Running) -> None:
    """One ledger belongs to one Temporal: a project keeps its profile."""
    with pytest.raises(StackError, match="STACK-PROFILE"):
        stack.up(full.project, lambda line: None, profile="light")


@pytest.mark.parametrize(
    ("role", "database", "may"),
    [
        ("remit", "remit", True),
        ("remit_worker", "remit", True),
        ("remit_keeper", "remit", True),
        ("remit_worker", "temporal", False),
        ("remit", "temporal", False),
        ("remit", "temporal_visibility", False),
        ("temporal", "temporal", True),
        ("temporal", "remit", False),
    ],
)
def test_a_role_sees_its_own_databases(full: Running, role: str, database: str, may: bool) -> None:
    """Each role connects where its data is, and nowhere else, and only with its password."""
    full.up()
    password = password_file(Layout(full.project), role).read_text()

    assert connects(full, role, database, password) is may
    assert not connects(full, role, database, "guessed")


def test_a_role_makes_no_roles_and_no_databases(full: Running) -> None:
    """What Temporal and the ledger log in as administers nothing."""
    full.up()
    password = password_file(Layout(full.project), "temporal").read_text()

    assert not connects(full, "temporal", "temporal", password, "CREATE ROLE other")
    assert not connects(full, "temporal", "temporal", password, "CREATE DATABASE other")
    assert not connects(full, "temporal", "temporal", password, "SELECT pg_read_file('PG_VERSION')")


@pytest.mark.parametrize("role", [WORKER, KEEPER])
def test_who_writes_the_ledger_only_adds_to_it(full: Running, role: str) -> None:
    """Workers and keeper have roles of their own, which change no record and no table."""
    full.up()
    layout = Layout(full.project)
    password = password_file(layout, role).read_text()

    assert stack.environment(full.project).ledger_url.startswith(f"postgresql+psycopg://{WORKER}@")
    assert not layout.ledger_database.exists()
    assert connects(full, role, "remit", password, "SELECT count(*) FROM records")
    for order in ("UPDATE records SET kind = 'forged'", "DELETE FROM votes", "DROP TABLE gates"):
        assert not connects(full, role, "remit", password, order)
    added = connects(full, role, "remit", password, "INSERT INTO leaves VALUES (-1, 'r', 1, '')")
    assert added is (role == KEEPER)


def test_passwords_stand_nowhere_else(full: Running) -> None:
    """State and logs hold none; what holds one is readable by its owner alone."""
    layout = Layout(full.project)
    secrets = [password_file(layout, role).read_text() for role in (*ROLES, ADMIN)]
    for file in (layout.state, *layout.logs.iterdir()):
        assert not [one for one in secrets if one in file.read_text(errors="replace")], file
    for file in (*layout.secrets.iterdir(), *(layout.temporal / "config").iterdir()):
        assert file.stat().st_mode & 0o077 == 0, file


def chain(tag: str, count: int) -> list[JSON]:
    """Return a chain of steps that each put something down."""
    return [
        {
            "id": f"s{number}",
            "tool": "lab.put@1",
            "args": {"name": f"{tag}{number}", "wait_s": 0.3},
            "needs": [f"s{number - 1}"] if number else [],
            "timeout": "PT3S",
        }
        for number in range(count)
    ]


def connects(
    full: Running, role: str, database: str, password: str, order: str = "SELECT 1"
) -> bool:
    """Say whether PostgreSQL does what a role orders."""
    port = load(Layout(full.project).state).ports["postgres"]
    done = subprocess.run(
        [str(find_programs(os.environ.get("PATH", "")).folder / "psql"), "-X", "-c", order],
        env={
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": role,
            "PGDATABASE": database,
            "PGPASSWORD": password,
        },
        capture_output=True,
        check=False,
        timeout=30,
    )
    return done.returncode == 0


def remit(full: Running, *arguments: str) -> tuple[int, JSONObject]:
    """Run a command in a process of its own; return its exit code and what it told."""
    ran = subprocess.run(
        [sys.executable, "-m", "remit", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "REMIT_PROJECT": str(full.project),
        },
        timeout=120,
    )
    told: JSONObject = json.loads(ran.stdout)
    return ran.returncode, told
