"""Propose a change to the plan of a run at work, and get its answer.

AmendmentRefusedError    the run said no, with everything that is wrong
"""

from datetime import timedelta

from pydantic import ValidationError
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from remit.canonical import JSON, JSONObject
from remit.client.errors import from_rpc
from remit.client.snapshot import describe
from remit.client.submission import Handle
from remit.diagnostic import Diagnostic

_ANSWER_S = timedelta(seconds=60)


class AmendmentRefusedError(Exception):
    """Nothing was changed, or nobody answered; `diagnostics` says why."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__("; ".join(f"{found.code}: {found.message}" for found in diagnostics))


async def propose(handle: Handle, proposal: JSON, within: timedelta = _ANSWER_S) -> str:
    """Send a proposal and return what it changed, in words.

    Args:
        handle: the run; its top-level workflow.
        proposal: `{"steps", "drop", "by", "reason", …}`; the run judges it, nobody here.
        within: how long to wait for the answer.

    Raises:
        AmendmentRefusedError: the run refused, is over, or did not answer in time.
        ClientError: the server is away, or knows no such run.
    """
    described = await describe(handle)
    if described.status is not WorkflowExecutionStatus.RUNNING:
        raise _refused("RUN-NOT-AT-WORK", "the run is over; start another one")
    try:
        told: str = await handle.workflow.execute_update(
            "amend", proposal, result_type=str, rpc_timeout=within
        )
    except WorkflowUpdateFailedError as error:
        raise AmendmentRefusedError(_findings(error.cause)) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        message = f"no answer within {within.total_seconds():.0f} s; it may still be taken"
        hint = "`remit status` tells whether workers run; the query `plan` tells what is in force"
        raise _refused("AMEND-NO-ANSWER", message, hint) from error
    except RPCError as error:
        raise from_rpc(error, f"run {handle.id!r}") from error
    return told.removeprefix("amend: ")


def _refused(code: str, message: str, hint: str = "") -> AmendmentRefusedError:
    return AmendmentRefusedError((Diagnostic(code=code, path="", message=message, hint=hint),))


def _findings(cause: BaseException) -> tuple[Diagnostic, ...]:
    if not isinstance(cause, ApplicationError):
        return (Diagnostic(code="RUN-NOT-AT-WORK", path="", message=str(cause)),)
    told: JSONObject = cause.details[0] if cause.details else {}
    listed = told.get("diagnostics")
    try:
        found = tuple(map(Diagnostic.model_validate, listed if isinstance(listed, list) else ()))
    except ValidationError:
        found = ()
    code = cause.type or "RUN-NOT-AT-WORK"
    message = cause.message.removeprefix(f"{code}: ")
    return found or (Diagnostic(code=code, path="", message=message),)
