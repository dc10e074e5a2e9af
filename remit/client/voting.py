"""A person's word about a gate: sent as an update, answered by what it did or by a coded refusal.

An update and not a signal, so that whoever speaks hears at once whether it counts. Nothing is
judged here: the run reads it, policy judges it, the ledger records it, taken or refused.
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from remit.canonical import JSONObject
from remit.client.errors import from_failure, from_rpc, refused
from remit.decision.facts import Verb
from remit.plan.wire import REPAIR_ID

_DESCRIBE_S = timedelta(seconds=5)
_ANSWER_S = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says about a gate."""

    verb: Verb
    body: JSONObject
    """`{step, digest, by, …}`; see `remit.approval`."""
    event: str
    """Id of the update: sent twice, it is one."""


async def send_vote(
    client: Client, workflow_id: str, root: str, word: Word, within: timedelta = _ANSWER_S
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
    chosen = await _speaks_for(client, workflow_id, root)
    try:
        told: str = await client.get_workflow_handle(chosen).execute_update(
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
        raise from_rpc(error, f"run {chosen!r}") from error
    return told


async def _speaks_for(client: Client, workflow_id: str, root: str) -> str:
    """Return the workflow that holds the run's gates now: the run, or whatever undoes it."""
    for name, is_first in ((workflow_id, True), (f"{REPAIR_ID}{root}", False)):
        try:
            found = await client.get_workflow_handle(name).describe(rpc_timeout=_DESCRIBE_S)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                continue
            raise from_rpc(error, f"run {name!r}") from error
        first = getattr(found.raw_info, "first_run_id", "") or found.run_id
        is_ours = first == root or not is_first
        if found.status is WorkflowExecutionStatus.RUNNING and is_ours:
            return name
    raise refused("VOTE-LATE", "the run is over: nothing waits for an answer there any more")
