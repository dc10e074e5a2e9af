"""A person's word about a gate: sent as an update, answered by what it did or by a coded refusal.

An update and not a signal, so that whoever speaks hears at once whether it counts. Nothing is
judged here: the run reads it, policy judges it, the ledger records it, taken or refused.
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from remit.canonical import JSONObject
from remit.client.errors import from_failure, from_rpc, refused
from remit.client.reaching import at_work
from remit.decision.facts import Verb

ANSWER_S = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says about a gate."""

    verb: Verb
    body: JSONObject
    """`{step, digest, by, …}`; see `remit.approval`."""
    event: str
    """Id of the update: sent twice, it is one."""


async def send_vote(
    client: Client, workflow_id: str, root: str, word: Word, within: timedelta = ANSWER_S
) -> str:
    """Send a word about a gate and return what it did, in words.

    Args:
        client: of the server on which the run is.
        workflow_id: of the top-level run in which, or below which, the gate stands.
        root: its root chain id; a later run of the same name hears nothing.
        word: what is said.
        within: how long to wait for the answer.

    Raises:
        RefusedError: it was refused and recorded as such, the run is over, or nobody answered.
        ClientError: the server is away, or knows no such run.
    """
    found = await at_work(client, workflow_id, root)
    if found is None:
        raise refused("VOTE-LATE", "the run is over: nothing waits for an answer there any more")
    try:
        told: str = await client.get_workflow_handle(found.workflow_id).execute_update(
            word.verb, word.body, id=word.event, result_type=str, rpc_timeout=within
        )
    except WorkflowUpdateFailedError as error:
        raise from_failure(error.cause, "VOTE-REFUSED") from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        message = f"no answer within {within.total_seconds():.0f} s; it may still be taken"
        hint = (
            "look at the gate again before you repeat it; `remit status` tells whether workers run"
        )
        raise refused("VOTE-NO-ANSWER", message, hint) from error
    except RPCError as error:
        raise from_rpc(error, f"run {found.workflow_id!r}") from error
    return told
