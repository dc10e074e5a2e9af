"""Propose a change to the plan of a run at work, and get its answer."""

from datetime import timedelta

from temporalio.client import WorkflowExecutionStatus

from remit.canonical import JSONObject
from remit.client.errors import refused
from remit.client.reaching import root_of
from remit.client.signing import Signer, signed
from remit.client.snapshot import describe
from remit.client.submission import Handle
from remit.client.updating import Refusals, update

_ANSWER_S = timedelta(seconds=60)
_REFUSALS = Refusals(
    "RUN-NOT-AT-WORK",
    "AMEND-NO-ANSWER",
    "`remit status` tells whether workers run; the query `plan` tells what is in force",
)


async def propose(handle: Handle, proposal: JSONObject, signer: Signer | None = None) -> str:
    """Send a proposal and return what it changed, in words.

    Args:
        handle: the run; its top-level workflow.
        proposal: `{"steps", "drop", "by", "reason", …}`; the run judges it, nobody here.
        signer: who proves that `by` says so; without one the name is a claim.

    Raises:
        RefusedError: the run refused, is over, or did not answer in time.
        ClientError: the server is away, or knows no such run.
    """
    described = await describe(handle)
    if described.status is not WorkflowExecutionStatus.RUNNING:
        raise refused("RUN-NOT-AT-WORK", "the run is over; start another one")
    order = signed(signer, root_of(described), "amend", proposal)
    told = await update(handle.workflow, "amend", order, _REFUSALS, within=_ANSWER_S)
    return told.removeprefix("amend: ")
