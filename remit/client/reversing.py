"""Order a run back: one at work undoes itself, one that has completed is undone by another run."""

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from remit.canonical import JSONObject
from remit.client.errors import from_failure, from_rpc
from remit.client.reaching import root_of
from remit.client.signing import Signer, signed
from remit.client.snapshot import describe
from remit.client.submission import START_S, Handle, handle_of
from remit.plan.wire import REPAIR_ID

WORKFLOW = "RollbackRun"


async def roll_back(
    client: Client,
    handle: Handle,
    by: str,
    reason: str,
    queue: str,
    signer: Signer | None = None,
) -> Handle:
    """Order a run back; return the handle of whatever undoes it.

    Raises:
        RefusedError: the run refused; a completed one refuses by its rollback's end.
        ClientError: the server is away, or knows no such run.
    """
    described = await describe(handle)
    order: JSONObject = {"by": by, "reason": reason}
    try:
        root = root_of(described)
        if described.status is WorkflowExecutionStatus.RUNNING:
            sent = signed(signer, root, "rollback", order)
            await handle.workflow.execute_update("rollback", sent, result_type=str)
            return handle
        sent = signed(signer, root, "rollback", order | {"run": root})
        return await _start(client, handle, sent, queue)
    except WorkflowUpdateFailedError as error:
        raise from_failure(error.cause, "RUN-NOT-AT-WORK") from error
    except RPCError as error:
        raise from_rpc(error, f"run {handle.id!r}") from error


async def _start(client: Client, handle: Handle, order: JSONObject, queue: str) -> Handle:
    name = f"{REPAIR_ID}{order['run']}"
    try:
        started = await client.start_workflow(
            WORKFLOW,
            order,
            id=name,
            task_queue=queue,
            # A refused order fails its workflow, so it may come again; a rollback happens once.
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=f"roll back {handle.id}"[:200],
            rpc_timeout=START_S,
        )
    except WorkflowAlreadyStartedError:
        return handle_of(client, name)
    return Handle(client.get_workflow_handle(started.id, result_type=dict), is_new=True)
