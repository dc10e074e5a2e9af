"""What `remit status` tells: closed models, made from the state file and fresh health checks.

Reads only. Works with the stack up, down, half up, or never started.
"""

import os
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from remit.cli.stack.bundle_status import BundleStatus, read_status
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.health import OpaHealth
from remit.cli.stack.layout import Layout
from remit.cli.stack.state import GONE, ComponentRecord, Profile, StackState
from remit.enforcement.contact import CONTACT_FILE, contact_ms, error_of, kept_contact

Condition = Literal["healthy", "unhealthy", "stopped"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ComponentStatus(_Model):
    """One part of the stack."""

    name: str
    condition: Condition
    pid: int | None = None
    address: str = ""
    uptime_s: float | None = None
    log: Path | None = None
    detail: str = ""
    """Why it is not healthy."""


class PolicyStatus(_Model):
    """Which policies decide."""

    published: BundleStatus
    """What the publisher last did."""
    active_revision: str | None
    """What OPA decides with now; `None` when it does not answer."""
    age_s: float | None = None
    """Since OPA last heard from the publisher; `None` when it never did, as far as is known."""
    behind_s: float = 0
    """Since OPA has not decided with what the publisher serves."""
    refused: str = ""
    """Why OPA does not take what it is served."""


class StackStatus(_Model):
    """The whole stack of a project."""

    project: Path
    profile: Profile = "light"
    condition: Literal["running", "degraded", "stopped"]
    """`running`: every part is healthy; `degraded`: some are; `stopped`: none runs."""
    components: tuple[ComponentStatus, ...]
    policy: PolicyStatus
    web_ui: str | None
    """Address of the list of workflows."""
    environment_line: str | None
    """Shell line that puts the same `temporal` and `opa` on PATH, and points them here."""
    versions: Mapping[str, str]


def status_of(layout: Layout, state: StackState, expected: tuple[str, ...]) -> StackStatus:
    """Return the status of what `state` records and of what `expected` names beside it."""
    recorded = tuple(_component(name, record) for name, record in state.components.items())
    absent = tuple(
        ComponentStatus(name=name, condition="stopped")
        for name in expected
        if name not in state.components
    )
    parts = recorded + absent
    environment = state.environment
    return StackStatus(
        project=layout.project,
        profile=state.profile or "light",
        condition=_condition(parts),
        components=parts,
        policy=_policy(layout, state),
        web_ui=environment and web_ui(environment),
        environment_line=environment and environment_line(environment),
        versions=state.versions,
    )


def web_ui(environment: StackEnvironment) -> str:
    """Return the address of the list of workflows in Temporal's web UI."""
    return f"{environment.temporal_ui}/namespaces/{environment.temporal_namespace}/workflows"


def environment_line(environment: StackEnvironment) -> str:
    """Return the shell line that puts the stack's own programs on PATH and names its server."""
    folders = dict.fromkeys(
        str(binary.parent) for binary in (environment.temporal_binary, environment.opa_binary)
    )
    path = shlex.quote(os.pathsep.join(folders))
    line = f'export PATH={path}:"$PATH" TEMPORAL_ADDRESS={environment.temporal_address}'
    if environment.codec_endpoint is None or environment.codec_token_file is None:
        return line
    # The secret itself stays in its file: what is printed here ends up in logs.
    token = f'"Bearer $(cat {shlex.quote(str(environment.codec_token_file))})"'
    endpoint = environment.codec_endpoint
    return f"{line} TEMPORAL_CODEC_ENDPOINT={endpoint} TEMPORAL_CODEC_AUTH={token}"


def _component(name: str, record: ComponentRecord) -> ComponentStatus:
    problem = record.problem()
    running = record.process.is_running()
    condition: Condition = "healthy" if problem is None else "unhealthy"
    return ComponentStatus(
        name=name,
        condition=condition if running else "stopped",
        pid=record.pid if running else None,
        address=record.address,
        uptime_s=(datetime.now(UTC) - record.started_at).total_seconds() if running else None,
        log=record.log,
        detail=(problem or "") if running else GONE,
    )


def _condition(parts: tuple[ComponentStatus, ...]) -> Literal["running", "degraded", "stopped"]:
    if all(part.condition == "stopped" for part in parts):
        return "stopped"
    return "running" if all(part.condition == "healthy" for part in parts) else "degraded"


def _policy(layout: Layout, state: StackState) -> PolicyStatus:
    published = read_status(layout.bundle)
    record = state.components.get("opa")
    if record is None or not isinstance(record.health, OpaHealth):
        return PolicyStatus(published=published, active_revision=None)
    active, said = record.health.revision(), record.health.bundle()
    now = datetime.now(UTC)
    kept = kept_contact(record.health.token_file.with_name(CONTACT_FILE))
    contact = max(contact_ms(said), kept)
    is_behind = active != published.revision and published.activated_at is not None
    since = published.activated_at or now
    return PolicyStatus(
        published=published,
        active_revision=active,
        age_s=now.timestamp() - contact / 1000 if contact else None,
        behind_s=(now - since).total_seconds() if is_behind else 0,
        refused=error_of(said),
    )
