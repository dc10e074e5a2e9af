"""What a worker process is told by its environment (`REMIT_*`)."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from remit.variables import LedgerAddress
from remit.version import VERSION


class WorkerSettings(BaseSettings):
    """Settings of one worker process; every field is the variable `REMIT_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="REMIT_", extra="ignore", frozen=True)

    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_ui: str = ""
    """Base address of Temporal's web UI, for links in messages to people; empty: none."""
    payload_keys: str = ""
    """References to keys for what Temporal keeps, see `remit.client.codec`; empty: plain."""
    task_queue: str = "remit"
    tools_queue: str = ""
    """Queue that compiled plans pin for tools without one of their own; empty: the run's own."""
    plan_queue: str = "remit-plan"
    """Queue on which `ProposePlan` starts, and planners are asked."""
    opa_socket: Path = Path("opa.sock")
    opa_token_file: Path | None = None
    opa_deadline_s: float = 1.0
    opa_contact: Path | None = None
    """File that outlives OPA and workers, with OPA's last contact with whoever serves policies;
    by default beside OPA's token."""
    policy_age_s: float = Field(900, gt=0)
    """How long calls go on without any such contact, in seconds."""
    policy_behind_s: float = Field(60, gt=0)
    """How long calls go on under other policies than those released last, in seconds."""
    policy_low_age_s: float = Field(14_400, gt=0)
    """`policy_age_s` for reads of data without a class."""
    policy_low_behind_s: float = Field(900, gt=0)
    """`policy_behind_s` for reads of data without a class."""
    shadow: Path | None = None
    """Folder in which `remit policy shadow` announces a candidate for the policies; its OPA listens
    beside the deciding one. Without it no candidate is ever asked."""
    canary: Path | None = None
    """Folder with the token of the OPA that serves a canary's candidate, which listens beside the
    deciding one. Without it, runs on the candidate's side wait here until the canary comes back."""
    ledger_url: LedgerAddress
    project: Path = Path()
    """Folder with `tools/`, `policies/`, `plans/` and `remit.toml`."""
    profile: Literal["light", "full"] = "light"
    identity: Path | None = None
    """File of whom to trust to say who somebody is; without one, or empty, no token is good."""
    region: str = ""
    """Where this worker stands, as policies call it."""
    environment: str = "dev"
    egress_proxy: str = ""
    """`http(s)://[user:password@]host[:port]` of a forward proxy for all tools' connections; may
    hold secret references (`${env:NAME}`, `${file:PATH}`), read at the start. Empty: none."""
    artifacts: Path | None = None
    """Folder of artifacts, the same for all workers and the keeper; by default
    `.remit/data/artifacts` of the project."""
    fault_points: Path | None = None
    """Folder through which the fault machine ends this process; refused but in its own light
    stack, see `remit.enforcement.faultpoints`."""
    log_level: str = "INFO"
    metrics_port: int = 0
    """Port of the Prometheus endpoints; 0: none. The SDK's own is the next port."""
    otlp_endpoint: str = ""
    """OTLP/HTTP endpoint for traces; empty: none are exported."""
    deployment: str = "remit"
    build_id: str = f"remit-{VERSION}"
    """Deployment version that workers carry."""
    versioning: bool = False
    """Whether tasks are routed by deployment version; then nothing runs until one is current."""
    max_calls: int = Field(100, ge=1, le=10_000)
    """Most activities at once."""
    max_workflow_tasks: int = Field(8, ge=2, le=200)
    max_cached_workflows: int = Field(300, ge=0, le=100_000)
    drain_s: float = Field(25, ge=0, le=3600)
    """How long SIGTERM waits for what is running, in seconds."""
    ready_timeout_s: float = 60
    evidence_keys: Path | None = None
    """Folder with the log's signing key; told to the keeper alone. Without it nothing is signed."""
    checkpoints: Path | None = None
    """Folder for signed checkpoints, best where the ledger's writers cannot write."""
    sequence_every_s: float = Field(1, gt=0, le=60)
    """How often the keeper looks for records that are not in the signed log yet."""
    forget_every_s: float = Field(60, gt=0, le=86_400)
    """How often the keeper looks for contents whose period is over."""
    artifacts_every_s: float = Field(300, gt=0, le=86_400)
    """How often the keeper looks for artifacts that nothing names any more."""
    notify_every_s: float = Field(1, gt=0, le=60)
    """How often the keeper looks for what people are to be told of."""
    keeper_every_s: float = Field(20, gt=0, le=60)
    """How often the keeper compares ledger and Temporal; within a minute, design.md §2."""

    @field_validator("identity", mode="before")
    @classmethod
    def _no_empty_file(cls, value: object) -> object:
        """Take an empty variable, as compose sets one, for none."""
        return value or None
