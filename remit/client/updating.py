"""A message to a run at work: sent as an update, answered by what it did or by a coded refusal.

An update and not a signal, so that whoever speaks hears at once whether it counts. Nothing is
judged here: the run reads it, policy judges it, the ledger records it, taken or refused.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import (
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from remit.canonical import JSONObject
from remit.client.errors import from_failure, from_rpc, refused

ANSWER_S = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Refusals:
    """What is said when a message is not taken."""

    otherwise: str
    """Code of a refusal that brings none of its own."""
    no_answer: str
    """Code when nobody answers in time."""
    hint: str
    """What to do then."""


async def update(
    handle: WorkflowHandle[Any, Any],
    name: str,
    body: JSONObject,
    refusals: Refusals,
    *,
    event: str | None = None,
    within: timedelta = ANSWER_S,
) -> str:
    """Send a message and return what it did, in words.

    Args:
        handle: of the workflow that takes it.
        name: of the message.
        body: the whole message.
        refusals: how it is said that it was not taken.
        event: id of the update: sent twice, it is one.
        within: how long to wait for the answer.

    Raises:
        RefusedError: it was refused, or nobody answered.
        ClientError: the server is away, or knows no such run.
    """
    try:
        told: str = await handle.execute_update(
            name, body, id=event, result_type=str, rpc_timeout=within
        )
    except WorkflowUpdateFailedError as error:
        raise from_failure(error.cause, refusals.otherwise) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        message = f"no answer within {within.total_seconds():.0f} s; it may still be taken"
        raise refused(refusals.no_answer, message, refusals.hint) from error
    except RPCError as error:
        raise from_rpc(error, f"run {handle.id!r}") from error
    return told
