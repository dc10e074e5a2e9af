"""What `ExecutePlan` and `ExecutePart` have in common: messages, queries, driving, unwinding.

A governed workflow holds no rules of its own: the machine schedules, the ledger remembers, policy
decides. This class joins them and tells people how things stand.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Literal

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSON, JSONObject
    from remit.plan import event
    from remit.plan.compiled import Schedule
    from remit.plan.deskwire import Answered, Message
    from remit.plan.event import Cause
    from remit.plan.machine import machine_for
    from remit.plan.wire import Residue
    from workflows.desk import Desk
    from workflows.display import plain, waits_markdown
    from workflows.driver import Driver
    from workflows.messages import MESSAGES, WAIT_ANSWERED, WAIT_CHANGED, read_payload, storable
    from workflows.options import now_ms
    from workflows.scope import Carried, CauseModel, Scope, WaitChanged
    from workflows.unwinder import Unwinder
    from workflows.waits import held_wait

_EMPTY = RawValue(Payload())
_TAKEN = Answered(taken=True)
_LATE = (
    "the run's deadline has passed, and every call but an undo would be denied; `rollback` undoes "
    "the run, and the same plan with a later `constraints.deadline` is a new one"
)
Ending = Literal["completed", "unwound", "continue"]


class Mailbox:
    """Where messages arrive."""

    def take(self, name: str, payload: JSON) -> None:
        """Take a signal in."""

    async def take_and_answer(self, name: str, payload: JSON) -> str:
        """Take an update in and answer it."""
        return name


def _signal(name: str) -> object:
    class Named(Mailbox):
        @workflow.signal(name=name, description=MESSAGES[name])
        async def receive(self, payload: RawValue = _EMPTY) -> None:
            self.take(name, read_payload(payload, name))

    return Named.receive


def _update(name: str) -> object:
    class Named(Mailbox):
        @workflow.update(name=name, description=MESSAGES[name])
        async def receive(self, payload: RawValue = _EMPTY) -> str:
            return await self.take_and_answer(name, read_payload(payload, name))

    return Named.receive


class Governed(Mailbox):
    """A workflow that drives (a part of) a plan."""

    approve = _signal("approve")
    reject = _signal("reject")
    edit = _signal("edit")
    request_changes = _signal("request_changes")
    take_over = _signal("take_over")
    claim = _signal("claim")
    release = _signal("release")
    delegate = _signal("delegate")
    hold = _signal("hold")
    resume = _signal("resume")
    rollback = _signal("rollback")
    resolve_doubt = _signal("resolve_doubt")
    repair = _signal("repair")
    amend_signal = _signal("amend")
    approve_update = _update("approve")
    reject_update = _update("reject")
    edit_update = _update("edit")
    request_changes_update = _update("request_changes")
    take_over_update = _update("take_over")
    claim_update = _update("claim")
    release_update = _update("release")
    delegate_update = _update("delegate")
    hold_update = _update("hold")
    resume_update = _update("resume")
    rollback_update = _update("rollback")
    resolve_doubt_update = _update("resolve_doubt")
    repair_update = _update("repair")
    amend_update = _update("amend")

    def __init__(self) -> None:
        """Be ready for messages before anything else is known."""
        self.phase = "admitting"
        self.scope: Scope | None = None
        self.desk: Desk | None = None
        self.driver: Driver | None = None
        self.unwinder: Unwinder | None = None
        self.cause: Cause | None = None
        self.cancelled_early = False
        self._early: list[tuple[str, JSON]] = []
        self._messages = 0
        self._background: list[asyncio.Task[None]] = []

    # messages

    def take(self, name: str, payload: JSON) -> None:
        """Take a signal in."""
        if self.desk is None:
            self._early.append((name, payload))
        else:
            self.desk.post(self._message(name, payload, "signal"))

    async def take_and_answer(self, name: str, payload: JSON) -> str:
        """Take an update in and answer it: what was done, or why it was refused."""
        await workflow.wait_condition(lambda: self.desk is not None)
        if self.desk is None:
            raise ApplicationError("the run has no desk", type="RUN-ENDED", non_retryable=True)
        info = workflow.current_update_info()
        letter = self.desk.post(self._message(name, payload, f"update:{info.id if info else ''}"))
        await workflow.wait_condition(lambda: letter.answer is not None)
        answer = letter.answer
        if answer is None or not answer.taken:
            code, reason = (answer.code, answer.reason) if answer else ("RUN-ENDED", "")
            found = answer.diagnostics if answer else []
            details = [{"diagnostics": found}] if found else []
            raise ApplicationError(f"{code}: {reason}", *details, type=code, non_retryable=True)
        return f"{name}: {answer.path or answer.reason or 'done'}"

    def _message(self, name: str, payload: JSON, source: str) -> Message:
        self._messages += 1
        # A client chooses the id of its update.
        origin = f"{storable(source)}:{workflow.info().run_id}:{self._messages}"
        return Message(name=name, payload=payload, event=origin)

    @workflow.signal(dynamic=True)
    async def other(self, name: str, values: Sequence[RawValue]) -> None:
        """Messages between a run's workflows, and ones that nobody knows."""
        await workflow.wait_condition(lambda: self.desk is not None)
        if self.desk is None:
            return
        payload = read_payload(values[0]) if values else None
        change = WaitChanged.read(payload) if name == WAIT_CHANGED else None
        if change is not None:
            self.desk.wait_changed(change)
            self.show()
        elif name == WAIT_ANSWERED:
            self.desk.answered(str(payload))
        else:
            self.take(name, payload)

    def control(self, name: str, payload: JSON) -> Answered:
        """Obey `hold`, `resume` and `rollback`."""
        if self.driver is None or self.phase == "unwinding":
            return self.not_at_work(name)
        if name == "hold":
            self.driver.happened(event.Hold())
        elif name == "resume":
            if self._is_late():
                return Answered(taken=False, code="RUN-PAST-DEADLINE", reason=_LATE)
            self.driver.resume()
        elif workflow.info().parent is not None:
            reason = "a sub-plan is rolled back with its run: send it to the top-level workflow"
            return Answered(taken=False, code="ROLLBACK-AT-ROOT", reason=reason)
        else:
            why = payload.get("reason") if isinstance(payload, dict) else payload
            cause = Cause("RUN-ROLLED-BACK", f"ordered back: {why}", "", "rolled_back")
            self.driver.stop(cause)
        for child in self.driver.children:
            if name != "rollback":
                self._spawn(self._pass_on(child, name, payload))
        return _TAKEN

    async def amend(self, message: Message) -> Answered:
        """Refuse to be amended; only the top-level workflow of a run at work can be."""
        if workflow.info().parent is not None:
            reason = "a plan is amended at its root: send it to the run's top-level workflow"
            return Answered(taken=False, code="AMEND-AT-ROOT", reason=reason)
        return self.not_at_work(message.name)

    def not_at_work(self, name: str) -> Answered:
        """Return the refusal of an order that comes too early or too late."""
        reason = f"{name} is for a run at work; this one is {self.phase}"
        return Answered(taken=False, code="RUN-NOT-AT-WORK", reason=reason)

    def _is_late(self) -> bool:
        deadline_ms = self.scope.deadline_ms if self.scope else 0
        return bool(deadline_ms) and now_ms() > deadline_ms

    async def _pass_on(self, child: str, name: str, payload: JSON) -> None:
        await workflow.get_external_workflow_handle(child).signal(name, payload)

    # driving

    def prepare(self, scope: Scope, schedule: Schedule, carried: Carried | None) -> Driver:
        """Put the machine, the desk and the unwinder together, as new or as carried over."""
        machine = machine_for(schedule, carried.snapshot if carried and carried.snapshot else None)
        driver = Driver(scope, schedule, machine)
        desk = Desk(scope, driver.happened, self.control, self.amend, self.show)
        self.scope, self.driver = scope, driver
        self.unwinder = Unwinder(scope, schedule.limits, desk, self.show)
        driver.desk, driver.unwinder, driver.show = desk, self.unwinder, self.show
        if carried is not None:
            self._restore(desk, driver, carried)
        self.desk = desk
        self._spawn(desk.serve())
        if self.cancelled_early:
            self._cancelled()
        early, self._early = self._early, []
        for name, payload in early:
            desk.post(self._message(name, payload, "signal"))
        return driver

    def _restore(self, desk: Desk, driver: Driver, carried: Carried) -> None:
        for wait in carried.waits:
            if wait.workflow_id:
                desk.waits[wait.id] = wait
        by_path = {driver.path(ref): ref for ref in driver.machine.open_gates}
        for gate in carried.gates:
            desk.open_gate(gate, by_path.get(gate.path))
        for ref in driver.machine.open_doubts:
            desk.open_doubt(driver.path(ref), ref, "carried over")
        for ref in driver.machine.stalled:
            desk.begin_wait(held_wait(carried.scope, driver.path(ref), "carried over"))

    async def work(self, carried: Carried | None, unwinds: bool = True) -> Ending:
        """Drive to the end, undoing if need be; return how it ended.

        A part of a step (`unwinds` false) leaves the undoing to the plan that it is part of.
        """
        driver, unwinder = self.driver, self.unwinder
        if driver is None or unwinder is None:
            raise ApplicationError("not prepared", type="REMIT-BUG", non_retryable=True)
        if carried is not None and carried.unwinding is not None:
            self.cause = carried.unwinding.cause
        else:
            self.phase = "running"
            ending = await driver.drive()
            if ending == "continue":
                return "continue"
            if isinstance(ending, event.Complete):
                return "completed"
            self.cause = ending.cause
        if not unwinds:
            return "unwound"
        self.phase = "unwinding"
        self.show()
        return "unwound" if await unwinder.unwind() else "continue"

    async def shielded(self, body: Awaitable[Ending]) -> Ending:
        """Await `body` whatever is cancelled; a cancellation becomes a `Stop` for the machine."""
        task = asyncio.ensure_future(body)
        while True:
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                if task.cancelled():
                    raise
                self._cancelled()

    def _cancelled(self) -> None:
        reason = workflow.cancellation_reason() or "no reason given"
        cause = Cause("RUN-CANCELLED", f"cancelled: {reason}", "", "cancelled")
        if self.driver is None:
            self.cancelled_early = True
        else:
            self.driver.stop(cause)

    def carry(self) -> Carried:
        """Return what the next run of the chain needs."""
        if self.scope is None or self.driver is None or self.desk is None:
            raise ApplicationError("nothing to carry", type="REMIT-BUG", non_retryable=True)
        unwinding = self.phase == "unwinding" and self.cause is not None
        return Carried(
            scope=self.scope,
            snapshot={} if unwinding else self.driver.machine.snapshot(),
            gates=self.desk.gates,
            waits=list(self.desk.waits.values()),
            unwinding=CauseModel.of(self.cause) if unwinding and self.cause else None,
        )

    async def leave(self) -> None:
        """Let handlers finish before the workflow ends or continues as new."""
        try:
            await workflow.wait_condition(
                workflow.all_handlers_finished, timeout=timedelta(seconds=30)
            )
        except TimeoutError:
            workflow.logger.warning("messages were still open at the end")

    # telling

    @property
    def status(self) -> str:
        """The `RemitStatus` of the moment."""
        kinds = [wait.kind for wait in self.desk.waits.values()] if self.desk else []
        if "repair" in kinds:
            return "needs_repair"
        if "doubt" in kinds:
            return "in_doubt"
        if self.phase == "unwinding":
            return "unwinding"
        if "held" in kinds or (self.driver is not None and self.driver.machine.held):
            return "held"
        asked = "gate" in kinds or "changes" in kinds
        return "awaiting_approval" if asked else self.phase

    def show(self) -> None:
        """Tell people how things stand, called whenever something changed.

        What the web UI shows of it is written when somebody looks (`workflows.telling`).
        """

    def details(self) -> str:
        """Return the Markdown of the web UI's current part."""
        lines = [f"**{self.status}**"]
        if self.cause is not None:
            reason = plain(self.cause.reason)
            lines.append(f"{self.cause.code} at `{self.cause.step}`: {reason}")
        if self.driver is not None:
            lines += self.driver.machine.progress().markdown()
        if self.desk is not None and self.scope is not None:
            lines += waits_markdown(self.scope.workflow_id, self.desk.waits)
            lines += [plain(line) for line in self.desk.refused[-5:]]
        return "\n\n".join(lines)

    @workflow.query(name="status", description="What is done, running, waiting, failed")
    def query_status(self) -> JSONObject:
        """Return the status, counts, and what runs and waits."""
        shown: JSONObject = {"status": self.status}
        if self.driver is not None:
            shown |= self.driver.machine.progress().model()
        if self.cause is not None:
            shown |= {"code": self.cause.code, "step": self.cause.step, "reason": self.cause.reason}
        if self.unwinder is not None:
            shown["undone"] = self.unwinder.undone
            shown["residue"] = [left.model_dump(mode="json") for left in self.unwinder.residue]
        return shown

    @workflow.query(name="pending", description="What waits for whom, with the command to type")
    def query_pending(self) -> list[JSONObject]:
        """Return every wait, with the gate's card where this workflow holds it."""
        if self.desk is None:
            return []
        cards = {gate.id: gate.model_dump(mode="json") for gate in self.desk.gates}
        return [
            wait.model_dump(mode="json") | {"gate": cards.get(wait.id)}
            for wait in self.desk.waits.values()
        ]

    def _spawn(self, work: Awaitable[None]) -> None:
        self._background.append(asyncio.ensure_future(work))


def outcome(status: str, cause: Cause | None, undone: int, residue: list[Residue]) -> JSONObject:
    """Return the one form of every result (design.md §8)."""
    return {
        "status": status,
        "code": cause.code if cause else "",
        "step": cause.step if cause else "",
        "reason": cause.reason if cause else "",
        "undone": undone,
        "residue": [left.model_dump(mode="json") for left in residue],
    }
