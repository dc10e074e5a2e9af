"""Which part of which run a workflow drives, and what it carries when it continues as new."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from temporalio import workflow
from temporalio.common import Priority

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSON, Digest, JSONObject
    from remit.plan.event import Cause
    from remit.plan.path import Segment, join_path
    from remit.plan.wire import AdmitPart, Gate


_LONGEST_KEY = 64
"""Longest fairness key that the server takes; names are ASCII."""
_END_OF_TIME_MS = 253_402_300_799_000
"""The last second that a date can name."""


class Model(BaseModel):
    """A closed wire type; part of recorded histories."""

    model_config = ConfigDict(extra="forbid")


class Scope(Model):
    """The place of a workflow within a run."""

    root: str
    """Root chain id, handed down, never derived again."""
    workflow_id: str
    """Workflow id of the run's top-level workflow."""
    compiled: Digest
    parent: str = ""
    """Path below which this workflow's steps stand."""
    deadline_ms: int = 0
    fairness: str = ""
    """Fairness key of the run's calls; empty in a run that began before there were any."""

    @property
    def priority(self) -> Priority:
        """How Temporal orders the run's calls among others that wait for a worker."""
        return Priority(fairness_key=self.fairness) if self.fairness else Priority.default

    def path(self, segment: Segment) -> str:
        """Return the path of one of this workflow's calls."""
        return join_path(self.parent, segment)


def fairness_of(tenant: str, agent: str) -> str:
    """Return the key under which a tenant's agent shares workers with others, bounded."""
    return f"{tenant}/{agent.partition('@')[0]}"[:_LONGEST_KEY]


class CauseModel(Model):
    """A `Cause` on the wire."""

    code: str
    reason: str
    step: str = ""
    status: str = "failed"

    @classmethod
    def of(cls, cause: Cause) -> "CauseModel":
        """Return `cause` as it travels."""
        return cls(code=cause.code, reason=cause.reason, step=cause.step, status=cause.status)

    @property
    def cause(self) -> Cause:
        """The cause as the machine knows it."""
        return Cause(self.code, self.reason, self.step, self.status)


class Wait(Model):
    """Something that waits for a person, wherever in the run it stands."""

    id: str
    """Gate id (also where changes were asked for), the path of a call in doubt or of residue, or
    `held:` and the path of one held."""
    kind: Literal["gate", "changes", "doubt", "repair", "held"]
    step: str
    """Path of the call, as messages name it."""
    role: str
    reason: str
    due_ms: int = Field(default=0, ge=0, le=_END_OF_TIME_MS)
    """When silence refuses; 0: never."""
    digest: Digest = ""
    command: str = ""
    """The complete command line to type."""
    workflow_id: str = ""
    """Workflow that waits; empty for this one."""


class WaitChanged(Model):
    """Child to root: a wait began or ended."""

    wait: Wait
    open: bool

    @classmethod
    def read(cls, payload: JSON) -> "WaitChanged | None":
        """Return what a signal says; nothing where it is none, for anybody may send one."""
        try:
            return cls.model_validate(payload)
        except ValidationError:
            return None


class Carried(Model):
    """What survives continue-as-new: statuses and digests, never payloads."""

    scope: Scope
    snapshot: JSONObject
    gates: list[Gate] = []
    waits: list[Wait] = []
    unwinding: CauseModel | None = None
    """Set when the run is already being undone."""
    residue_begun: int = 0
    undone: int = 0


class Part(Model):
    """Input of `ExecutePart` and `UnwindPart`: what the parent asks for."""

    ask: AdmitPart
    workflow_id: str
    """Workflow id of the run's top-level workflow."""
    carried: Carried | None = None


class PartEnd(Model):
    """How a part ended, when that is not a fault."""

    status: Literal["completed", "skipped", "refused", "rejected", "expired", "cancelled"]
    code: str = ""
    reason: str = ""
    step: str = ""
    residue: int = 0
    """How many writes below it could not be undone."""
