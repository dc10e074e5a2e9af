"""Which parts a stack has and which ports they need, known before anything is decided."""

from dataclasses import dataclass

from remit.cli.stack import temporal_full, temporal_server
from remit.cli.stack.blueprint import CODEC, SERVICE
from remit.cli.stack.project import ProjectSettings
from remit.cli.stack.state import Profile
from remit.console.table import PORT

WORKERS = {"workers": ("orchestrate", "tools"), "keeper": ("keeper",)}
"""Worker processes that every project has, and their roles."""
PLANNER = "planner"
"""The worker that asks the project's planner, and its role `plan`."""
CONSOLE = "console"
"""The console's name, and the purpose of its port."""
METRICS = "metrics."
"""What the purposes of workers' ports begin with."""
_FAMILIAR = {"temporal": temporal_server.GRPC_PORT, "temporal_ui": temporal_server.UI_PORT}


def workers_of(settings: ProjectSettings) -> dict[str, tuple[str, ...]]:
    """Return a project's worker processes and their roles."""
    return WORKERS | ({PLANNER: ("plan",)} if settings.planner is not None else {})


@dataclass(frozen=True, slots=True)
class Outline:
    """What a project and its profile ask for."""

    settings: ProjectSettings
    profile: Profile = "light"
    has_cluster: bool = True
    """Whether the profile `full` runs PostgreSQL itself."""
    served: tuple[str, ...] = ()
    """Candidates for the policies that are served beside those that decide."""

    @property
    def is_sealed(self) -> bool:
        """Whether what Temporal keeps is encrypted."""
        return self.settings.payloads.is_encrypted(self.profile)

    @property
    def workers(self) -> dict[str, tuple[str, ...]]:
        """Return the worker processes and their roles."""
        return workers_of(self.settings)

    def names(self) -> tuple[str, ...]:
        """Return the names of all components, in the order of their start."""
        services = tuple(service.name for service in self.settings.service)
        console = (CONSOLE,) if self.settings.console is not None else ()
        codec = (CODEC,) if self.is_sealed else ()
        beside = (*codec, *self.workers, *self.served, *console)
        if self.profile == "light":
            return ("temporal", "publisher", "opa", *services, *beside)
        own = ("postgres",) if self.has_cluster else ()
        return (*own, "publisher", "temporal", "opa", *services, "temporal-ui", *beside)

    def port_owners(self) -> dict[str, tuple[str, ...]]:
        """Return every port the stack needs, by purpose, with the components that listen on it."""
        owners: dict[str, tuple[str, ...]] = {"publisher": ("publisher",), **self._engine()}
        owners |= {METRICS + name: (name,) for name in self.workers}
        if self.settings.console is not None:
            owners[CONSOLE] = (CONSOLE,)
        if self.is_sealed:
            owners[CODEC] = (CODEC,)
        for port in self.settings.ports():
            users = (s.name for s in self.settings.service if port in s.ports())
            owners[SERVICE + port] = tuple(users)
        return owners

    def candidates(self, purpose: str) -> tuple[int, ...]:
        """Return ports to try before any other that is free."""
        familiar = self._console_port() if purpose == CONSOLE else _FAMILIAR.get(purpose)
        return () if familiar is None else (familiar,)

    def _console_port(self) -> int:
        table = self.settings.console
        return (table.port if table else None) or PORT

    def _engine(self) -> dict[str, tuple[str, ...]]:
        if self.profile == "light":
            return {"temporal": ("temporal",), "temporal_ui": ("temporal",)}
        own = {"postgres": ("postgres",)} if self.has_cluster else {}
        server = dict.fromkeys(temporal_full.purposes(), ("temporal",))
        return {**own, **server, "temporal_ui": ("temporal-ui",)}
