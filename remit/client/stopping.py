"""Stop calls, or let them go on; one workflow each."""

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from remit.canonical import JSONObject
from remit.client.errors import from_failure, from_rpc, refused
from remit.client.signing import Signer, signed
from remit.ledger.stops import CHAIN
from remit.plan.wire import Answered

WORKFLOW = "StopCalls"
PREFIX = "remit-stop/"


async def order_stop(
    client: Client, order: JSONObject, queue: str, signer: Signer | None = None
) -> Answered:
    """Give an order about calls and wait until it is carried out.

    Args:
        client: of the server whose workers obey.
        order: `{"order": "stop" or "go", "what", "by", "reason", "undos"}`.
        queue: task queue of the orchestrating workers.
        signer: who proves that `by` says so; without one the name is a claim.

    Raises:
        RefusedError: policy refused it, or another one about the same is on its way.
        ClientError: the server is away.
    """
    what = str(order["what"])
    try:
        handle = await client.start_workflow(
            WORKFLOW,
            signed(signer, CHAIN, str(order["order"]), order),
            id=f"{PREFIX}{what}",
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            result_type=dict,
            static_summary=f"{order['order']} {what}"[:200],
        )
        return Answered.model_validate(await handle.result())
    except WorkflowAlreadyStartedError as error:
        raise refused("STOP-BUSY", f"another order about {what} is on its way") from error
    except WorkflowFailureError as error:
        raise from_failure(error.cause, "STOP-BUSY") from error
    except RPCError as error:
        raise from_rpc(error, f"the order about {what}") from error
