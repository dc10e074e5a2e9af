"""What travels between a workflow and the activities that judge what people say to it.

The same rules as for `remit.plan.wire`.
"""

from typing import Literal

from remit.canonical import JSON, JSONObject
from remit.plan.lean import Given
from remit.plan.wire import Model


class Message(Model):
    """One operator message as it arrived, by signal or update."""

    name: str
    payload: JSON
    event: str
    """Where it came from, unique within the run chain: `signal:<run>:<n>` or `update:<id>`."""


class Votes(Model):
    """Input of `remit.vote`: messages about gates, in order of arrival."""

    root: str
    workflow_id: str
    messages: list[Message]


TOGETHER = "VOTE-TOGETHER"
"""Code of a vote that does not count because another one of its message does not."""


class GateVerdict(Model):
    """What a message did to a gate."""

    event: str
    gate: str = ""
    """Id of the gate it spoke about; empty when there is none."""
    path: str = ""
    counted: bool = False
    code: str = ""
    """Why it was refused: a stable code."""
    reason: str = ""
    closed: Literal["", "granted", "rejected", "edited", "changes_requested", "taken_over"] = ""
    by: str = ""
    """Who, in words: marked where nobody proved the name."""
    further: Given[list["GateVerdict"] | None] = None
    """What it did to further gates that it named."""


class VotesCounted(Model):
    """One verdict per message, in order."""

    verdicts: list[GateVerdict]


Closing = Literal["expired", "abandoned", "look"]
"""Why a gate is asked about; `look` changes nothing and returns what the ledger holds."""


class CloseGate(Model):
    """Input of `remit.close_gate`: a gate ends without a vote, or somebody asks how it stands."""

    root: str
    gate: str
    how: Closing


class GateEnd(Model):
    """How the gate ended in the ledger, which may differ: a vote may have come first."""

    state: Literal[
        "granted",
        "rejected",
        "edited",
        "changes_requested",
        "taken_over",
        "expired",
        "abandoned",
        "open",
    ]
    expires_ms: int = 0
    by: str = ""
    """Whose vote closed it, if one did."""
    reason: str = ""


class DoubtAnswer(Model):
    """Input of `remit.resolve_doubt`: a person says whether a call happened."""

    root: str
    message: Message


class RepairOrder(Model):
    """Input of `remit.repair`: a person settles a piece of residue."""

    root: str
    message: Message


class RunOrder(Model):
    """Input of `remit.order`: somebody tells the run to hold, to resume or to roll back."""

    root: str
    message: Message


class OrderBack(Model):
    """Input of `remit.order_back`: somebody wants a completed run undone."""

    run: str
    """Root chain id; not called `root`, for it is only a word until the ledger knows it."""
    message: Message


class TendOrder(Model):
    """Input of `remit.tend`: contents of a run are to be forgotten, retained, released, or an
    answer in quarantine let pass or discarded."""

    run: str
    """Root chain id; not called `root`, for it is only a word until the ledger knows it."""
    message: Message


class StopOrder(Model):
    """Input of `remit.stop`: calls are to be stopped, or to go on."""

    message: Message
    """Its payload names what: `{"what": "agent:buyer", "by", "reason", "undos"}`."""


class Tended(Model):
    """What came of it."""

    taken: bool
    code: str = ""
    reason: str = ""
    contents: int = 0
    """Contents that the run let go of."""
    held: int = 0
    """Of those: how many bodies stay, for another run holds them."""


class Answered(Model):
    """Whether an operator's message was taken."""

    taken: bool
    path: str = ""
    code: str = ""
    reason: str = ""
    diagnostics: list[JSONObject] = []
    """Of a refused amendment: what is wrong with it, all at once and bounded."""
