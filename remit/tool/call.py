"""The one interface between the enforcement point and every kind of tool.

An adapter (`activities/tools/`) takes a `ToolCall` and says how it ended. It never retries, never
decides, and never claims more than it knows: what it cannot tell is `Unknown`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from remit.canonical import JSON, JSONObject
from remit.tool.contract import ToolContract


def _no_heartbeat() -> None:
    return None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call, decided and recorded, ready to be sent."""

    contract: ToolContract
    arguments: JSONObject
    """The enforced arguments."""
    step_key: str
    """Idempotency key of the effect."""
    deadline: float
    """`time.monotonic()` moment after which the call is given up, in seconds."""
    heartbeat: Callable[[], None] = field(default=_no_heartbeat)


@dataclass(frozen=True, slots=True)
class Happened:
    """The call took effect (or the read succeeded) and answered."""

    output: JSON


@dataclass(frozen=True, slots=True)
class Broken:
    """The call took effect, but its answer cannot be used: a failure with effect."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The call certainly had no effect."""

    code: str
    message: str
    again: bool = False
    """Whether trying again may help: nothing was sent, or the tool said `later`."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell whether the call took effect."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A probe's answer: the call it asks about did not happen."""


ToolAnswer = Happened | Broken | Refused | Unknown | Absent


class Tool(Protocol):
    """What an adapter is."""

    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Make the call once and say how it ended; never raises for what the tool does."""
