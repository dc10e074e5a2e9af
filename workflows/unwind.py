"""`UnwindPart` undoes a finished sub-plan; `RepairRun` undoes what a run left behind.

Both take nothing but names: what is to be undone comes from the ledger. `RepairRun` is started by
the keeper for a run that ended without unwinding; the ledger refuses it while the run is open.
"""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSONObject
    from remit.plan import wire
    from remit.plan.compiled import Schedule
    from remit.plan.event import Cause
    from workflows.display import Display
    from workflows.execute_part import refuse_orphans
    from workflows.governed import Ending, Governed, outcome
    from workflows.options import system_options
    from workflows.scope import Carried, CauseModel, Part, PartEnd, Scope


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


@workflow.defn(name="RepairRun")
class RepairRun(_Unwinds):
    """Undo what a run left behind that was ended from outside."""

    def __init__(self) -> None:
        """Be ready for messages."""
        super().__init__()
        self.display = Display()

    @workflow.run
    async def run(self, part: Part) -> JSONObject:
        """Undo everything of the run; return its outcome."""
        if workflow.info().parent is not None:
            raise ApplicationError("a repair is top-level", type="RUN-PARENT", non_retryable=True)
        cause = Cause("RUN-ABANDONED", "the run was ended from outside", "", "failed")
        ending = await self.shielded(self.unwind(part, cause))
        await self.leave()
        if ending == "continue":
            workflow.continue_as_new(part.model_copy(update={"carried": self.carry()}))
        self.phase = "repaired"
        self.show()
        undone = self.unwinder.undone if self.unwinder else 0
        residue = self.unwinder.residue if self.unwinder else []
        return outcome("repaired", cause, undone, residue)

    def show(self) -> None:
        """Tell people, in search attributes too."""
        super().show()
        if self.desk is not None:
            self.display.show(self.status, self.desk.waits)
