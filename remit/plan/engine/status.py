"""The words of the scheduling engine: where a step stands, where a call stands, how a step ended.

Each status is one character, which is also how a snapshot writes it; they never change meaning.
"""

from dataclasses import dataclass
from enum import StrEnum

from remit.plan.event import Cause


class Status(StrEnum):
    """Where a step stands."""

    PENDING = "."
    """Its needs are not met."""
    DORMANT = "z"
    """A fallback that nobody has needed so far."""
    READY = "q"
    """Its needs are met; nothing of it has begun."""
    RUNNING = "r"
    UNDOING = "u"
    """It failed; it is undone before its fallback starts."""
    WAITING = "b"
    """It failed; its fallback stands in for it and is not over."""
    DONE = "d"
    SKIPPED = "s"
    DROPPED = "x"
    """Nobody needs it any more; nothing of it happened."""
    REPLACED = "o"
    """It failed; its fallback is done."""
    ABSORBED = "a"
    """It failed, and the run goes on without it; it is being undone."""
    FAILED = "f"
    """It failed for good: the run goes on without it, or stops."""


LABELS = {
    Status.PENDING: "pending",
    Status.DORMANT: "fallback",
    Status.READY: "ready",
    Status.RUNNING: "running",
    Status.UNDOING: "undoing",
    Status.WAITING: "replacing",
    Status.DONE: "done",
    Status.SKIPPED: "skipped",
    Status.DROPPED: "dropped",
    Status.REPLACED: "replaced",
    Status.ABSORBED: "undoing",
    Status.FAILED: "failed",
}
"""How people read a status."""

OVER = (Status.DONE, Status.SKIPPED, Status.DROPPED, Status.REPLACED, Status.FAILED)
"""Nothing of the step is left to do."""
LOST = (Status.ABSORBED, Status.FAILED)
"""Whoever needs the step has been told that it failed."""


class Phase(StrEnum):
    """Where an unfinished call of a running step stands."""

    QUEUED = "q"
    """To be called (again) as soon as there is room."""
    FLYING = "f"
    GATED = "g"
    IN_DOUBT = "d"
    STALLED = "s"
    DELAYED = "t"
    """Between two iterations."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A step failed."""

    cause: Cause
    denied: bool = False


Verdict = Status | Failure | None
"""How an answer ended its step: `DONE`, `SKIPPED`, a failure; `None` while it is not over."""


class MachineError(Exception):
    """The machine cannot be made or frozen as asked; `code` is stable and says why."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")
