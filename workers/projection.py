"""Projections of Temporal histories for the seal: every event, payloads as digests alone.

Follows a run through everything that Temporal began for it: continuations, resets, children and
theirs. What Temporal no longer has is named, not passed over. The form is
`remit.evidence.history`'s; nothing here judges.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.message import Message
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from remit.canonical import digest_bytes
from remit.client.connection import opened
from remit.evidence.history import FORMAT, Call, Event, Execution
from remit.plan.wire import SYSTEM_ACTIVITIES, StepCall, StepResult

_ENDED = {
    "ActivityTaskCompleted": "completed",
    "ActivityTaskFailed": "failed",
    "ActivityTaskTimedOut": "timed_out",
    "ActivityTaskCanceled": "cancelled",
}
_MOST_EXECUTIONS = 20_000


@dataclass(slots=True)
class Histories:
    """What was found of a run."""

    executions: list[Execution] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    """Run ids of executions that Temporal no longer has."""


async def project(client: Client, *begin: tuple[str, str]) -> Histories:
    """Return the histories of executions (workflow id, run id) and of all that they lead to."""
    found = Histories()
    known = set(begin)
    waiting = list(dict.fromkeys(begin))
    while waiting and len(known) < _MOST_EXECUTIONS:
        workflow_id, run_id = waiting.pop(0)
        reader = _Reader(workflow_id, run_id)
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            async for event in handle.fetch_history_events():
                await opened(client, event)
                reader.take(event)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            found.absent.append(run_id)
            continue
        found.executions.append(reader.execution())
        fresh = [one for one in dict.fromkeys(reader.leads) if one not in known]
        known.update(fresh)
        waiting += fresh
    return found


class _Reader:
    """Reads one execution's events."""

    def __init__(self, workflow_id: str, run_id: str) -> None:
        self.leads: list[tuple[str, str]] = []
        """Executions that this one names."""
        self._workflow_id = workflow_id
        self._run_id = run_id
        self._type = ""
        self._copied = 0
        self._events: list[Event] = []
        self._tools: set[int] = set()

    def execution(self) -> Execution:
        return Execution(
            format=FORMAT,
            workflow_id=self._workflow_id,
            run_id=self._run_id,
            type=self._type,
            copied=self._copied,
            events=self._events,
        )

    def take(self, event: HistoryEvent) -> None:
        kind = _kind(event)
        attributes = getattr(event, event.WhichOneof("attributes") or "", None)
        made: dict[str, object] = {}
        if kind == "ActivityTaskScheduled":
            made = self._scheduled(event)
        elif kind in _ENDED:
            made = self._ended(kind, event)
        elif kind == "ChildWorkflowExecutionStarted":
            child = event.child_workflow_execution_started_event_attributes.workflow_execution
            self.leads.append((child.workflow_id, child.run_id))
            made = {"run_id": child.run_id}
        elif kind == "WorkflowExecutionStarted":
            self._type = event.workflow_execution_started_event_attributes.workflow_type.name
        if attributes is not None:
            self._follow(kind, event.event_id, attributes)
        self._events.append(
            Event.model_validate(
                {
                    "id": event.event_id,
                    "type": kind,
                    "at_ms": event.event_time.ToMilliseconds(),
                    "payloads": tuple(_digests(attributes)) if attributes is not None else (),
                    **made,
                }
            )
        )

    def _scheduled(self, event: HistoryEvent) -> dict[str, object]:
        attributes = event.activity_task_scheduled_event_attributes
        name = attributes.activity_type.name
        call = None if name in SYSTEM_ACTIVITIES else _call(attributes.input)
        if call is not None:
            self._tools.add(event.event_id)
        return {"activity": name, "activity_id": attributes.activity_id, "call": call}

    def _ended(self, kind: str, event: HistoryEvent) -> dict[str, object]:
        attributes = getattr(event, event.WhichOneof("attributes") or "")
        scheduled = int(attributes.scheduled_event_id)
        answer = _ENDED[kind]
        if kind == "ActivityTaskFailed":
            answer = attributes.failure.application_failure_info.type or answer
        elif kind == "ActivityTaskCompleted" and scheduled in self._tools:
            answer = _status(attributes.result) or answer
        return {"scheduled": scheduled, "answer": answer}

    def _follow(self, kind: str, number: int, attributes: Message) -> None:
        """Note the executions that stand before, after or beside this one."""
        names = ["continued_execution_run_id", "original_execution_run_id", "new_execution_run_id"]
        if kind == "WorkflowTaskFailed":
            names = ["base_run_id", "new_run_id"]
            if getattr(attributes, "base_run_id", "") not in ("", self._run_id):
                # A reset copies the events up to here from the execution that it was made of.
                self._copied = number
        for name in names:
            run_id = str(getattr(attributes, name, ""))
            if run_id and run_id != self._run_id:
                self.leads.append((self._workflow_id, run_id))


def _kind(event: HistoryEvent) -> str:
    words = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").split("_")
    return "".join(word.capitalize() for word in words)


def _call(given: Payloads) -> Call | None:
    try:
        call = StepCall.model_validate_json(given.payloads[0].data) if given.payloads else None
    except ValidationError:
        return None
    return Call(path=call.key.path, direction=call.direction.value) if call else None


def _status(result: Payloads) -> str:
    try:
        found = StepResult.model_validate_json(result.payloads[0].data)
    except (ValidationError, IndexError):
        return ""
    return found.status


def _digests(message: Message) -> Iterator[str]:
    """Yield the digests of all payloads in a message, in the order of its fields."""
    if isinstance(message, Payload):
        yield digest_bytes(message.data)
        return
    for about, value in message.ListFields():
        if about.message_type is None:
            continue
        if about.message_type.GetOptions().map_entry:
            parts = [value[key] for key in sorted(value)]
        else:
            parts = [value] if isinstance(value, Message) else list(value)
        for part in parts:
            if isinstance(part, Message):
                yield from _digests(part)
