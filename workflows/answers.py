"""What an activity's or a child workflow's end means to the scheduling machine.

Only a typed `denied` or `refused` certainly had no effect; every other failure is unknown, and the
ledger tells during the unwinding (design.md §2).
"""

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    FailureError,
    TimeoutError,
    TimeoutType,
)

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from remit.canonical import JSONObject
    from remit.plan.deskwire import TOGETHER, Answered, GateVerdict
    from remit.plan.event import Cause, Effect, Event, Failed, Ref, Stalled
    from remit.plan.wire import DENIED, FAILED, REFUSED, Failure


PAST_DEADLINE = "run.deadline"
"""Policy's code for a call that comes too late: it holds the run, which must not unwind alone."""


def failure_of(error: FailureError) -> Failure:
    """Return the failure that an error carries, or one that says what is known."""
    cause = error.cause if isinstance(error, ActivityError | ChildWorkflowError) else error
    if isinstance(cause, ApplicationError) and cause.details:
        try:
            return Failure.model_validate(cause.details[0])
        except ValidationError:
            pass
    if isinstance(cause, CancelledError):
        return Failure(code="STEP-CANCELLED", message="the call was cancelled")
    text = str(cause or error)[:500]
    return Failure(code="STEP-UNKNOWN", message=text or type(cause).__name__)


def diagnostics_of(error: ActivityError) -> JSONObject:
    """Return the findings that a refused plan's failure carries, and how many there are."""
    cause = error.cause
    details = cause.details if isinstance(cause, ApplicationError) else ()
    found: JSONObject = {}
    if len(details) > 1 and isinstance(details[1], dict):
        listed = details[1].get("diagnostics", [])
        total = details[1].get("total", len(listed))
        found = {"diagnostics": listed, "diagnostics_total": total}
    return found


def step_ended(ref: Ref, step: str, error: ActivityError) -> Event:
    """Return the event for a tool activity that did not return."""
    if isinstance(error.cause, TimeoutError) and error.cause.type in (
        TimeoutType.SCHEDULE_TO_CLOSE,
        TimeoutType.SCHEDULE_TO_START,
    ):
        reason = f"the run's deadline passed while step {step!r} waited; {_last(error.cause)}"
        return Stalled(ref, Cause("RUN-DEADLINE", reason, step, "held"))
    kind = error.cause.type if isinstance(error.cause, ApplicationError) else ""
    failure = failure_of(error)
    if kind == DENIED and failure.code == PAST_DEADLINE:
        reason = f"the run's deadline passed before step {step!r} was called"
        return Stalled(ref, Cause("RUN-DEADLINE", reason, step, "held"))
    effects: dict[str | None, Effect] = {DENIED: "none", REFUSED: "none", FAILED: "happened"}
    status = "refused" if kind == DENIED else "failed"
    cause = Cause(failure.code, failure.message, step, status)
    return Failed(ref, cause, effects.get(kind, "unknown"), denied=kind == DENIED)


def child_ended(ref: Ref, step: str, error: ChildWorkflowError) -> Event:
    """Return the event for a child workflow that did not return."""
    failure = failure_of(error)
    effect: Effect = failure.effect if isinstance(error.cause, ApplicationError) else "unknown"
    return Failed(ref, Cause(failure.code, failure.message, failure.step or step), effect)


def _last(error: TimeoutError) -> str:
    return f"last: {error.cause}" if error.cause else "no attempt was begun"


def answer_of(verdict: GateVerdict) -> Answered:
    """Return the answer to a message: of several gates the first that refused it speaks."""
    every = (verdict, *(verdict.further or ()))
    refused = [one for one in every if not one.counted]
    told = next((one for one in refused if one.code != TOGETHER), verdict)
    path = told.path if len(every) == 1 else ", ".join(one.path for one in every if one.counted)
    return Answered(taken=told.counted, path=path, code=told.code, reason=told.reason)
