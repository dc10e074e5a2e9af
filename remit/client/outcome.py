"""How a run ended: the one form of every result, wherever Temporal keeps it (design.md §8).

Completed runs return it, failed ones carry it in the failure, cancelled ones keep it in the memo;
a run that was stopped from outside has none, and says so.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import (
    ApplicationError,
    CancelledError,
    TerminatedError,
    TimeoutError,
)
from temporalio.service import RPCError

from remit.canonical import JSON
from remit.client.errors import from_rpc
from remit.client.snapshot import describe
from remit.client.submission import Handle
from remit.diagnostic import Diagnostic
from remit.plan.wire import Residue

RESULT = "RemitResult"
"""Memo that holds the result of a cancelled run."""

Ended = Literal[
    "completed",
    "refused",
    "rejected",
    "expired",
    "rolled_back",
    "cancelled",
    "invalid",
    "failed",
    "terminated",
    "timed_out",
]


class Outcome(BaseModel):
    """The end of a run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Ended
    code: str = ""
    """Stable code of what ended it; empty when it completed."""
    step: str = ""
    reason: str = ""
    undone: int = 0
    """How many calls were undone."""
    residue: Sequence[Residue] = ()
    """What could not be undone, each with who looks after it."""
    diagnostics: Sequence[Diagnostic] = ()
    """Of an `invalid` run: what is wrong with the plan, at most twenty."""
    diagnostics_total: int = 0
    """How many findings there are."""
    outputs: JSON = None
    """A small, redacted view."""
    outputs_digest: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether all of it went through."""
        return self.status == "completed"


async def outcome(handle: Handle) -> Outcome:
    """Wait for the run's end and return it.

    Raises:
        ClientError: the server is away, or knows no such run.
    """
    try:
        return _read(await handle.workflow.result(), "completed")
    except WorkflowFailureError as error:
        return await _unsuccessful(handle, error.cause)
    except RPCError as error:
        raise from_rpc(error, f"run {handle.id!r}") from error


async def _unsuccessful(handle: Handle, cause: BaseException) -> Outcome:
    if isinstance(cause, ApplicationError):
        told = cause.details[0] if cause.details else {"code": cause.type, "reason": cause.message}
        return _read(told, "failed")
    if isinstance(cause, CancelledError):
        memo = await (await describe(handle)).memo()
        return _read(memo.get(RESULT, {"reason": "cancelled"}), "cancelled")
    if isinstance(cause, TerminatedError):
        reason = f"terminated from outside: {cause.message}; the keeper undoes what it left"
        return Outcome(status="terminated", code="RUN-TERMINATED", reason=reason)
    if isinstance(cause, TimeoutError):
        return Outcome(status="timed_out", code="RUN-TIMED-OUT", reason=cause.message)
    return Outcome(status="failed", code="RUN-FAILED", reason=str(cause)[:500])


def _read(told: JSON, otherwise: Ended) -> Outcome:
    """Return a result as it was written; `otherwise` is the status where none is stated."""
    body = told if isinstance(told, dict) else {"reason": str(told)[:500]}
    try:
        return Outcome.model_validate({"status": otherwise, **body})
    except ValidationError:
        reason = f"the run's result is not in a form that this version reads: {str(told)[:300]}"
        return Outcome(status=otherwise, code="RUN-RESULT", reason=reason)
