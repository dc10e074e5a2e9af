"""The parts of a stack, as data: what to start, in which order, and how to tell it works.

`components` is the one list. Nothing here is started; `stack` does that, for all or for some.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from remit.canonical import Digest, digest, digest_bytes
from remit.cli.stack import full, opa, temporal_server
from remit.cli.stack.blueprint import CODEC, Blueprint
from remit.cli.stack.component import READY_S, Component
from remit.cli.stack.environment import port_variables
from remit.cli.stack.health import HttpHealth
from remit.cli.stack.layout import ARCHIVE, CANARY, SHADOW, Layout
from remit.cli.stack.outline import CONSOLE, METRICS, workers_of
from remit.cli.stack.ports import LOOPBACK
from remit.cli.stack.postgres import KEEPER
from remit.cli.stack.project import Service, substitute
from remit.cli.stack.publisher_settings import PublisherSettings
from remit.cli.stack.signing import scope_of
from remit.cli.stack.temporal_server import web_ui
from remit.console.table import ConsoleTable
from remit.stores.planner import FOLDER
from remit.stores.shadow import BEARER, CANARY_SOCKET, SOCKET

GENTLY = ("nice", "-n", "10")
"""What stands before the command of a part that must not compete with the others."""
_CANDIDATE_READY_S = 60.0
_SOCKETS = {SHADOW: SOCKET, CANARY: CANARY_SOCKET}
CHECKPOINTS = "REMIT_CHECKPOINTS"
"""Variable that puts the checkpoints elsewhere than into the stack's own folder."""


def components(blueprint: Blueprint) -> tuple[Component, ...]:
    """Return the parts of the stack in the order of their start."""
    services = (_service(blueprint, service) for service in blueprint.settings.service)
    workers = (
        _worker(blueprint, name, roles) for name, roles in workers_of(blueprint.settings).items()
    )
    parts = (
        *_engine(blueprint),
        _publisher(blueprint),
        _opa(blueprint),
        *services,
        *_codec(blueprint),
        *workers,
        *_console(blueprint),
        *(_candidate(blueprint, name) for name in blueprint.candidates),
    )
    return tuple(sorted(parts, key=lambda part: part.wave))


def core_policies() -> Path:
    """Return Remit's own policies: those of the installed package, else of the checkout."""
    package = Path(__file__).parents[2]
    shipped = package / "policies"
    return shipped if shipped.is_dir() else package.parent / "policies"


def _engine(blueprint: Blueprint) -> Iterator[Component]:
    """Yield what runs workflows, each profile's own."""
    server = blueprint.postgres
    if server is None:
        yield _temporal(blueprint)
        return
    if server.cluster is not None:
        yield full.postgres(blueprint, server, server.cluster)
    yield full.temporal(blueprint, server)
    yield full.web_ui(blueprint)


def _temporal(blueprint: Blueprint) -> Component:
    port, ui_port = blueprint.ports["temporal"], blueprint.ports["temporal_ui"]
    program = blueprint.programs["temporal"]
    return Component(
        name="temporal",
        wave=1,
        argv=temporal_server.argv(
            program.path,
            database=blueprint.layout.temporal_database,
            port=port,
            ui_port=ui_port,
            codec=blueprint.codec_endpoint,
        ),
        variables={},
        address=f"{LOOPBACK}:{port}",
        health=temporal_server.health(ui_port),
        ready_within_s=READY_S,
        grace_s=10,
        ports=(port, ui_port),
        configuration=program.version,
    )


