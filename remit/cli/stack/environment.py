"""What a stack tells its children, and whoever else wants to use it: the `REMIT_*` variables.

This is the whole contract between the stack and the processes it starts. `StackEnvironment` is
written by `remit up` and read by workers, services, the CLI and tests.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

PREFIX = "REMIT_"
PORT_PREFIX = "REMIT_PORT_"


class StackEnvironment(BaseModel):
    """The settings of one component; each field is the variable `REMIT_<FIELD>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Literal["light", "full"] = "light"
    """`REMIT_PROFILE`, as policy sees it: `full` where names must be proven."""
    identity: Path | None = None
    """`REMIT_IDENTITY`: file of whom to trust; absent where nobody proves anything."""
    egress_proxy: str | None = None
    """`REMIT_EGRESS_PROXY`: forward proxy of all tools' connections; absent where there is none."""
    secret_folders: str | None = None
    """`REMIT_SECRET_FOLDERS`: where files of secrets may lie besides the project, as in `PATH`."""
    project: Path
    """`REMIT_PROJECT`: the folder with `tools/ policies/ plans/ remit.toml`."""
    temporal_address: str
    """`REMIT_TEMPORAL_ADDRESS`: host and port of the gRPC front end."""
    temporal_namespace: str = "default"
    """`REMIT_TEMPORAL_NAMESPACE`."""
    temporal_ui: str
    """`REMIT_TEMPORAL_UI`: base address of the web UI, for links."""
    payload_keys: str | None = None
    """`REMIT_PAYLOAD_KEYS`: references to keys that encrypt what Temporal keeps; absent: none."""
    codec_endpoint: str | None = None
    """`REMIT_CODEC_ENDPOINT`: where the codec server is, for Temporal's own tools."""
    codec_token_file: Path | None = None
    """`REMIT_CODEC_TOKEN_FILE`: file (mode 0600) with the secret that it asks for."""
    task_queue: str = "remit"
    """`REMIT_TASK_QUEUE`: where plans start."""
    plan_queue: str = "remit-plan"
    """`REMIT_PLAN_QUEUE`: where plans are proposed."""
    opa_socket: Path
    """`REMIT_OPA_SOCKET`: Unix socket of OPA."""
    opa_token_file: Path
    """`REMIT_OPA_TOKEN_FILE`: file (mode 0600) with the enforcement point's bearer token."""
    shadow: Path | None = None
    """`REMIT_SHADOW`: folder in which a candidate for the policies is announced."""
    canary: Path | None = None
    """`REMIT_CANARY`: folder with the token of the OPA that serves a canary's candidate."""
    ledger_url: str
    """`REMIT_LEDGER_URL`: SQLAlchemy address of the ledger, `sqlite:////…/ledger.db` or
    `postgresql+psycopg://…?password_file=PATH`; never with a password in it."""
    log_dir: Path
    """`REMIT_LOG_DIR`: the folder of all logs."""
    opa_binary: Path
    """`REMIT_OPA_BINARY`: the `opa` program this stack runs."""
    temporal_binary: Path
    """`REMIT_TEMPORAL_BINARY`: the `temporal` program this stack runs."""
    metrics_port: int | None = None
    """`REMIT_METRICS_PORT`: where a worker serves `GET /metrics` on loopback; its being answered
    means that the worker is ready. Absent for other components."""

    def variables(self) -> dict[str, str]:
        """Return the environment variables."""
        values = self.model_dump(mode="json", exclude_none=True)
        return {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "StackEnvironment":
        """Return the settings found in `variables`; other variables are passed over.

        Raises:
            pydantic.ValidationError: one is missing or malformed.
        """
        names = {f"{PREFIX}{field.upper()}": field for field in cls.model_fields}
        return cls.model_validate({names[n]: v for n, v in variables.items() if n in names})


def port_variables(ports: Mapping[str, int]) -> dict[str, str]:
    """Return `REMIT_PORT_<NAME>` for every named port of a project's services."""
    return {f"{PORT_PREFIX}{name.upper().replace('-', '_')}": str(p) for name, p in ports.items()}
