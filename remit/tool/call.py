"""One call of a tool, and the ways in which it may end: the interface of every kind of tool.

An adapter calls once and tells what it knows. It never retries, never follows a redirect, never
waits beyond the deadline, and never claims more than it saw: only `Refused` promises that nothing
happened, and only `Happened` and `Broken` promise that something did. Messages hold no secrets.

Adapters stand in `activities/tools`; the types stand here, because enforcement reads the answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from remit.canonical import JSON, JSONObject
from remit.tool.contract import ToolContract
from remit.tool.risk import Risk

Purpose = Literal["call", "probe", "read_back"]
"""Why a tool is called; only a probe may be answered by `Absent`."""


def no_checkpoint(value: JSON) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Everything that an adapter needs to know."""

    contract: ToolContract
    arguments: JSONObject
    """The enforced arguments, checked against the contract's input schema by the caller."""
    step_key: str
    """The idempotency key, sent where the contract says so."""
    deadline: float
    """Moment of `time.monotonic()` (seconds) after which the answer counts as unknown."""
    checkpoint: Callable[[JSON], None] = field(default=no_checkpoint, compare=False)
    """Called from the event loop's thread with how far the call came, see `remit.tool.progress`."""
    resume: JSON = None
    """How far a lost attempt of the same call came; `None`: nobody knows."""
    purpose: Purpose = "call"
    principal: Mapping[str, str] = field(default_factory=dict)
    """`agent` (without its version) and `tenant`, as the plan names them: whose credentials."""
    data_classes: frozenset[str] | None = None
    """Of all that flows into the call, found or declared; `None`: anything may be in it."""
    risk: Risk | None = None
    """As policy judged the call; `None`: nobody did."""
    providers: frozenset[str] | None = None
    """Whom policy lets the call go to; `None`: wherever its contract says."""


@dataclass(frozen=True, slots=True)
class Happened:
    """The call had its effect, and this is its output (not yet checked against its schema)."""

    output: JSON


@dataclass(frozen=True, slots=True)
class Refused:
    """The call certainly had no effect."""

    code: str
    message: str
    again: bool = False
    """Whether trying again may help: nothing was sent, or the tool said `later`."""
    already: bool = False
    """The tool refuses because that is done already; behind a lost attempt it means it happened."""
    is_own: bool = False
    """The worker refuses, and asked nobody: that says nothing of the service, see `withheld`."""
    is_unheard: bool = False
    """The service does not know, or not admit, who calls, and looked no further."""

    @property
    def is_of_this_attempt(self) -> bool:
        """Whether it says nothing about an earlier attempt of the same call: nobody was asked, or
        nobody looked at what was asked."""
        return self.again or self.is_own or self.is_unheard


def withheld(code: str, message: str, *, again: bool = False) -> Refused:
    """Return the refusal of a worker that did not send a call: no breaker counts it."""
    return Refused(code, message, again=again, is_own=True)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell here: timeout, lost connection, 5xx, an exception in a function."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The call had its effect, but its answer cannot be used: a failure with effect."""

    code: str
    message: str
    final: bool = False
    """Whether asking again under the same key would only cost again."""
    spent: int | None = None
    """What it cost, in micros, where that is known without an answer."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A probe's answer: what it was asked about did not happen."""


ToolAnswer = Happened | Refused | Unknown | Broken | Absent
