"""Order contents of a run forgotten, retained or released; one workflow each."""

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from remit.canonical import JSONObject
from remit.client.errors import from_failure, from_rpc, refused
from remit.client.signing import Signer, signed
from remit.plan.wire import Tended

WORKFLOW = "TendRun"
PREFIX = "remit-tend/"


async def tend(
    client: Client, root: str, order: JSONObject, queue: str, signer: Signer | None = None
) -> Tended:
    """Give an order about the run with this root chain id, and wait until it is carried out.

    Raises:
        RefusedError: policy or the ledger refused it, or another one is on its way.
        ClientError: the server is away.
    """
    try:
        handle = await client.start_workflow(
            WORKFLOW,
            signed(signer, root, str(order["order"]), order | {"run": root}),
            id=f"{PREFIX}{root}",
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            result_type=dict,
            static_summary=f"{order['order']} {root}"[:200],
        )
        return Tended.model_validate(await handle.result())
    except WorkflowAlreadyStartedError as error:
        raise refused("FORGET-BUSY", "another order about this run is on its way") from error
    except WorkflowFailureError as error:
        raise from_failure(error.cause, "RUN-ABSENT") from error
    except RPCError as error:
        raise from_rpc(error, f"run {root!r}") from error
