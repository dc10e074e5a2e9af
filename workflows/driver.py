"""Drives the pure scheduling machine: commands become activities and children, ends events.

The driver decides nothing. Each command runs as one task whose only product is an event in the
inbox; the one loop applies events in order and obeys what the machine answers.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Literal

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from remit.plan import event, wire
    from remit.plan.compiled import Schedule, ScheduledStep
    from remit.plan.event import Cause, Command, Event, Ref
    from remit.plan.machine import Machine
    from remit.plan.path import Segment
    from workflows.answers import child_ended, failure_of, step_ended
    from workflows.desk import Desk
    from workflows.options import call_options, system_options
    from workflows.scope import Part, PartEnd, Scope
    from workflows.unwinder import Unwinder
    from workflows.waits import held_wait

PART = "ExecutePart"


class Driver:
    """One machine at work in one workflow run."""

    def __init__(self, scope: Scope, schedule: Schedule, machine: Machine) -> None:
        """Drive `machine`, which holds `schedule`, at `scope`."""
        self.machine = machine
        self.desk: Desk
        self.unwinder: Unwinder
        self.show: Callable[[], None]
        self._scope = scope
        self._schedule = schedule
        self._inbox: list[Event] = []
        self._calls = 0
        self._leaving = False
        self._running: dict[Ref, asyncio.Task[None]] = {}
        self._children: dict[Ref, str] = {}
        self._ending: event.Unwind | event.Complete | None = None
        self._is_broken = False

    @property
    def is_at_work(self) -> bool:
        """Whether the machine has not ended, so that its plan can still be amended."""
        return self._ending is None

    @property
    def children(self) -> list[str]:
        """Workflow ids of the running child workflows, in the order of their start."""
        return list(self._children.values())

    def happened(self, what: Event) -> None:
        """Take an event in; the loop applies it."""
        self._inbox.append(what)

    def stop(self, cause: Cause) -> None:
        """Begin nothing more; calls that have not reached the tool are given up."""
        self.desk.release()
        self.happened(event.Stop(cause))
        for ref, task in list(self._running.items()):
            if ref not in self._children:
                task.cancel()

    def resume(self) -> None:
        """Let calls begin again; those that were held are made again."""
        self.desk.release()
        self.happened(event.Resume())

    def freeze(self, named: Sequence[str], needed: Sequence[str]) -> dict[str, str]:
        """Hold back the steps that an amendment names; return what speaks against it."""
        against: dict[str, str] = {}

        def ask() -> list[Command]:
            against.update(self.machine.freeze(named, needed))
            return []

        self._turn(ask)
        return against

    def thaw(self) -> None:
        """Let steps that were held back go on as they are."""
        self.happened(event.Thaw())

    def amend(self, schedule: Schedule) -> None:
        """Follow the amended plan: the ledger holds it already."""
        self._schedule = schedule
        self._scope.compiled = schedule.compiled
        self._turn(partial(self.machine.apply, event.Amended(schedule)))

    def path(self, ref: Ref) -> str:
        """Return the path of a call."""
        step = self._schedule.steps[ref.step]
        return self._scope.path(Segment(step.id, ref.item, ref.iteration, ref.generation))

    async def drive(self) -> event.Unwind | event.Complete | Literal["continue"]:
        """Run until the machine ends, or until this run's history is long enough."""
        self._turn(self.machine.start)
        while True:
            if not self._leaving and self._ending is None and self._is_long():
                self._leaving = True
                self.machine.pause()
            if self._ending is not None and not self._running:
                return self._ending
            if self._leaving and self._is_quiet():
                return "continue"
            await workflow.wait_condition(self._may_turn)
            events, self._inbox = self._inbox, []
            for what in events:
                self._turn(partial(self.machine.apply, what))
            self.show()

    def _turn(self, ask: Callable[[], list[Command]]) -> None:
        """Obey what the machine answers; a fault in it ends the run by an unwind.

        The machine is pure, so it would fail in every retry of the workflow task, and the run would
        stand still for ever. What is to be undone, the ledger knows without it.
        """
        if self._is_broken:
            return
        try:
            self._obey(ask())
        except Exception as error:
            self._is_broken = True
            reason = f"the scheduling machine failed: {type(error).__name__}: {error}"[:500]
            workflow.logger.error("machine failed", exc_info=True)
            self._ending = event.Unwind(Cause("REMIT-BUG", reason))
            self.desk.release()
            self.desk.abandon_all()
            for task in self._running.values():
                task.cancel()

    def _may_turn(self) -> bool:
        if self._inbox or (self._leaving and self._ending is None and self._is_quiet()):
            return True
        return self._ending is not None and not self._running

    def _is_quiet(self) -> bool:
        return not (self._inbox or self._running or self.desk.busy) and self.machine.idle

    def _is_long(self) -> bool:
        limit = self._schedule.limits.calls_per_run
        return self._calls >= limit or workflow.info().is_continue_as_new_suggested()

    def _obey(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case event.Call(ref):
                    self._start(ref, self._call(ref))
                case event.StartChild(ref):
                    self._start(ref, self._child(command))
                case event.Expand(step):
                    self._start(Ref(step), self._expand(step))
                case event.Delay(ref, seconds):
                    self._start(ref, self._delay(ref, seconds))
                case event.UndoStep(step):
                    self._start(Ref(step), self._undo_step(step))
                case event.StopChild(ref) | event.DropDelay(ref):
                    self._stop(ref)
                case event.AbandonGate(ref):
                    self.desk.abandon(ref)
                case event.Unwind() | event.Complete():
                    self._ending = command

    def _start(self, ref: Ref, work: Coroutine[None, None, None]) -> None:
        self._calls += 1
        task = asyncio.create_task(work)
        self._running[ref] = task
        task.add_done_callback(lambda _: self._ended(ref, task))

    def _stop(self, ref: Ref) -> None:
        """Stop what runs there, unless it has ended and its event is the next to be applied."""
        if ref in self._running:
            self._running[ref].cancel()

    def _ended(self, ref: Ref, task: asyncio.Task[None]) -> None:
        if self._running.get(ref) is task:
            del self._running[ref]

    def _step(self, ref: Ref) -> tuple[ScheduledStep, str]:
        return self._schedule.steps[ref.step], self.path(ref)

    async def _call(self, ref: Ref) -> None:
        step, path = self._step(ref)
        call = wire.StepCall(
            root=self._scope.root,
            compiled=self._scope.compiled,
            parent=self._scope.parent,
            step=step.id,
            item=ref.item,
            iteration=ref.iteration,
            generation=ref.generation,
        )
        options = call_options(
            self._schedule.limits, self._scope.deadline_ms, step.timeout_s, step.heartbeat_s
        )
        try:
            result: wire.StepResult = await workflow.execute_activity(
                step.tool,
                call,
                result_type=wire.StepResult,
                activity_id=path,
                task_queue=step.queue,
                summary=step.summary,
                priority=self._scope.priority,
                **options,
            )
        except ActivityError as error:
            ended = step_ended(ref, path, error)
            if isinstance(ended, event.Stalled):
                self.desk.begin_wait(held_wait(self._scope, path, ended.cause.reason))
            self.happened(ended)
        except asyncio.CancelledError:
            cause = Cause("STEP-CANCELLED", "stopped before it was called", path)
            self.happened(event.Failed(ref, cause, "none"))
        else:
            self._answer(ref, path, result)

    def _answer(self, ref: Ref, path: str, result: wire.StepResult) -> None:
        match result.status:
            case "happened":
                self.happened(event.Done(ref, result.until))
            case "skipped":
                self.happened(event.Skipped(ref))
            case "in_doubt":
                self.desk.open_doubt(path, ref, result.message)
                self.happened(event.InDoubt(ref))
            case "gate" if result.gate is not None:
                self.desk.open_gate(result.gate, ref)
                self.happened(event.Gated(ref))
            case _:
                cause = Cause("STEP-UNKNOWN", "a gate without a gate", path)
                self.happened(event.Failed(ref, cause, "unknown"))

    async def _child(self, command: event.StartChild) -> None:
        ref = command.ref
        step, path = self._step(ref)
        if command.kind == "items":
            path = f"{path.partition('[')[0]}[{command.first}..{command.first + command.count - 1}]"
        ask = wire.AdmitPart(
            root=self._scope.root,
            compiled=self._scope.compiled,
            parent=self._scope.parent,
            step=step.id,
            kind=command.kind,
            item=ref.item,
            iteration=ref.iteration,
            generation=ref.generation,
            first=command.first,
            count=command.count,
            parallel=command.parallel,
        )
        child_id = f"{self._scope.workflow_id}/{path}"
        self._children[ref] = child_id
        try:
            end = await workflow.execute_child_workflow(
                PART,
                Part(ask=ask, workflow_id=self._scope.workflow_id),
                result_type=PartEnd,
                id=child_id,
                parent_close_policy=ParentClosePolicy.REQUEST_CANCEL,
                static_summary=step.summary or step.id,
                priority=self._scope.priority,
            )
        except ChildWorkflowError as error:
            self.happened(child_ended(ref, path, error))
        else:
            self.happened(_part_ended(ref, path, end))
        finally:
            self._children.pop(ref, None)

    async def _expand(self, position: int) -> None:
        step, path = self._step(Ref(position))
        ask = wire.Expansion(
            root=self._scope.root,
            compiled=self._scope.compiled,
            parent=self._scope.parent,
            step=step.id,
        )
        try:
            count: int = await workflow.execute_activity(
                wire.EXPAND,
                ask,
                result_type=int,
                summary=f"items of {step.id}",
                **system_options(self._scope.deadline_ms),
            )
        except ActivityError as error:
            failure = failure_of(error)
            cause = Cause(failure.code, failure.message, path)
            self.happened(event.Failed(Ref(position), cause, "none"))
        else:
            self.happened(event.Expanded(position, count))

    async def _delay(self, ref: Ref, seconds: float) -> None:
        try:
            await workflow.sleep(seconds, summary=f"{self.path(ref)}: next iteration")
        finally:
            self.happened(event.Delayed(ref))

    async def _undo_step(self, position: int) -> None:
        step = self._schedule.steps[position]
        residue = await self.unwinder.undo_step(step.id)
        self.happened(event.StepUndone(position, residue))


def _part_ended(ref: Ref, path: str, end: PartEnd) -> Event:
    if end.status == "completed":
        return event.Done(ref)
    if end.status == "skipped":
        return event.Skipped(ref)
    cause = Cause(end.code, end.reason, end.step or path, end.status)
    denied = end.status in ("refused", "rejected", "expired")
    return event.Failed(ref, cause, "happened" if end.residue else "none", denied=denied)
