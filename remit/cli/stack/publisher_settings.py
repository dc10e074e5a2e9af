"""What a publisher works with, and the command line that starts one.

Apart from the publisher itself, so that the CLI need not load what builds bundles.
"""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """What the publisher works with."""

    opa: Path
    key_file: Path
    folder: Path
    """Where the bundle and its status go."""
    port: int
    core: Path
    project: Path
    logs: Path

    def argv(self) -> tuple[str, ...]:
        """Return the command line that starts a publisher with these settings."""
        named = (
            *("--opa", str(self.opa), "--key-file", str(self.key_file)),
            *("--folder", str(self.folder), "--port", str(self.port)),
            *("--core", str(self.core), "--project", str(self.project)),
            *("--logs", str(self.logs)),
        )
        return (sys.executable, "-P", "-m", "remit.cli.stack.publisher", *named)
