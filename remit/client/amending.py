"""Propose a change to the plan of a run at work, and get its answer."""

from datetime import timedelta

from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from remit.canonical import JSONObject
from remit.client.errors import from_failure, from_rpc, refused
from remit.client.signing import Signer, signed
from remit.client.snapshot import describe
from remit.client.submission import Handle

_ANSWER_S = timedelta(seconds=60)


async def propose(
    handle: Handle,
    proposal: JSONObject,
    within: timedelta = _ANSWER_S,
    signer: Signer | None = None,
) -> str:
    """Send a proposal and return what it changed, in words.

    Args:
        handle: the run; its top-level workflow.
        proposal: `{"steps", "drop", "by", "reason", …}`; the run judges it, nobody here.
        within: how long to wait for the answer.
        signer: who proves that `by` says so; without one the name is a claim.

    Raises:
        RefusedError: the run refused, is over, or did not answer in time.
        ClientError: the server is away, or knows no such run.
    """
    described = await describe(handle)
    if described.status is not WorkflowExecutionStatus.RUNNING:
        raise refused("RUN-NOT-AT-WORK", "the run is over; start another one")
    root = getattr(described.raw_info, "first_run_id", "") or described.run_id
    try:
        told: str = await handle.workflow.execute_update(
            "amend", signed(signer, root, "amend", proposal), result_type=str, rpc_timeout=within
        )
    except WorkflowUpdateFailedError as error:
        raise from_failure(error.cause, "RUN-NOT-AT-WORK") from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        message = f"no answer within {within.total_seconds():.0f} s; it may still be taken"
        hint = "`remit status` tells whether workers run; the query `plan` tells what is in force"
        raise refused("AMEND-NO-ANSWER", message, hint) from error
    except RPCError as error:
        raise from_rpc(error, f"run {handle.id!r}") from error
    return told.removeprefix("amend: ")
