"""`ExecutePart`: a sub-plan, a slice of a long `for_each`, or one slow step, as a child workflow.

It asks the ledger what it is part of (`remit.admit_part`); without its parent's admission there is
nothing to do. A sub-plan that does not succeed undoes itself before it answers.
"""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from remit.plan import wire
    from remit.plan.event import Cause
    from workflows.answers import failure_of
    from workflows.governed import Ending, Governed
    from workflows.options import system_options
    from workflows.scope import Carried, Part, PartEnd, Scope


@workflow.defn(name="ExecutePart")
class ExecutePart(Governed):
    """Drive one part of a run."""

    @workflow.run
    async def run(self, part: Part) -> PartEnd:
        """Drive the part to its end; raise when it failed."""
        refuse_orphans()
        ending = await self.shielded(self._body(part))
        await self.leave()
        if ending == "continue":
            workflow.continue_as_new(part.model_copy(update={"carried": self.carry()}))
        if self.phase == "skipped":
            return PartEnd(status="skipped")
        if ending == "completed":
            await self._record(part)
            return PartEnd(status="completed")
        return self._end()

    async def _body(self, part: Part) -> Ending:
        ask = part.ask.model_copy(update={"continued": part.carried is not None})
        try:
            admitted: wire.AdmittedPart = await workflow.execute_activity(
                wire.ADMIT_PART,
                ask,
                result_type=wire.AdmittedPart,
                summary=f"what {part.ask.step} has to do",
                **system_options(),
            )
        except ActivityError as error:
            failure = failure_of(error)
            kind = error.cause.type if isinstance(error.cause, ApplicationError) else ""
            status = "refused" if kind == wire.DENIED else "failed"
            self.cause = Cause(failure.code, failure.message, part.ask.step, status)
            return "unwound"
        if admitted.skipped or admitted.schedule is None:
            self.phase = "skipped"
            return "completed"
        self.prepare(self._scope(part, admitted), admitted.schedule, _of(part))
        return await self.work(part.carried, unwinds=part.ask.kind == "plan")

    def _scope(self, part: Part, admitted: wire.AdmittedPart) -> Scope:
        return Scope(
            root=part.ask.root,
            workflow_id=part.workflow_id,
            compiled=admitted.schedule.compiled if admitted.schedule else "",
            parent=admitted.path,
            deadline_ms=admitted.deadline_ms,
            # The parent's, which its child was started with.
            fairness=workflow.info().priority.fairness_key or "",
        )

    async def _record(self, part: Part) -> None:
        if part.ask.kind != "plan" or self.scope is None:
            return
        ask = wire.Outputs(
            root=self.scope.root, compiled=self.scope.compiled, parent=self.scope.parent
        )
        await workflow.execute_activity(
            wire.OUTPUTS,
            ask,
            result_type=wire.OutputsResolved,
            summary=f"outputs of {part.ask.step}",
            **system_options(),
        )

    def _end(self) -> PartEnd:
        cause = self.cause or Cause("PART-UNKNOWN", "ended without a cause")
        residue = len(self.unwinder.residue) if self.unwinder else 0
        if cause.status in ("refused", "rejected", "expired", "cancelled"):
            return PartEnd.model_validate(
                {
                    "status": cause.status,
                    "code": cause.code,
                    "reason": cause.reason,
                    "step": cause.step,
                    "residue": residue,
                }
            )
        failure = wire.Failure(
            code=cause.code,
            message=cause.reason,
            step=cause.step,
            effect="happened" if residue else "none",
        )
        raise ApplicationError(
            f"{cause.code}: {cause.reason}", failure, type=cause.code, non_retryable=True
        )


def _of(part: Part) -> Carried | None:
    return part.carried


def refuse_orphans() -> None:
    """Refuse to be started by anybody but a run's own workflow."""
    if workflow.info().parent is None:
        raise ApplicationError(
            "this workflow is only started by a run; start ExecutePlan",
            type="RUN-NO-PARENT",
            non_retryable=True,
        )