def _publisher(blueprint: Blueprint) -> Component:
    port = blueprint.ports["publisher"]
    settings = PublisherSettings(
        opa=blueprint.programs["opa"].path,
        key_file=blueprint.layout.policy_key,
        scope=scope_of(),
        ledger=blueprint.ledger_url(KEEPER),
        reviewed=blueprint.settings.policy.is_reviewed(blueprint.profile),
        folder=blueprint.layout.bundle,
        port=port,
        core=blueprint.core_policies,
        project=blueprint.layout.project / "policies",
        logs=blueprint.layout.logs,
    )
    return Component(
        name="publisher",
        # In `full` the ledger comes with Temporal; the publisher waits for it.
        wave=1 if blueprint.postgres is None else 2,
        argv=settings.argv(),
        variables={},
        address=f"{LOOPBACK}:{port}",
        health=HttpHealth(url=f"http://{LOOPBACK}:{port}/health"),
        ready_within_s=READY_S,
        grace_s=5,
        ports=(port,),
        configuration=_remit_version(),
    )


def _opa(blueprint: Blueprint) -> Component:
    configuration = blueprint.opa_configuration
    program = blueprint.programs["opa"]
    return Component(
        name="opa",
        wave=2,
        argv=opa.argv(program.path, configuration=configuration, socket=blueprint.socket),
        variables=opa.VARIABLES,
        address=f"unix:{blueprint.socket}",
        health=opa.health(blueprint.socket, blueprint.layout.opa_token),
        ready_within_s=READY_S,
        grace_s=5,
        configuration=program.version + opa.configuration_digest(configuration),
    )


def _candidate(blueprint: Blueprint, name: str) -> Component:
    """Return the OPA that serves a candidate: last, so that whatever is wrong with one keeps nobody
    from working. One that decides nothing has what is left of the CPU."""
    program, configuration = blueprint.programs["opa"], blueprint.candidates[name]
    socket = blueprint.socket.with_name(_SOCKETS[name])
    how = GENTLY if name == SHADOW else ()
    archive = digest_bytes(configuration.with_name(ARCHIVE).read_bytes())
    return Component(
        name=name,
        wave=4,
        argv=(*how, *opa.argv(program.path, configuration=configuration, socket=socket)),
        variables=opa.VARIABLES,
        address=f"unix:{socket}",
        health=opa.health(socket, configuration.with_name(BEARER)),
        ready_within_s=_CANDIDATE_READY_S,
        grace_s=5,
        configuration=program.version + opa.configuration_digest(configuration) + archive,
    )


def _service(blueprint: Blueprint, service: Service) -> Component:
    ports = blueprint.service_ports()
    layout = blueprint.layout

    def filled(texts: Iterable[str]) -> list[str]:
        return [
            substitute(text, ports=ports, project=layout.project, data=layout.data)
            for text in texts
        ]

    own = dict(zip(service.environment, filled(service.environment.values()), strict=True))
    (health,) = filled([service.health])
    return Component(
        name=service.name,
        wave=2,
        argv=tuple(filled(service.command)),
        variables={**blueprint.environment().variables(), **port_variables(ports), **own},
        address=health.removeprefix("http://").partition("/")[0],
        health=HttpHealth(url=health),
        ready_within_s=service.ready_within_s,
        grace_s=10,
        ports=(port,) if (port := urlsplit(health).port) else (),
    )


def _worker(blueprint: Blueprint, name: str, roles: tuple[str, ...]) -> Component:
    port = blueprint.ports[METRICS + name]
    environment = blueprint.environment().model_copy(update={"metrics_port": port})
    services = port_variables(blueprint.service_ports())
    own = _keepers(blueprint) if "keeper" in roles else {}
    return Component(
        name=name,
        wave=3,
        argv=(sys.executable, "-P", "-m", "workers", "--roles", ",".join(roles)),
        variables={**environment.variables(), **services, **own},
        address=f"{LOOPBACK}:{port}",
        health=HttpHealth(url=f"http://{LOOPBACK}:{port}/metrics"),
        ready_within_s=READY_S,
        grace_s=30,
        ports=(port,),
        configuration=_remit_version()
        + _catalogue_digest(blueprint.layout.project)
        + _planner_digest(blueprint, roles),
    )


