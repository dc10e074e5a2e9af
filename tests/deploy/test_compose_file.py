"""What must hold of the deployment before anybody starts it."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from remit.cli.stack.temporal_server import SEARCH_ATTRIBUTES
from remit.stores.keyring import Keyring
from tests.deploy.compose import FILE, ROOT, load, substituted, variables_of
from workers.fleet import ROLES
from workers.settings import WorkerSettings

SECRETS = {
    "postgres_admin": {"postgresql", "postgresql-setup"},
    "temporal": {"postgresql-setup", "temporal-schema", "temporal"},
    "remit": {"postgresql-setup", "ledger"},
    "remit_worker": {"postgresql-setup", "orchestrate", "tools"},
    "remit_keeper": {"postgresql-setup", "keeper", "policy"},
    "remit_reader": {"postgresql-setup", "console"},
}
"""Every secret, and who sees it."""
PLACE = ("postgresql", "remit")
WORKERS = ("orchestrate", "tools", "keeper")
Service = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file as it is when nobody sets a variable."""
    return load({})


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    """Its services."""
    found: dict[str, Service] = compose["services"]
    return found


def test_a_real_parser_takes_it(tmp_path: Path) -> None:
    """A parser of the compose specification accepts the file; a misspelt key it refuses."""
    parser = _parser()
    good = tmp_path / "good" / FILE.name
    bad = tmp_path / "bad" / FILE.name
    text = substituted(FILE.read_text(), {})
    for file, content in ((good, text), (bad, text.replace("  image: ", "  imagine: ", 1))):
        file.parent.mkdir()
        file.write_text(content)

    assert _accepts(parser, good)
    assert not _accepts(parser, bad)


def test_every_image_is_pinned(services: dict[str, Service]) -> None:
    """No image floats: each has a tag that names a version."""
    for name, service in services.items():
        _, _, tag = service["image"].rpartition(":")
        assert re.match(r"v?\d+\.\d+", tag), name


def test_what_is_named_exists(compose: dict[str, Any], services: dict[str, Service]) -> None:
    """Dependencies, volumes, networks and mounted files are there."""
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= services.keys(), name
        assert set(service.get("networks", [])) <= compose["networks"].keys(), name
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            known = (ROOT / source).exists() if source.startswith(".") else False
            assert known or source in compose["volumes"], mount


def test_dependencies_can_be_waited_for(services: dict[str, Service]) -> None:
    """Who is waited for as healthy has a health check; who must complete is a job that ends."""
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], (name, other)
            else:
                assert services[other]["restart"].startswith("on-failure"), (name, other)


def test_what_stays_up_tells_how_it_is(services: dict[str, Service]) -> None:
    """Every service that stays up has a health check, and everything has limits."""
    for name, service in services.items():
        assert "healthcheck" in service or service["restart"].startswith("on-failure"), name
        limits = service["deploy"]["resources"]["limits"]
        assert limits.keys() == {"cpus", "memory", "pids"}, name


def test_everything_is_hardened(services: dict[str, Service]) -> None:
    """Nobody is root or may become it; file systems are read-only but for one that cannot be."""
    for name, service in services.items():
        user, _, group = service["user"].partition(":")
        assert int(user) > 0, name
        assert int(group) > 0, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is (name != "temporal-ui"), name


def test_ports_are_on_loopback_alone(services: dict[str, Service]) -> None:
    """What is published is published to this machine."""
    for service in services.values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), port


def test_secrets_come_by_file_to_those_who_need_them(
    compose: dict[str, Any], services: dict[str, Service]
) -> None:
    """No password stands in the file or in an environment, and each role sees its own."""
    held = {name: set(service.get("secrets", [])) for name, service in services.items()}

    assert {one: {n for n, has in held.items() if one in has} for one in SECRETS} == SECRETS
    assert compose["secrets"] == {one: {"file": f"./deploy/secrets/{one}"} for one in SECRETS}
    for name, service in services.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|PWD|SECRET|TOKEN", key):
                assert key.endswith("_FILE"), (name, key)
            for file in re.findall(r"/run/secrets/(\w+)", value):
                assert file in held[name], (name, key)


def test_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    """The script makes what compose reads, leaves what is there, and closes the folder."""
    made = tmp_path / "secrets"
    script = ["sh", str(ROOT / "deploy" / "secrets.sh"), str(made)]
    subprocess.run(script, check=True)
    before = {file.name: file.read_text() for file in made.iterdir()}
    (made / "remit").unlink()
    subprocess.run(script, check=True)
    after = {file.name: file.read_text() for file in made.iterdir()}

    assert before.keys() == after.keys() == SECRETS.keys()
    assert all(re.fullmatch(r"[0-9a-f]{64}", text) for text in after.values())
    assert {name for name in SECRETS if before[name] != after[name]} == {"remit"}
    assert made.stat().st_mode & 0o777 == 0o700
    # Containers run as users of their own, and the engine mounts a file with the mode it has.
    assert {file.stat().st_mode & 0o777 for file in made.iterdir()} == {0o444}
    assert (ROOT / "deploy" / ".gitignore").read_text() == "secrets/\n"


