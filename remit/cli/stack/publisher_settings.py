"""What a publisher works with, and the command line that starts one.

Apart from the publisher itself, so that the CLI need not load what builds bundles.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from remit.cli.stack.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """What the publisher works with."""

    opa: Path
    key_file: Path
    """Private key that signs what is saved; not there where only others publish."""
    scope: str
    """The environment that bundles are signed for."""
    ledger: str
    """Address of the ledger that holds the releases."""
    reviewed: bool
    """Whether a saved policy takes effect only once somebody publishes it."""
    folder: Path
    """Where the bundle and its status go."""
    port: int
    core: Path
    project: Path
    logs: Path
    host: str = LOOPBACK
    """Where it listens; elsewhere than on loopback only for who keeps strangers off the network."""

    def argv(self) -> tuple[str, ...]:
        """Return the command line that starts a publisher with these settings."""
        named = (
            *("--opa", str(self.opa), "--key-file", str(self.key_file)),
            *("--folder", str(self.folder), "--host", self.host, "--port", str(self.port)),
            *("--core", str(self.core), "--project", str(self.project)),
            *("--logs", str(self.logs), "--scope", self.scope, "--ledger", self.ledger),
            *(("--reviewed",) if self.reviewed else ()),
        )
        return (sys.executable, "-P", "-m", "remit.cli.stack.publisher_start", *named)