def _codec(blueprint: Blueprint) -> Iterator[Component]:
    """Yield what decrypts for Temporal's own tools, where there is anything to decrypt."""
    endpoint, keys = blueprint.codec_endpoint, blueprint.payload_keys
    if endpoint is None or keys is None:
        return
    port = blueprint.ports[CODEC]
    yield Component(
        name=CODEC,
        wave=2,
        argv=(
            *(sys.executable, "-P", "-m", "remit.cli.stack.codec_server"),
            *("--port", str(port), "--ui", web_ui(blueprint.ports["temporal_ui"])),
            *("--token-file", str(blueprint.layout.codec_token), "--keys", keys),
        ),
        variables={},
        address=f"{LOOPBACK}:{port}",
        health=HttpHealth(url=f"{endpoint}/health"),
        ready_within_s=READY_S,
        grace_s=5,
        ports=(port,),
        configuration=_remit_version(),
    )


def _console(blueprint: Blueprint) -> Iterator[Component]:
    table = blueprint.settings.console
    if table is None:
        return
    port, layout = blueprint.ports[CONSOLE], blueprint.layout
    told = console_variables(table, layout, port)
    yield Component(
        name=CONSOLE,
        wave=3,
        argv=console_argv(),
        variables={**blueprint.environment().variables(), **told},
        address=f"{LOOPBACK}:{port}",
        health=HttpHealth(url=f"http://{LOOPBACK}:{port}/health"),
        ready_within_s=READY_S,
        grace_s=10,
        ports=(port,),
        configuration=_remit_version(),
    )


def console_argv() -> tuple[str, ...]:
    """Return the console's command line."""
    return (sys.executable, "-P", "-m", "remit.console")


def console_variables(table: ConsoleTable, layout: Layout, port: int) -> dict[str, str]:
    """Return what the console is told besides what every part of the stack is."""
    secret = table.oidc.client_secret_file if table.oidc is not None else None
    if table.oidc is not None and secret is not None:
        placed = table.oidc.model_copy(update={"client_secret_file": layout.project / secret})
        table = table.model_copy(update={"oidc": placed})
    if table.vouch_key_file is not None:
        key = layout.project / table.vouch_key_file
        table = table.model_copy(update={"vouch_key_file": key})
    return {
        "REMIT_CONSOLE": table.model_dump_json(),
        "REMIT_CONSOLE_PORT": str(port),
        "REMIT_CONSOLE_KEY_FILE": str(layout.console_key),
    }


def _keepers(blueprint: Blueprint) -> dict[str, str]:
    """Return what the keeper alone is told: its role, the signing key, where checkpoints go."""
    layout = blueprint.layout
    return {
        "REMIT_LEDGER_URL": blueprint.ledger_url(KEEPER),
        "REMIT_EVIDENCE_KEYS": str(layout.evidence_keys),
        CHECKPOINTS: os.environ.get(CHECKPOINTS) or str(layout.checkpoints),
    }


def _catalogue_digest(project: Path) -> Digest:
    """Return what changes when a tool or plan of the project does: workers read them at start."""
    return _files_digest(project, "tools", "plans")


def _files_digest(project: Path, *folders: str) -> Digest:
    files = (file for name in folders for file in (project / name).rglob("*"))
    read = {
        file.relative_to(project).as_posix(): digest_bytes(file.read_bytes())
        for file in files
        if file.is_file() and "__pycache__" not in file.parts
    }
    return digest(read)


def _planner_digest(blueprint: Blueprint, roles: tuple[str, ...]) -> str:
    """Return what changes when the project's planner does; empty for other roles."""
    table = blueprint.settings.planner
    if "plan" not in roles or table is None:
        return ""
    stated = table.model_dump(mode="json")
    return digest([stated, _files_digest(blueprint.layout.project, FOLDER)])


def _remit_version() -> str:
    try:
        return metadata.version("remit")
    except metadata.PackageNotFoundError:
        return "checkout"
