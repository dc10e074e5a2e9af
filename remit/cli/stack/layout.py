"""Where the stack keeps its things: everything under `<project>/.remit`, for the owner alone.

Owns names of files and folders; never opens, starts or decides anything. The socket is the one
thing that may lie elsewhere, because the kernel takes at most 107 bytes for its path.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

SHADOW, CANARY = "shadow", "canary"
"""Candidates for the policies: one that only looks on, and one that decides for a share of runs."""
ARCHIVE, SCOPE = "remit.tar.gz", "scope"
"""Names of a candidate's signed bundle, and of what says for which scope it is signed."""
SOCKET_PATH_BYTES = 103
"""Longest socket path that every platform takes (Linux 107, macOS 103)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of one project's stack."""

    project: Path
    """Absolute path of the folder that holds `remit.toml`."""

    @property
    def root(self) -> Path:
        """Everything the stack writes."""
        return self.project / ".remit"

    @property
    def state(self) -> Path:
        """What runs: processes, ports, versions."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        """Held while `up`, `down` or `restart` works."""
        return self.root / "lock"

    @property
    def data(self) -> Path:
        """Databases; they survive `down`."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One file per component."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Sockets, keys and generated configuration."""
        return self.root / "run"

    @property
    def bundle(self) -> Path:
        """The last good policy bundle and its status."""
        return self.root / "bundle"

    @property
    def temporal_database(self) -> Path:
        """SQLite file of the Temporal dev server."""
        return self.data / "temporal.db"

    @property
    def ledger_database(self) -> Path:
        """SQLite file of the ledger."""
        return self.data / "ledger.db"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's cluster; elsewhere when we are root, see `postgres`."""
        return self.root / "postgres"

    @property
    def temporal(self) -> Path:
        """Configuration of Temporal's server, profile `full`."""
        return self.run / "temporal"

    @property
    def temporal_ui(self) -> Path:
        """Configuration of its web UI, profile `full`."""
        return self.run / "temporal-ui"

    @property
    def secrets(self) -> Path:
        """Passwords of the database's roles, one file each."""
        return self.root / "secrets"

    @property
    def opa_token(self) -> Path:
        """Bearer token of the enforcement point."""
        return self.run / "opa.token"

    def candidate(self, name: str) -> Path:
        """What the OPA of `SHADOW` or of `CANARY` needs; what was found about it may lie there."""
        return self.root / name

    @property
    def policy_key(self) -> Path:
        """Private key that signs policy bundles, so that OPA takes them from its owner alone."""
        return self.secrets / "policy.key"

    @property
    def payload_keys(self) -> Path:
        """The stack's own keys for what Temporal keeps."""
        return self.secrets / "payload"

    @property
    def codec_token(self) -> Path:
        """Secret that the codec server asks for."""
        return self.secrets / "codec.token"

    @property
    def console_key(self) -> Path:
        """Secret that signs the console's sessions."""
        return self.secrets / "console.key"

    @property
    def evidence_keys(self) -> Path:
        """The log's signing key and its public keys."""
        return self.root / "evidence" / "keys"

    @property
    def checkpoints(self) -> Path:
        """Signed heads of the log."""
        return self.root / "evidence" / "checkpoints"

    @property
    def bundle_status(self) -> Path:
        """What the publisher last did."""
        return self.bundle / "status.json"

    def log(self, component: str) -> Path:
        """Return the log file of `component`."""
        return self.logs / f"{component}.log"

    def create(self) -> None:
        """Make the folders, readable by their owner alone."""
        for folder in (self.root, self.data, self.logs, self.run, self.bundle, self.secrets):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    def socket(self, recorded: Path | None) -> Path:
        """Return a path for OPA's socket that the kernel can take.

        Args:
            recorded: the path of the last start; kept while it is in the project or still exists.
        """
        inside = self.run / "opa.sock"
        if len(os.fsencode(inside)) <= SOCKET_PATH_BYTES:
            return inside
        if recorded is not None and recorded.parent.is_dir():
            return recorded
        return _short_folder() / "opa.sock"


def _short_folder() -> Path:
    """Make a private temporary folder with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="remit-"))
    if len(os.fsencode(folder)) + len("/opa.sock") <= SOCKET_PATH_BYTES:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="remit-", dir=os.sep + "tmp"))
