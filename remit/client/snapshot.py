"""How a run stands, made of what can be had: a worker's answers, else what Temporal keeps.

A worker answers the queries `status` and `explain`. With no worker alive, status and waits still
stand in search attributes and memo, where the run put them. Every question has a deadline.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

from remit.canonical import JSON, JSONObject
from remit.client.errors import ClientCode, ClientError, from_rpc
from remit.client.submission import WORKFLOW, Handle
from remit.plan.path import Segment

DESCRIBE_DEADLINE = timedelta(seconds=5)
QUERY_DEADLINE = timedelta(seconds=2)
MOST_STEPS = 300
"""With more steps than this the table is left out: it costs the worker time by the step."""

WAITS = "RemitWaits"
"""Memo that holds what waits for people."""
STATUS = SearchAttributeKey.for_keyword("RemitStatus")

_CLOSED: Mapping[WorkflowExecutionStatus, str] = {
    WorkflowExecutionStatus.COMPLETED: "completed",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.TIMED_OUT: "timed_out",
}
_ABRUPT = ("terminated", "timed_out")


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of the plan."""

    id: str
    tool: str
    state: str
    """In words, as the run tells it."""
    reason: str = ""
    """Why the plan has it."""
    policy: str = ""
    why: str = ""
    """Why it ended so, where that is known."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for a person."""

    step: str
    role: str
    kind: str
    """`gate`, `doubt` or `repair`."""
    reason: str
    due: str
    """When silence refuses, RFC 3339; empty: never."""
    command: str
    """The complete command line that answers it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How a run stood at one moment."""

    status: str
    """The `RemitStatus`; for a run that was stopped from outside, `terminated` or `timed_out`."""
    is_closed: bool
    is_live: bool = False
    """Whether a worker answered; else only status and waits are known."""
    total: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    """Steps by state."""
    running: Sequence[str] = ()
    failed: Sequence[str] = ()
    last: Sequence[str] = ()
    """The latest events, oldest first."""
    undone: int = 0
    code: str = ""
    reason: str = ""
    step: str = ""
    waits: Sequence[Waiting] = ()
    more_waits: int = 0
    """How many waits are not listed."""
    steps: Sequence[StepState] = ()
    """Every step, where a worker answered and they are not too many."""


async def take_snapshot(handle: Handle, before: Snapshot | None = None) -> Snapshot:
    """Return how the run stands now.

    Args:
        handle: the run.
        before: the last snapshot; what cannot have changed since is taken from it.

    Raises:
        ClientError: the server is away, or knows no such run.
    """
    described = await describe(handle)
    kept = await told_of(described)
    answered = await ask(handle, "status")
    if not isinstance(answered, dict):
        return kept
    live = _live(kept, answered)
    if before is not None and before.is_live and replace(live, steps=before.steps) == before:
        return before
    if live.total > MOST_STEPS:
        return live
    return replace(live, steps=await step_states(handle, kept.waits))


async def describe(handle: Handle) -> WorkflowExecutionDescription:
    """Return what Temporal itself knows of the run.

    Raises:
        ClientError: the server is away, knows no such run, or the workflow runs no plan.
    """
    try:
        described = await handle.workflow.describe(rpc_timeout=DESCRIBE_DEADLINE)
    except RPCError as error:
        raise from_rpc(error, f"run {handle.id!r}") from error
    if described.workflow_type != WORKFLOW:
        raise ClientError(
            ClientCode.NOT_A_RUN,
            f"workflow {handle.id!r} is a {described.workflow_type}, not a run of a plan",
            hint="name the top-level workflow; its children carry its id before a slash",
        )
    return described


async def ask(handle: Handle, name: str) -> JSON:
    """Return the answer to the query `name`, or `None` when no worker gives one in time."""
    try:
        answer: JSON = await handle.workflow.query(name, rpc_timeout=QUERY_DEADLINE)
    except (RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError):
        return None
    return answer


async def step_states(handle: Handle, waits: Sequence[Waiting]) -> tuple[StepState, ...]:
    """Return every step, or nothing when no worker answers.

    Args:
        handle: the run.
        waits: what waits for people; to the scheduler such a step is one that runs.
    """
    answered = await ask(handle, "explain")
    rows = answered if isinstance(answered, list) else []
    roles = {_step_of(wait.step): wait.role for wait in waits}
    return tuple(_step(row, roles) for row in rows if isinstance(row, dict))


def _step(row: JSONObject, roles: Mapping[str, str]) -> StepState:
    names = ("step", "tool", "state", "reason", "policy", "why")
    step = StepState(*(_text(row, name) for name in names))
    if step.id in roles:
        return replace(step, state=f"waits for {roles[step.id]}")
    return step


def _step_of(path: str) -> str:
    """Return the top-level step in which the call of `path` stands."""
    first = path.partition("/")[0]
    try:
        return Segment.parse(first).step
    except ValueError:
        return first


async def told_of(described: WorkflowExecutionDescription) -> Snapshot:
    """Return what Temporal keeps of a run: status and waits; no worker is asked."""
    memo = await described.memo()
    waits = memo.get(WAITS)
    waits = waits if isinstance(waits, dict) else {}
    status = described.typed_search_attributes.get(STATUS) or "admitting"
    closed = _CLOSED.get(described.status) if described.status is not None else None
    if closed is not None and (closed in _ABRUPT or status == "admitting"):
        status = closed
    return Snapshot(
        status=status,
        is_closed=closed is not None,
        waits=tuple(_waiting(step, wait) for step, wait in waits.items() if step != "more"),
        more_waits=_number(waits, "more"),
    )


def _live(kept: Snapshot, answered: JSONObject) -> Snapshot:
    counts = answered.get("counts")
    return replace(
        kept,
        # At the end Temporal's word counts: a run that was terminated answers as if it still ran.
        status=kept.status if kept.is_closed else _text(answered, "status") or kept.status,
        is_live=True,
        total=_number(answered, "total"),
        counts={k: v for k, v in counts.items() if isinstance(v, int)}
        if isinstance(counts, dict)
        else {},
        running=_texts(answered, "running"),
        failed=_texts(answered, "failed"),
        last=_texts(answered, "last"),
        undone=_number(answered, "undone"),
        code=_text(answered, "code"),
        reason=_text(answered, "reason"),
        step=_text(answered, "step"),
    )


def _waiting(step: str, wait: JSON) -> Waiting:
    told = wait if isinstance(wait, dict) else {}
    names = ("waits_for", "kind", "reason", "due", "command")
    return Waiting(step, *(_text(told, name) for name in names))


def _text(source: JSONObject, name: str) -> str:
    value = source.get(name)
    return value if isinstance(value, str) else ""


def _texts(source: JSONObject, name: str) -> tuple[str, ...]:
    value = source.get(name)
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _number(source: JSONObject, name: str) -> int:
    value = source.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
