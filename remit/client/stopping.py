"""Stop calls, or let them go on; one workflow each."""

from temporalio.client import Client

from remit.canonical import JSONObject
from remit.client.ordering import Order, carry_out
from remit.client.signing import Signer, signed
from remit.ledger.stops import CHAIN
from remit.plan.deskwire import Answered

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
    sent = signed(signer, CHAIN, str(order["order"]), order)
    given = Order(WORKFLOW, PREFIX, what, sent, spoken=what)
    told = await carry_out(client, given, queue, busy="STOP-BUSY", otherwise="STOP-BUSY")
    return Answered.model_validate(told)
