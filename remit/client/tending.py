"""Order contents of a run forgotten, retained or released; one workflow each."""

from temporalio.client import Client

from remit.canonical import JSONObject
from remit.client.ordering import Order, carry_out
from remit.client.signing import Signer, signed
from remit.plan.deskwire import Tended

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
    sent = signed(signer, root, str(order["order"]), order | {"run": root})
    given = Order(WORKFLOW, PREFIX, root, sent, spoken=f"run {root!r}")
    told = await carry_out(client, given, queue, busy="FORGET-BUSY", otherwise="RUN-ABSENT")
    return Tended.model_validate(told)
