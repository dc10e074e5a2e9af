"""Order contents of a run forgotten, retained or released; one workflow each."""

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError

from remit.canonical import JSONObject
from remit.client.amending import AmendmentRefusedError
from remit.client.errors import from_rpc
from remit.diagnostic import Diagnostic
from remit.plan.wire import Tended

WORKFLOW = "TendRun"
PREFIX = "remit-tend/"


async def tend(client: Client, root: str, order: JSONObject, queue: str) -> Tended:
    """Give an order about the run with this root chain id, and wait until it is carried out.

    Raises:
        AmendmentRefusedError: policy or the ledger refused it, or another one is on its way.
        ClientError: the server is away.
    """
    try:
        handle = await client.start_workflow(
            WORKFLOW,
            order | {"run": root},
            id=f"{PREFIX}{root}",
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            result_type=dict,
            static_summary=f"{order['order']} {root}"[:200],
        )
        return Tended.model_validate(await handle.result())
    except WorkflowAlreadyStartedError as error:
        raise _refused("FORGET-BUSY", "another order about this run is on its way") from error
    except WorkflowFailureError as error:
        cause = error.cause
        code = cause.type if isinstance(cause, ApplicationError) and cause.type else "RUN-ABSENT"
        text = cause.message if isinstance(cause, ApplicationError) else str(cause)
        raise _refused(code, text.removeprefix(f"{code}: ")) from error
    except RPCError as error:
        raise from_rpc(error, f"run {root!r}") from error


def _refused(code: str, message: str) -> AmendmentRefusedError:
    return AmendmentRefusedError((Diagnostic(code=code, path="", message=message),))