def test_the_ledger_is_in_postgresql_and_each_writes_it_as_its_role(
    services: dict[str, Service],
) -> None:
    """Tables are their owner's, who only prepares; nobody else can reach the database."""
    expected = {
        "ledger": "remit",
        "policy": "remit_keeper",
        "console": "remit_reader",
        "orchestrate": "remit_worker",
        "tools": "remit_worker",
        "keeper": "remit_keeper",
    }
    for name, role in expected.items():
        url = make_url(services[name]["environment"]["REMIT_LEDGER_URL"])
        assert (url.get_backend_name(), url.host, url.database) == ("postgresql", *PLACE), name
        assert (url.username, url.password) == (role, None), name
        assert url.query == {"password_file": f"/run/secrets/{role}"}, name
        if name != "ledger":
            done = services[name]["depends_on"]["ledger"]
            assert done == {"condition": "service_completed_successfully"}, name
    prepare = services["ledger"]["command"][2:]
    assert prepare == [
        *("remit.stores.prepare", "--writer", "remit_worker", "--keeper", "remit_keeper"),
        *("--reader", "remit_reader"),
    ]
    there = {name for name, one in services.items() if "database" in one.get("networks", [])}
    assert there == {
        *(*expected, "postgresql", "postgresql-setup", "temporal", "temporal-schema"),
    }
    assert services["postgresql"]["networks"] == ["database"]


def test_only_the_keeper_signs_and_keeps_checkpoints(services: dict[str, Service]) -> None:
    """The log's key and the place of its heads are where no writer of the ledger is."""
    keeper = services["keeper"]["environment"]
    holders = {
        volume: {
            name for name, one in services.items() for v in one.get("volumes", []) if volume in v
        }
        for volume in ("evidence-key:", "checkpoints:")
    }

    assert holders == {"evidence-key:": {"keeper", "evidence-key"}, "checkpoints:": {"keeper"}}
    assert f"evidence-key:{keeper['REMIT_EVIDENCE_KEYS']}" in services["keeper"]["volumes"]
    assert f"checkpoints:{keeper['REMIT_CHECKPOINTS']}" in services["keeper"]["volumes"]
    assert services["evidence-key"]["network_mode"] == "none"
    done = services["keeper"]["depends_on"]["evidence-key"]
    assert done == {"condition": "service_completed_successfully"}
    for name in ("orchestrate", "tools"):
        assert (
            not {"REMIT_EVIDENCE_KEYS", "REMIT_CHECKPOINTS"} & services[name]["environment"].keys()
        )


def test_the_key_of_the_log_is_made_by_its_job(
    services: dict[str, Service], tmp_path: Path
) -> None:
    """The job's command line makes a key, and run again leaves it."""
    python, dash_m, module, _, *named = services["evidence-key"]["command"]
    command = [sys.executable, dash_m, module, str(tmp_path / "keys"), *named]
    subprocess.run(command, check=True, cwd=ROOT)
    keys = Keyring(tmp_path / "keys")
    (first,) = keys.publics()
    subprocess.run(command, check=True, cwd=ROOT)

    assert python == "python"
    assert first.name.startswith("remit.local/compose-")
    assert list(keys.publics()) == [first]


def test_postgresql_has_room_for_everybody(services: dict[str, Service]) -> None:
    """A connection is a process of the server."""
    (most,) = re.findall(r"max_connections=(\d+)", " ".join(services["postgresql"]["command"]))
    assert int(most) < services["postgresql"]["deploy"]["resources"]["limits"]["pids"]


def test_workers_are_told_what_they_know(services: dict[str, Service]) -> None:
    """Every `REMIT_` variable is a worker's setting, and the settings accept the values."""
    for name in WORKERS:
        given = services[name]["environment"]
        told = {key for key in given if key.startswith("REMIT_")}
        known = {f"REMIT_{field.upper()}" for field in WorkerSettings.model_fields}
        assert told <= known, told - known
        fields = {key.removeprefix("REMIT_").lower(): given[key] for key in told}
        settings = WorkerSettings.model_validate(fields)
        assert settings.temporal_address == "temporal:7233"
        assert settings.profile == "light"


def test_workers_have_roles_that_exist(services: dict[str, Service]) -> None:
    """The command lines start modules and roles that there are."""
    for name in WORKERS:
        assert services[name]["command"] == ["python", "-m", "workers", "--roles", name]
        assert name in ROLES
    assert (ROOT / "workers" / "__main__.py").exists()
    assert (ROOT / "examples" / "backoffice" / "service" / "__main__.py").exists()
    assert services["backoffice"]["command"][1] == "/project/service"


def test_a_worker_outlives_its_draining(services: dict[str, Service]) -> None:
    """The engine kills a worker only after it had the time to drain."""
    for name in WORKERS:
        drain_s = float(services[name]["environment"]["REMIT_DRAIN_S"])
        assert float(services[name]["stop_grace_period"].removesuffix("s")) > drain_s


