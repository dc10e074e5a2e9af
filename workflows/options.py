"""How activities and child workflows are asked for: deadlines, retries and names, all pinned.

Temporal's own retry of an activity is bounded by the run's deadline alone; how often a tool is
called is counted in the ledger (design.md §2).
"""

from datetime import timedelta
from typing import TypedDict

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from remit.plan.compiled import Limits
    from remit.plan.proposal import LONGEST_ANSWER_S

_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=0,
)
_SHORTEST_S = 60.0
"""A call made after the run's deadline (an undo, or one an operator resumed) still gets this."""
_WEEK_MS = 7 * 86_400_000


class ActivityOptions(TypedDict):
    """Options of one activity."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


def now_ms() -> int:
    """Return the workflow's clock in milliseconds of Unix time."""
    return workflow.time_ns() // 1_000_000


def call_options(
    limits: Limits, deadline_ms: int, timeout_s: float, heartbeat_s: float | None
) -> ActivityOptions:
    """Return the options of a tool call that may take `timeout_s` and must end by the deadline."""
    attempt_s = timeout_s + limits.governance_s
    left_s = (deadline_ms - now_ms()) / 1000
    return ActivityOptions(
        start_to_close_timeout=timedelta(seconds=attempt_s),
        schedule_to_close_timeout=timedelta(seconds=max(left_s, attempt_s, _SHORTEST_S)),
        heartbeat_timeout=timedelta(seconds=heartbeat_s or limits.heartbeat_s),
        retry_policy=_RETRY,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


def undo_options(limits: Limits, timeout_s: float, heartbeat_s: float | None) -> ActivityOptions:
    """Return the options of a compensation: no run deadline stops an undo, but each has an end."""
    return call_options(limits, now_ms() + 86_400_000, timeout_s, heartbeat_s)


def system_options(deadline_ms: int = 0) -> ActivityOptions:
    """Return the options of one of Remit's own activities.

    Without a deadline it may wait a week for OPA or the ledger: settling and unwinding are not
    given up because a run is late.
    """
    deadline_ms = deadline_ms or now_ms() + _WEEK_MS
    return call_options(Limits(), deadline_ms, 30, 20)


def propose_options() -> ActivityOptions:
    """Return the options of asking a planner, which may take as long as any project lets it."""
    return call_options(Limits(), now_ms() + _WEEK_MS, LONGEST_ANSWER_S, 20)
