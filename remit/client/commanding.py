"""An operator's order to a run at work.

`hold`, `resume`, `rollback`, `resolve_doubt` and `repair`. As with votes nothing is judged here:
policy judges whoever orders, the run obeys, the ledger records both.
"""

from dataclasses import dataclass
from typing import Literal

from temporalio.client import Client

from remit.canonical import JSONObject
from remit.client.errors import refused
from remit.client.reaching import at_work
from remit.client.updating import Refusals, update

OrderName = Literal["hold", "resume", "rollback", "resolve_doubt", "repair"]
_REFUSALS = Refusals(
    "RUN-NOT-AT-WORK",
    "ORDER-NO-ANSWER",
    "look at the run again before you repeat it; `remit status` tells who works",
)


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody orders."""

    name: OrderName
    body: JSONObject
    """`{by, …}`, as `workflows.messages` describes it."""
    event: str
    """Id of the update: sent twice, it is one."""


async def send_order(client: Client, workflow_id: str, root: str, command: Command) -> str:
    """Send an order to a run and return what it did, in words.

    Args:
        client: of the server on which the run is.
        workflow_id: of the run's top-level workflow.
        root: its root chain id; a later run of the same name hears nothing.
        command: what is ordered.

    Raises:
        RefusedError: it was refused, the run is over, or nobody answered.
        ClientError: the server is away.
    """
    found = await at_work(client, workflow_id, root)
    if found is None:
        raise refused("RUN-NOT-AT-WORK", "the run is over, and takes no order any more")
    handle = client.get_workflow_handle(found.workflow_id)
    return await update(handle, command.name, command.body, _REFUSALS, event=command.event)
