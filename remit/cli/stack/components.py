"""The parts of a light stack, as data: what to start, in which order, and how to tell it works.

`components` is the one list. Nothing here is started; `stack` does that, for all or for some.
"""

import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from remit.canonical import Digest, digest, digest_bytes
from remit.cli.stack import opa, temporal_server
from remit.cli.stack.binaries import Binary
from remit.cli.stack.environment import StackEnvironment, port_variables
from remit.cli.stack.health import Health, HttpHealth
from remit.cli.stack.identity import MARK
from remit.cli.stack.layout import Layout
from remit.cli.stack.ports import LOOPBACK
from remit.cli.stack.processes import Command
from remit.cli.stack.project import ProjectSettings, Service, substitute
from remit.cli.stack.publisher_settings import PublisherSettings

WORKERS = {"workers": ("orchestrate", "tools"), "keeper": ("keeper",)}
"""Worker processes and their roles."""
CHECKPOINTS = "REMIT_CHECKPOINTS"
"""Variable that puts the checkpoints elsewhere than into the stack's own folder."""

_READY_S = 150.0
"""Generous: what cannot start ends by itself and is told at once; a busy machine is only slow.
Longer than a worker waits for Temporal and OPA, so that its own last words are heard."""
_SERVICE = "service."
_METRICS = "metrics."


@dataclass(frozen=True, slots=True)
class Component:
    """One process of the stack."""

    name: str
    wave: int
    """Parts of one wave start together, once all of the wave before are healthy."""
    argv: tuple[str, ...]
    variables: Mapping[str, str]
    """What we add to the environment."""
    address: str
    health: Health
    ready_within_s: float
    grace_s: float
    """Seconds between SIGTERM and SIGKILL."""
    ports: tuple[int, ...] = ()
    """Ports that it must listen on itself."""
    configuration: str = ""
    """Whatever else decides how it behaves: text of its configuration, its version."""

    @property
    def fingerprint(self) -> Digest:
        """Digest of everything that makes a running one outdated when it differs."""
        return digest([list(self.argv), dict(self.variables), self.configuration])

    def command(self, layout: Layout) -> Command:
        """Return what to execute, with the whole environment."""
        mark = {MARK: f"{layout.root}:{self.name}"}
        return Command(
            name=self.name,
            argv=self.argv,
            environment={**os.environ, **_python_path(), **self.variables, **mark},
            folder=layout.project,
            log=layout.log(self.name),
        )


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Everything that is decided before the first process starts."""

    layout: Layout
    settings: ProjectSettings
    temporal: Binary
    opa: Binary
    ports: Mapping[str, int]
    """By purpose, see `port_owners`."""
    socket: Path
    opa_configuration: Path
    """As `opa.write_configuration` left it."""
    core_policies: Path

    def environment(self) -> StackEnvironment:
        """Return what every child is told."""
        return StackEnvironment(
            project=self.layout.project,
            temporal_address=f"{LOOPBACK}:{self.ports['temporal']}",
            temporal_namespace=temporal_server.NAMESPACE,
            temporal_ui=temporal_server.web_ui(self.ports["temporal_ui"]),
            opa_socket=self.socket,
            opa_token_file=self.layout.opa_token,
            ledger_url=f"sqlite:///{self.layout.ledger_database}",
            log_dir=self.layout.logs,
            opa_binary=self.opa.path,
            temporal_binary=self.temporal.path,
        )

    def service_ports(self) -> dict[str, int]:
        """Return the ports of the project's services, by their names in `remit.toml`."""
        return {n: self.ports[_SERVICE + n] for n in self.settings.ports()}


def names(settings: ProjectSettings) -> tuple[str, ...]:
    """Return the names of all components, in the order of their start."""
    services = (service.name for service in settings.service)
    return ("temporal", "publisher", "opa", *services, *WORKERS)


def port_owners(settings: ProjectSettings) -> dict[str, tuple[str, ...]]:
    """Return every port the stack needs, by purpose, with the components that listen on it."""
    owners: dict[str, tuple[str, ...]] = {
        "temporal": ("temporal",),
        "temporal_ui": ("temporal",),
        "publisher": ("publisher",),
    }
    owners |= {_METRICS + name: (name,) for name in WORKERS}
    for port in settings.ports():
        owners[_SERVICE + port] = tuple(s.name for s in settings.service if port in s.ports())
    return owners


def preferred_ports() -> dict[str, int]:
    """Return the familiar ports, by purpose."""
    return {"temporal": temporal_server.GRPC_PORT, "temporal_ui": temporal_server.UI_PORT}


