"""Have a plan proposed: start `ProposePlan`, wait, and return how it ended."""

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, CancelledError, WorkflowAlreadyStartedError
from temporalio.service import RPCError

from remit.canonical import JSONObject
from remit.client.errors import from_failure, from_rpc, refused
from remit.client.submission import START_S

WORKFLOW = "ProposePlan"
PREFIX = "remit-proposal/"
"""What ids of such workflows begin with, where nobody chooses another."""


async def propose(
    client: Client,
    request: JSONObject,
    *,
    workflow_id: str,
    queue: str,
    submission: JSONObject | None = None,
) -> JSONObject:
    """Have a plan proposed and return how that ended; no run is started by it.

    Args:
        client: with the converter of `connect`.
        request: `{"goal", "agent", "on_behalf_of", "tenant", "owner", …}`.
        workflow_id: of the proposal.
        queue: task queue of the workers of the role `plan`.
        submission: `{"token": …}`, the proof of who asks; see `remit.client.signing`.

    Returns:
        `status` (`proposed`, `refused`, `invalid`, `failed` or `cancelled`), `code`, `reason`, and
        what `remit.plan.proposal.Proposed` holds: of a good one, `plan`.

    Raises:
        RefusedError: there is such a proposal already (`PROPOSAL-ID-TAKEN`), or it ended otherwise.
        ClientError: the server is away.
    """
    about = f"proposal {workflow_id!r}"
    try:
        handle = await client.start_workflow(
            WORKFLOW,
            args=[request] if submission is None else [request, submission],
            id=workflow_id,
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            result_type=dict,
            static_summary=" ".join(str(request.get("goal", "")).split())[:180],
            rpc_timeout=START_S,
        )
        ended: JSONObject = await handle.result()
    except WorkflowAlreadyStartedError as error:
        hint = "choose another id, or leave it out"
        raise refused("PROPOSAL-ID-TAKEN", f"there is a {about} already", hint) from error
    except WorkflowFailureError as error:
        return _ended(error)
    except RPCError as error:
        raise from_rpc(error, about) from error
    return ended


def _ended(error: WorkflowFailureError) -> JSONObject:
    cause = error.cause
    if isinstance(cause, CancelledError):
        return {"status": "cancelled", "code": "", "reason": "it was cancelled"}
    told = cause.details[0] if isinstance(cause, ApplicationError) and cause.details else None
    if isinstance(told, dict) and "status" in told:
        return told
    raise from_failure(cause, "PROPOSAL-FAULT") from error
