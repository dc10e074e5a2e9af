"""`UnwindPart` undoes a finished sub-plan, `RepairRun` what a run left behind, `RollbackRun` a run.

They take nothing but names: what is to be undone comes from the ledger. `RepairRun` is started by
the keeper for a run that ended without unwinding, `RollbackRun` by an operator for one that has
completed; the ledger refuses both while the run is open.
"""

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSON, JSONObject
    from remit.plan import deskwire, wire
    from remit.plan.compiled import Schedule
    from remit.plan.event import Cause
    from workflows.display import Display
    from workflows.execute_part import refuse_orphans
    from workflows.governed import Ending, Governed, outcome
    from workflows.messages import read_payload
    from workflows.options import system_options
    from workflows.scope import Carried, CauseModel, Part, PartEnd, Scope

_EMPTY = RawValue(Payload())


class _Unwinds(Governed):
    """A workflow that only unwinds."""

    async def unwind(self, part: Part, cause: Cause) -> Ending:
        """Ask what stands below the part's path, and undo it."""
        admitted: wire.AdmittedPart = await workflow.execute_activity(
            wire.ADMIT_PART,
            part.ask.model_copy(update={"continued": part.carried is not None}),
            result_type=wire.AdmittedPart,
            summary=f"what is below {part.ask.step or 'the run'}",
            **system_options(),
        )
        schedule = admitted.schedule or Schedule(compiled=part.ask.compiled, steps=[])
        scope = Scope(
            root=part.ask.root,
            workflow_id=part.workflow_id,
            compiled=schedule.compiled,
            parent=admitted.path,
            fairness=workflow.info().priority.fairness_key or "",
        )
        carried = part.carried or Carried(scope=scope, snapshot={}, unwinding=CauseModel.of(cause))
        self.prepare(scope, schedule.model_copy(update={"steps": []}), carried)
        return await self.work(carried)


@workflow.defn(name="UnwindPart")
class UnwindPart(_Unwinds):
    """Undo a finished sub-plan."""

    @workflow.run
    async def run(self, part: Part) -> PartEnd:
        """Undo everything below the part's path; cancellation does not stop it."""
        refuse_orphans()
        cause = Cause("PART-UNDONE", "its run is undone", part.ask.step, "cancelled")
        ending = await self.shielded(self.unwind(part, cause))
        await self.leave()
        if ending == "continue":
            workflow.continue_as_new(part.model_copy(update={"carried": self.carry()}))
        residue = self.unwinder.residue if self.unwinder else []
        return PartEnd(
            status="cancelled",
            code=residue[0].code if residue else "PART-UNDONE",
            reason=residue[0].reason if residue else "",
            step=residue[0].path if residue else part.ask.step,
            residue=len(residue),
        )


class _UndoesRuns(_Unwinds):
    """A top-level workflow that undoes a whole run whose own workflow is over."""

    def __init__(self) -> None:
        """Be ready for messages."""
        super().__init__()
        self.display = Display()

    async def undo(self, part: Part, cause: Cause) -> None:
        """Undo everything of the run."""
        ending = await self.shielded(self.unwind(part, cause))
        await self.leave()
        if ending == "continue":
            workflow.continue_as_new(part.model_copy(update={"carried": self.carry()}))

    def told(self, cause: Cause) -> JSONObject:
        """Return the outcome, and show it."""
        self.show()
        undone = self.unwinder.undone if self.unwinder else 0
        residue = self.unwinder.residue if self.unwinder else []
        return outcome(self.phase, cause, undone, residue)

    def show(self) -> None:
        """Tell people, in search attributes too."""
        super().show()
        if self.desk is not None:
            self.display.show(self.status, self.desk.waits)


@workflow.defn(name="RepairRun")
class RepairRun(_UndoesRuns):
    """Undo what a run left behind that was ended from outside."""

    @workflow.run
    async def run(self, part: Part) -> JSONObject:
        """Undo everything of the run; return its outcome."""
        _refuse_parents()
        cause = Cause("RUN-ABANDONED", "the run was ended from outside", "", "failed")
        await self.undo(part, cause)
        self.phase = "repaired"
        return self.told(cause)


@workflow.defn(name="RollbackRun")
class RollbackRun(_UndoesRuns):
    """Undo a run that has completed: `{"run": root chain id, "by", "reason"}`."""

    @workflow.run
    async def run(self, order: RawValue = _EMPTY) -> JSONObject:
        """Have the order judged, undo everything of the run, return its outcome."""
        _refuse_parents()
        part = _carried(order) or await self._ordered(read_payload(order))
        cause = Cause("RUN-ROLLED-BACK", "ordered back after its end", "", "rolled_back")
        await self.undo(part, cause)
        self.phase = "rolled_back"
        return self.told(cause)

    async def _ordered(self, payload: JSON) -> Part:
        """Return what is to be undone; a refused order fails the workflow, so it may come again."""
        info = workflow.info()
        run = payload.get("run") if isinstance(payload, dict) else None
        if info.workflow_id != f"{wire.REPAIR_ID}{run}":
            reason = f"the rollback of a run has one name, {wire.REPAIR_ID} and its root chain id"
            raise ApplicationError(reason, type="ROLLBACK-ID", non_retryable=True)
        message = deskwire.Message(name="rollback", payload=payload, event=f"start:{info.run_id}")
        answer: deskwire.Answered = await workflow.execute_activity(
            wire.ORDER_BACK,
            deskwire.OrderBack(run=str(run), message=message),
            result_type=deskwire.Answered,
            summary="may it be rolled back",
            **system_options(),
        )
        if not answer.taken:
            told = outcome("refused", Cause(answer.code, answer.reason), 0, [])
            text = f"{answer.code}: {answer.reason}"
            raise ApplicationError(text, told, type=answer.code, non_retryable=True)
        ask = wire.AdmitPart(root=str(run), compiled="", parent="", step="", kind="unwind")
        return Part(ask=ask, workflow_id=info.workflow_id)


def _carried(order: RawValue) -> Part | None:
    """Return what an earlier run of this chain carried over; the ledger checks what it names."""
    if workflow.info().continued_run_id is None:
        return None
    return Part.model_validate_json(order.payload.data)


def _refuse_parents() -> None:
    if workflow.info().parent is not None:
        raise ApplicationError("it is top-level", type="RUN-PARENT", non_retryable=True)