def components(blueprint: Blueprint) -> tuple[Component, ...]:
    """Return the parts of the stack in the order of their start."""
    services = (_service(blueprint, service) for service in blueprint.settings.service)
    workers = (_worker(blueprint, name, roles) for name, roles in WORKERS.items())
    return (
        _temporal(blueprint),
        _publisher(blueprint),
        _opa(blueprint),
        *services,
        *workers,
    )


def core_policies() -> Path:
    """Return Remit's own policies: those of the installed package, else of the checkout."""
    package = Path(__file__).parents[2]
    shipped = package / "policies"
    return shipped if shipped.is_dir() else package.parent / "policies"


def _temporal(blueprint: Blueprint) -> Component:
    port, ui_port = blueprint.ports["temporal"], blueprint.ports["temporal_ui"]
    return Component(
        name="temporal",
        wave=1,
        argv=temporal_server.argv(
            blueprint.temporal.path,
            database=blueprint.layout.temporal_database,
            port=port,
            ui_port=ui_port,
        ),
        variables={},
        address=f"{LOOPBACK}:{port}",
        health=temporal_server.health(ui_port),
        ready_within_s=_READY_S,
        grace_s=10,
        ports=(port, ui_port),
        configuration=blueprint.temporal.version,
    )


def _publisher(blueprint: Blueprint) -> Component:
    port = blueprint.ports["publisher"]
    settings = PublisherSettings(
        opa=blueprint.opa.path,
        key_file=blueprint.layout.bundle_key,
        folder=blueprint.layout.bundle,
        port=port,
        core=blueprint.core_policies,
        project=blueprint.layout.project / "policies",
        logs=blueprint.layout.logs,
    )
    return Component(
        name="publisher",
        wave=1,
        argv=settings.argv(),
        variables={},
        address=f"{LOOPBACK}:{port}",
        health=HttpHealth(url=f"http://{LOOPBACK}:{port}/health"),
        ready_within_s=_READY_S,
        grace_s=5,
        ports=(port,),
        configuration=_remit_version(),
    )


def _opa(blueprint: Blueprint) -> Component:
    configuration = blueprint.opa_configuration
    return Component(
        name="opa",
        wave=2,
        argv=opa.argv(blueprint.opa.path, configuration=configuration, socket=blueprint.socket),
        variables=opa.VARIABLES,
        address=f"unix:{blueprint.socket}",
        health=opa.health(blueprint.socket, blueprint.layout.opa_token),
        ready_within_s=_READY_S,
        grace_s=5,
        configuration=blueprint.opa.version + opa.configuration_digest(configuration),
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
    port = blueprint.ports[_METRICS + name]
    environment = blueprint.environment().model_copy(update={"metrics_port": port})
    services = port_variables(blueprint.service_ports())
    own = _evidence(blueprint.layout) if "keeper" in roles else {}
    return Component(
        name=name,
        wave=3,
        argv=(sys.executable, "-P", "-m", "workers", "--roles", ",".join(roles)),
        variables={**environment.variables(), **services, **own},
        address=f"{LOOPBACK}:{port}",
        health=HttpHealth(url=f"http://{LOOPBACK}:{port}/metrics"),
        ready_within_s=_READY_S,
        grace_s=30,
        ports=(port,),
        configuration=_remit_version() + _catalogue_digest(blueprint.layout.project),
    )


def _evidence(layout: Layout) -> dict[str, str]:
    """Return what the keeper alone is told: where the signing key is, and the checkpoints go."""
    return {
        "REMIT_EVIDENCE_KEYS": str(layout.evidence_keys),
        CHECKPOINTS: os.environ.get(CHECKPOINTS) or str(layout.checkpoints),
        "REMIT_BUNDLES": str(layout.kept_bundles),
    }


def _catalogue_digest(project: Path) -> Digest:
    """Return what changes when a tool or plan of the project does: workers read them at start."""
    files = (file for name in ("tools", "plans") for file in (project / name).rglob("*"))
    read = {
        file.relative_to(project).as_posix(): digest_bytes(file.read_bytes())
        for file in files
        if file.is_file() and "__pycache__" not in file.parts
    }
    return digest(read)


def _python_path() -> dict[str, str]:
    """Return a `PYTHONPATH` that lets children import what we import, from a bare checkout too."""
    home = Path(__file__).parents[3]
    if home == Path(sysconfig.get_paths()["purelib"]):
        return {}
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(home), inherited)))}


def _remit_version() -> str:
    try:
        return metadata.version("remit")
    except metadata.PackageNotFoundError:
        return "checkout"
