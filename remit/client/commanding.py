"""An operator's order to a run at work, sent as an update and answered by what it did.

`hold`, `resume`, `rollback`, `resolve_doubt` and `repair`. As with votes nothing is judged here:
policy judges whoever orders, the run obeys, the ledger records both.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from remit.canonical import JSONObject
from remit.client.errors import from_failure, from_rpc, refused
from remit.client.reaching import at_work
from remit.client.voting import ANSWER_S

OrderName = Literal["hold", "resume", "rollback", "resolve_doubt", "repair"]


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody orders."""

    name: OrderName
    body: JSONObject
    """`{by, …}`, as `workflows.messages` describes it."""
    event: str
    """Id of the update: sent twice, it is one."""


async def send_order(
    client: Client, workflow_id: str, root: str, command: Command, within: timedelta = ANSWER_S
) -> str:
    """Send an order to a run and return what it did, in words.

    Args:
        client: of the server on which the run is.
        workflow_id: of the run's top-level workflow.
        root: its root chain id; a later run of the same name hears nothing.
        command: what is ordered.
        within: how long to wait for the answer.

    Raises:
        RefusedError: it was refused, the run is over, or nobody answered.
        ClientError: the server is away.
    """
    found = await at_work(client, workflow_id, root)
    if found is None:
        raise refused("RUN-NOT-AT-WORK", "the run is over, and takes no order any more")
    try:
        told: str = await client.get_workflow_handle(found.workflow_id).execute_update(
            command.name, command.body, id=command.event, result_type=str, rpc_timeout=within
        )
    except WorkflowUpdateFailedError as error:
        raise from_failure(error.cause, "RUN-NOT-AT-WORK") from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        message = f"no answer within {within.total_seconds():.0f} s; it may still be taken"
        hint = "look at the run again before you repeat it; `remit status` tells who works"
        raise refused("ORDER-NO-ANSWER", message, hint) from error
    except RPCError as error:
        raise from_rpc(error, f"run {found.workflow_id!r}") from error
    return told
