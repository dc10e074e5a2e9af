"""One process of a stack, as data: how it is started, and how to tell that it works."""

import os
import signal
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import Digest, digest
from remit.cli.stack.health import Health
from remit.cli.stack.identity import MARK
from remit.cli.stack.layout import Layout
from remit.cli.stack.processes import Command

READY_S = 150.0
"""Generous: what cannot start ends by itself and is told at once; a busy machine is only slow.
Longer than a worker waits for Temporal and OPA, so that its own last words are heard."""


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
    """Seconds between `stop_signal` and SIGKILL."""
    ports: tuple[int, ...] = ()
    """Ports that it must listen on itself."""
    stop_signal: signal.Signals = signal.SIGTERM
    """What asks it to end."""
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
            environment={**os.environ, **python_path(), **self.variables, **mark},
            folder=layout.project,
            log=layout.log(self.name),
        )


def python_path() -> dict[str, str]:
    """Return a `PYTHONPATH` that lets children import what we import, from a bare checkout too."""
    home = Path(__file__).parents[3]
    if home == Path(sysconfig.get_paths()["purelib"]):
        return {}
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(home), inherited)))}
