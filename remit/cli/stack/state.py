"""What runs, written down: one small file per project, replaced whole at every change.

The file names processes by pid *and* beginning, so reading an old one can never hurt a stranger.
It is written right after a process starts and before its health is known, so that an interrupted
`remit up` is repaired by the next. Ports outlive `down`, so that addresses stay what they were.
"""

import signal
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.health import Health
from remit.cli.stack.identity import ProcessId
from remit.stores.atomic import write_atomically

Profile = Literal["light", "full"]
"""`light`: Temporal's development server on a file. `full`: Temporal's server on PostgreSQL."""

GONE = "its process is gone"
_MAX_BYTES = 1 << 20


class ComponentRecord(BaseModel):
    """One started component."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    began: str
    """The process's beginning, see `identity`."""
    started_at: datetime
    fingerprint: str
    """Digest of command, settings and configuration: a component that differs is started anew."""
    address: str
    """Where it answers; empty for those that only ask."""
    log: Path
    health: Health
    grace_s: float
    """Seconds between `stop_signal` and SIGKILL."""
    stop_signal: int = signal.SIGTERM
    """What asks it to end."""

    @property
    def process(self) -> ProcessId:
        """The process."""
        return ProcessId(self.pid, self.began)

    def problem(self) -> str | None:
        """Return why it is not healthy, or `None`."""
        return self.health.problem() if self.process.is_running() else GONE


class StackState(BaseModel):
    """Everything `up`, `down` and `status` must remember."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["remit.stack/v1"] = "remit.stack/v1"
    profile: Profile | None = None
    """As of the first `up`; it never changes."""
    components: dict[str, ComponentRecord] = {}
    """By name, in the order of their start."""
    ports: dict[str, int] = {}
    """By purpose; kept when the stack is down."""
    socket: Path | None = None
    """OPA's socket."""
    versions: dict[str, str] = {}
    """Of the programs, by their names."""
    environment: StackEnvironment | None = None
    """What the children were told, without the parts that differ between them."""

    def with_component(self, name: str, record: ComponentRecord) -> "StackState":
        """Return this state with `name` as its latest start."""
        others = {n: r for n, r in self.components.items() if n != name}
        return self.model_copy(update={"components": {**others, name: record}})

    def without_component(self, name: str) -> "StackState":
        """Return this state without `name`."""
        others = {n: r for n, r in self.components.items() if n != name}
        return self.model_copy(update={"components": others})


def load(path: Path) -> StackState:
    """Return the state in `path`; an empty one if there is none, or none that we understand.

    An unreadable file is not an error: our processes are found again by their mark (`identity`),
    and everything else in it can be chosen anew.
    """
    try:
        with path.open("rb") as file:
            return StackState.model_validate_json(file.read(_MAX_BYTES))
    except (OSError, ValidationError):
        return StackState()


def save(path: Path, state: StackState) -> None:
    """Replace the state in `path`."""
    write_atomically(path, state.model_dump_json(indent=2).encode())
