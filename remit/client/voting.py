"""A person's word about a gate."""

from dataclasses import dataclass

from temporalio.client import Client

from remit.canonical import JSONObject
from remit.client.errors import refused
from remit.client.reaching import at_work
from remit.client.updating import Refusals, update
from remit.decision.facts import Verb

_REFUSALS = Refusals(
    "VOTE-REFUSED",
    "VOTE-NO-ANSWER",
    "look at the gate again before you repeat it; `remit status` tells whether workers run",
)


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says about a gate."""

    verb: Verb
    body: JSONObject
    """`{step, digest, by, …}`; see `remit.approval`."""
    event: str
    """Id of the update: sent twice, it is one."""


async def send_vote(client: Client, workflow_id: str, root: str, word: Word) -> str:
    """Send a word about a gate and return what it did, in words.

    Args:
        client: of the server on which the run is.
        workflow_id: of the top-level run in which, or below which, the gate stands.
        root: its root chain id; a later run of the same name hears nothing.
        word: what is said.

    Raises:
        RefusedError: it was refused and recorded as such, the run is over, or nobody answered.
        ClientError: the server is away, or knows no such run.
    """
    found = await at_work(client, workflow_id, root)
    if found is None:
        raise refused("VOTE-LATE", "the run is over: nothing waits for an answer there any more")
    handle = client.get_workflow_handle(found.workflow_id)
    return await update(handle, word.verb, word.body, _REFUSALS, event=word.event)
