"""Give an order to a workflow of its own, and wait until it is carried out.

The workflow's id names what the order is about, so of two orders about one thing the second is
refused while the first is on its way. What an order says is judged by the workers, not here.
"""

from dataclasses import dataclass

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from remit.canonical import JSONObject
from remit.client.errors import from_failure, from_rpc, refused
from remit.client.submission import START_S


@dataclass(frozen=True, slots=True)
class Order:
    """What is ordered, and how it is spoken of."""

    workflow: str
    """Type of the workflow that carries it out."""
    prefix: str
    """Of the workflow's id; the rest is what the order is about."""
    subject: str
    """What it is about: one order about it at a time."""
    document: JSONObject
    """`order` and whatever else the workflow reads."""
    spoken: str
    """The subject in a message, e.g. `run 'x'`."""


async def carry_out(
    client: Client, order: Order, queue: str, *, busy: str, otherwise: str
) -> JSONObject:
    """Start the workflow of `order` and return its answer.

    Args:
        client: of the server whose workers obey.
        order: what is ordered.
        queue: task queue of the orchestrating workers.
        busy: code of the refusal while another order about the same is on its way.
        otherwise: code of a refusal that brings none of its own.

    Raises:
        RefusedError: policy or the ledger refused it, or another one is on its way.
        ClientError: the server is away.
    """
    try:
        handle = await client.start_workflow(
            order.workflow,
            order.document,
            id=f"{order.prefix}{order.subject}",
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            result_type=dict,
            static_summary=f"{order.document['order']} {order.subject}"[:200],
            rpc_timeout=START_S,
        )
        answer: JSONObject = await handle.result()
    except WorkflowAlreadyStartedError as error:
        raise refused(busy, f"another order about {order.spoken} is on its way") from error
    except WorkflowFailureError as error:
        raise from_failure(error.cause, otherwise) from error
    except RPCError as error:
        raise from_rpc(error, order.spoken) from error
    return answer
