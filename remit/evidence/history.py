"""The projection of a run's Temporal history, and what it says that the ledger does not, or does.

Every event of every execution of the run, with payloads as digests only. Of a tool's activity it
keeps which call it was (path, direction), so that the actions of both sides can be compared:
what the history says happened must be in the ledger, and every attempt in the ledger must be an
activity of the history. Nothing here does I/O.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from remit.canonical import Digest, JSONObject
from remit.evidence.fields import items
from remit.evidence.finding import Code, Found

FORMAT: Literal["remit.history/v1"] = "remit.history/v1"
_SETTLING = {
    "happened": ("outcome", "resolve", "part", "repair"),
    "in_doubt": ("outcome",),
    "skipped": ("skip",),
    "gate": ("gate",),
}
"""Kinds of record, one of which stands behind each answer of a tool's activity."""
_KINDS = frozenset(kind for kinds in _SETTLING.values() for kind in kinds)

_CLOSES = frozenset(
    f"WorkflowExecution{how}"
    for how in ("Completed", "Failed", "TimedOut", "Canceled", "Terminated", "ContinuedAsNew")
)


class Model(BaseModel):
    """A closed, frozen part of a projection."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Call(Model):
    """Which call of the plan an activity was."""

    path: str
    direction: str


class Event(Model):
    """One event of a history."""

    id: int
    type: str
    at_ms: int
    activity: str = ""
    """Activity type, where one is scheduled."""
    activity_id: str = ""
    call: Call | None = None
    """Of a tool's activity, where it is scheduled."""
    scheduled: int = 0
    """Where an activity ends: the event that scheduled it."""
    answer: str = ""
    """Where an activity ends: the status it answered, or the type of its failure."""
    run_id: str = ""
    """Where another execution begins: its run id."""
    payloads: tuple[Digest, ...] = ()
    """Digests of the payloads' data, as they stand in the history."""


class Execution(Model):
    """The history of one execution."""

    format: Literal["remit.history/v1"]
    workflow_id: str
    run_id: str
    type: str
    copied: int = 0
    """Number of its first events that a reset copied from another execution."""
    events: list[Event]

    @property
    def is_closed(self) -> bool:
        """Whether it had ended when it was projected."""
        return bool(self.events) and self.events[-1].type in _CLOSES


@dataclass(slots=True)
class Actions:
    """What the ledger says was done; fed with its records."""

    settled: set[tuple[str, str, str]] = field(default_factory=set)
    """Kind of record, path, direction."""
    attempts: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """By run id and activity id of the owner: sequence number and path of the attempt."""
    systems: dict[str, int] = field(default_factory=dict)
    """Decisions about Remit's own activities, by type."""

    def add(self, kind: str, seq: int, body: JSONObject) -> None:
        """Take a record up."""
        if kind in _KINDS:
            self.settled.add((kind, str(body.get("path", "")), str(body.get("direction", ""))))
            return
        if kind in ("intent", "takeover"):
            path = str(body.get("path", ""))
            owner = str(body.get("owner", "")).split("/")
            if len(owner) == 3:
                self.attempts[owner[0], owner[1]] = (seq, path)
            return
        activity = body.get("activity")
        if kind == "decision" and isinstance(activity, str):
            self.systems[activity] = self.systems.get(activity, 0) + 1


def compare(executions: Sequence[Execution], actions: Actions) -> Iterator[Found]:
    """Yield what stands on one side only."""
    yield from _gaps(executions)
    done: dict[str, int] = {}
    for execution in executions:
        yield from _unrecorded(execution, actions, done)
    for activity, count in sorted(done.items()):
        known = actions.systems.get(activity, 0)
        if known < count and activity != "remit.admit":
            yield Found(
                Code.ACTION_UNRECORDED,
                f"activity {activity}",
                f"the history has {count} that were done, the ledger decisions about {known}",
            )
    yield from _unknown(executions, actions)


def _gaps(executions: Iterable[Execution]) -> Iterator[Found]:
    """A history whose events are not numbered from 1 was cut."""
    for execution in executions:
        for expected, event in enumerate(execution.events, 1):
            if event.id != expected:
                place = f"history {execution.run_id} event {expected}"
                yield Found(Code.MISSING, place, "it is not in the projection")
                break


def _unrecorded(execution: Execution, actions: Actions, done: dict[str, int]) -> Iterator[Found]:
    scheduled = {event.id: event for event in execution.events if event.activity}
    for event in execution.events:
        begun = scheduled.get(event.scheduled)
        if begun is None or not event.answer:
            continue
        if begun.call is None:
            is_new = event.id > execution.copied
            done[begun.activity] = done.get(begun.activity, 0) + (is_new and _is_done(event))
            continue
        kinds = _SETTLING.get(event.answer, ())
        names = [(kind, begun.call.path, begun.call.direction) for kind in kinds]
        if names and not actions.settled.intersection(names):
            yield Found(
                Code.ACTION_UNRECORDED,
                f"history {execution.run_id} event {event.id}",
                f"{begun.activity} of {begun.call.path} ({begun.call.direction}) answered "
                f"{event.answer!r}, and the ledger has no such record",
            )


def _is_done(event: Event) -> int:
    return int(event.type == "ActivityTaskCompleted")


def _unknown(executions: Sequence[Execution], actions: Actions) -> Iterator[Found]:
    known = {
        (execution.run_id, event.activity_id): event.call.path if event.call else ""
        for execution in executions
        for event in execution.events
        if event.activity
    }
    # What was still going on when it was projected may have called more since.
    projected = {execution.run_id for execution in executions if execution.is_closed}
    for (run_id, activity_id), (seq, path) in actions.attempts.items():
        if run_id in projected and known.get((run_id, activity_id)) != path:
            yield Found(
                Code.ACTION_UNKNOWN,
                f"record {seq}",
                f"it says that activity {activity_id} of {run_id} called {path}; "
                "the history has no such activity",
            )


def digests_in(seal: JSONObject) -> Sequence[Digest]:
    """Return the digests of the executions that a seal names."""
    return [str(one) for one in items(seal, "history")]
