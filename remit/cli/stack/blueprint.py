"""What is decided before the first process of a stack starts, and what its processes are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from remit.cli.stack import temporal_server
from remit.cli.stack.binaries import Binary
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.layout import CANARY, SHADOW, Layout
from remit.cli.stack.ports import LOOPBACK
from remit.cli.stack.postgres import WORKER, Postgres, password_file
from remit.cli.stack.project import ProjectSettings
from remit.cli.stack.state import Profile

CODEC = "codec"
"""The codec server's name, and the purpose of its port."""
SERVICE = "service."
"""What the purposes of services' ports begin with."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Everything that is decided before the first process starts."""

    layout: Layout
    settings: ProjectSettings
    profile: Profile
    programs: Mapping[str, Binary]
    """By name, those that `profile.PROGRAMS` lists."""
    ports: Mapping[str, int]
    """By purpose, see `port_owners`."""
    socket: Path
    opa_configuration: Path
    """As `opa.write_configuration` left it."""
    core_policies: Path
    candidates: Mapping[str, Path] = field(default_factory=dict)
    """Configurations of the OPAs that serve candidates, by the names of these."""
    postgres: Postgres | None = None
    """Where the databases of the profile `full` are."""
    payload_keys: str | None = None
    """References to the keys that encrypt what Temporal keeps; `None`: it is not encrypted."""

    def environment(self) -> StackEnvironment:
        """Return what every child is told."""
        identity = self.settings.identity
        return StackEnvironment(
            profile="full" if identity is not None and identity.required else "light",
            identity=self.layout.project / identity.file if identity is not None else None,
            egress_proxy=self.settings.egress.proxy,
            secret_folders=self.settings.secrets.variable(self.layout.project),
            project=self.layout.project,
            temporal_address=f"{LOOPBACK}:{self.ports['temporal']}",
            temporal_namespace=temporal_server.NAMESPACE,
            temporal_ui=temporal_server.web_ui(self.ports["temporal_ui"]),
            payload_keys=self.payload_keys,
            codec_endpoint=self.codec_endpoint,
            codec_token_file=self.layout.codec_token if self.codec_endpoint else None,
            opa_socket=self.socket,
            opa_token_file=self.layout.opa_token,
            shadow=self.layout.candidate(SHADOW),
            canary=self.layout.candidate(CANARY),
            ledger_url=self.ledger_url(),
            log_dir=self.layout.logs,
            opa_binary=self.programs["opa"].path,
            temporal_binary=self.programs["temporal"].path,
        )

    @property
    def codec_endpoint(self) -> str | None:
        """Where the codec server listens; `None` where there is none."""
        port = self.ports.get(CODEC)
        return None if port is None else f"http://{LOOPBACK}:{port}"

    def service_ports(self) -> dict[str, int]:
        """Return the ports of the project's services, by their names in `remit.toml`."""
        return {n: self.ports[SERVICE + n] for n in self.settings.ports()}

    def ledger_url(self, role: str = WORKER) -> str:
        """Return the address of the ledger, for a role where the database has some."""
        if self.postgres is None:
            return f"sqlite:///{self.layout.ledger_database}"
        return self.postgres.ledger_url(role, password_file(self.layout, role))
