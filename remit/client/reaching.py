"""Which workflow speaks for a run now: the run's own, or the one that undoes it after its end."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError, RPCStatusCode

from remit.client.errors import from_rpc
from remit.plan.wire import REPAIR_ID

_DESCRIBE_S = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class AtWork:
    """A workflow that takes messages about a run."""

    workflow_id: str
    description: WorkflowExecutionDescription


def root_of(described: WorkflowExecutionDescription) -> str:
    """Return the root chain id of a top-level run: its first run's, however often it went on."""
    return described.raw_info.first_run_id or described.run_id


async def at_work(client: Client, workflow_id: str, root: str) -> AtWork | None:
    """Return the open workflow that holds what a run waits for; `None` when the run is over.

    Args:
        client: of the server on which the run is.
        workflow_id: of the run's top-level workflow.
        root: its root chain id; a later run of the same name is not it.

    Raises:
        ClientError: the server is away.
    """
    for name, is_first in ((workflow_id, True), (f"{REPAIR_ID}{root}", False)):
        try:
            found = await client.get_workflow_handle(name).describe(rpc_timeout=_DESCRIBE_S)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                continue
            raise from_rpc(error, f"run {name!r}") from error
        is_ours = root_of(found) == root or not is_first
        if found.status is WorkflowExecutionStatus.RUNNING and is_ours:
            return AtWork(name, found)
    return None