def test_a_role_shares_socket_and_token_with_its_opa(
    compose: dict[str, Any], services: dict[str, Service]
) -> None:
    """Each role has an OPA of its own behind a volume in memory of the workers' user alone."""
    for name in WORKERS:
        volume = f"opa-{name}"
        given = services[name]["environment"]
        assert f"{volume}:/run/opa" in services[name]["volumes"]
        assert f"{volume}:/run/opa" in services[volume]["volumes"]
        assert services[name]["depends_on"][volume] == {"condition": "service_healthy"}
        assert services[volume]["networks"] == ["policy"]
        assert services[volume]["user"] == services[name]["user"]
        assert given["REMIT_OPA_SOCKET"] == "/run/opa/opa.sock"
        assert given["REMIT_OPA_TOKEN_FILE"] == "/run/opa/opa.token"
        options = compose["volumes"][volume]["driver_opts"]
        assert options["type"] == "tmpfs"
        assert "mode=0700" in options["o"]
        users = [users for users, mount in _opa_mounts(services) if mount == volume]
        assert sorted(users) == sorted([name, volume])


def test_the_key_that_signs_policies_is_the_publishers_alone(
    compose: dict[str, Any], services: dict[str, Service]
) -> None:
    """Every OPA sees its public half and cannot write there, for the same environment.

    On their network is nobody else.
    """
    holders = [
        n for n, s in services.items() if any("policy-key" in v for v in s.get("volumes", []))
    ]
    on_it = {name for name, one in services.items() if "policy" in one.get("networks", [])}
    opas = {f"opa-{name}" for name in WORKERS}

    assert holders == ["policy"]
    assert on_it == opas | {"policy"}
    assert compose["networks"]["policy"] == {"internal": True}
    assert "ports" not in services["policy"]
    for name in opas:
        assert "policy-public:/run/policy:ro" in services[name]["volumes"]
        assert f"{name}-kept:/var/lib/opa" in services[name]["volumes"]
        given = services[name]["environment"]["REMIT_ENVIRONMENT"]
        assert given == services["policy"]["environment"]["REMIT_ENVIRONMENT"]


def test_roles_can_be_scaled(services: dict[str, Service]) -> None:
    """Nothing of a scaled service is taken by its first replica."""
    for name in ("orchestrate", "tools"):
        assert not services[name].keys() & {"container_name", "ports", "hostname"}, name


def test_variables_are_few_and_documented() -> None:
    """What may be set from outside is known to this list."""
    assert variables_of(FILE.read_text()) == {
        "REMIT_VERSION",
        "REMIT_CONSOLE",
        "REMIT_CONSOLE_PORT",
        "REMIT_CHECKPOINTS_DIR",
        "REMIT_ENVIRONMENT",
        "REMIT_IDENTITY",
        "REMIT_PROFILE",
        "REMIT_LOG_LEVEL",
        "REMIT_LOG_NAME",
        "REMIT_PROJECT_DIR",
        "REMIT_RETENTION",
        "REMIT_TEMPORAL_PORT",
        "REMIT_UI_PORT",
    }


def test_health_checks_are_valid_programs(services: dict[str, Service]) -> None:
    """One-line Python health checks parse."""
    lines = [s["healthcheck"]["test"] for s in services.values() if "healthcheck" in s]
    programs = [line[3] for line in lines if line[1:3] == ["python", "-c"]]
    assert len(programs) == len(WORKERS) + 3
    for program in programs:
        ast.parse(program)


def test_setup_makes_the_search_attributes_of_the_stack() -> None:
    """The job registers what workers demand before they take a task."""
    script = (ROOT / "deploy" / "temporal" / "setup.sh").read_text()
    assert dict(re.findall(r"--name (\w+) --type (\w+)", script)) == SEARCH_ATTRIBUTES


def _opa_mounts(services: dict[str, Service]) -> list[tuple[str, str]]:
    return [
        (name, mount.split(":")[0])
        for name, service in services.items()
        for mount in service.get("volumes", [])
        if mount.endswith(":/run/opa")
    ]


def _parser() -> list[str]:
    """Return the command line of a compose parser: docker's, else the specification's own."""
    docker = shutil.which("docker")
    if (
        docker
        and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0
    ):
        return [docker, "compose", "-f"]
    go = shutil.which("go")
    if go is None:
        pytest.skip("neither `docker compose` nor `go`, which could build the reference parser")
    folder = Path.home() / ".cache" / "remit" / "compose"
    parser = folder / "cmd"
    if not parser.exists():
        module = "github.com/compose-spec/compose-go/v2/cmd@v2.9.0"
        built = subprocess.run(
            [go, "install", module],
            env={"GOBIN": str(folder), "HOME": str(Path.home()), "PATH": str(Path(go).parent)},
            capture_output=True,
            text=True,
            timeout=110,
        )
        if built.returncode != 0:
            pytest.skip(f"the reference parser could not be built: {built.stderr[-200:]}")
    return [str(parser), "-no-path-resolution"]


def _accepts(parser: list[str], file: Path) -> bool:
    command = [*parser, str(file)] + (["config", "-q"] if parser[-1] == "-f" else [])
    return subprocess.run(command, capture_output=True, cwd=file.parent, timeout=30).returncode == 0
