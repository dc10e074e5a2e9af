"""`ExecutePlan`: a plan from any JSON to a finished, undone or refused run.

Orchestration alone: it admits, drives, unwinds and tells. Everything it is told by its starter is
untrusted; only what the ledger holds under the root chain id counts.
"""

import asyncio
from collections.abc import Mapping

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSON, JSONObject
    from remit.plan import deskwire, wire
    from remit.plan.event import Cause
    from remit.plan.path import Segment
    from workflows.amending import propose
    from workflows.answers import diagnostics_of, failure_of
    from workflows.display import Display
    from workflows.governed import Ending, Governed, outcome
    from workflows.messages import read_document
    from workflows.options import system_options
    from workflows.scope import Carried, Scope, fairness_of

_EMPTY = RawValue(Payload())
_AWAY = "an amendment took it away"
_WHOM = {"gate": "an answer of", "doubt": "word from", "repair": "repair by", "held": "orders of"}


@workflow.defn(name="ExecutePlan")
class ExecutePlan(Governed):
    """Run a plan: `remit.plan/v1`, or `{"plan": "name@version", "inputs": {…}}`."""

    def __init__(self) -> None:
        """Be ready for messages."""
        super().__init__()
        self.display = Display()
        self.admitted: wire.Admitted | None = None
        self.diagnostics: JSONObject = {}
        self.submission: JSON = None
        """What came beside the document: `{"token": …}`, the proof of who starts it."""

    @workflow.run
    async def run(self, document: RawValue = _EMPTY) -> JSONObject:
        """Admit, drive, and end as design.md §8 says; take any JSON."""
        _refuse_options()
        carried = _carried(document)
        ending = await self.shielded(self._body(document, carried))
        await self.leave()
        if ending == "continue":
            workflow.continue_as_new(self.carry())
        return await self._end(ending)

    def show(self) -> None:
        """Tell people how things stand, in search attributes and memo too when waits changed."""
        super().show()
        if self.desk is not None and self.admitted is not None:
            self.display.show(self.status, self.desk.waits)

    async def _body(self, document: RawValue, carried: Carried | None) -> Ending:
        try:
            admitted = await self._admit(document, carried)
        except ActivityError as error:
            return self._not_admitted(error)
        self.admitted = admitted
        scope = carried.scope if carried else _scope(admitted)
        self.prepare(scope, admitted.schedule, carried)
        if carried is None:
            self.display.admitted(admitted, "running")
        elif self.desk is not None:
            self.display.restored(self.status, self.desk.waits)
        return await self.work(carried)

    async def amend(self, message: deskwire.Message) -> deskwire.Answered:
        """Propose a change of the plan; follow it once policy allowed it and the ledger has it."""
        driver = self.driver
        if driver is None or self.scope is None or self.phase != "running":
            return self.not_at_work(message.name)
        if not driver.is_at_work:
            return self.not_at_work(message.name)
        amended = await propose(driver, self.scope, message)
        if amended.admitted is not None:
            self.admitted = amended.admitted
            self.display.amended(amended.admitted)
        return amended.answer

    async def _admit(self, document: RawValue, carried: Carried | None) -> wire.Admitted:
        ask = wire.Admit(
            root=workflow.info().first_execution_run_id,
            document=None if carried else read_document(document),
            size=len(document.payload.data),
            continued=carried is not None,
            compiled=carried.scope.compiled if carried else "",
            submission=None if carried else self.submission,
        )
        admitted: wire.Admitted = await workflow.execute_activity(
            wire.ADMIT,
            ask,
            result_type=wire.Admitted,
            summary="contract, catalogue, saga, policy",
            **system_options(),
        )
        return admitted

    def _not_admitted(self, error: ActivityError) -> Ending:
        failure = failure_of(error)
        kind = error.cause.type if isinstance(error.cause, ApplicationError) else ""
        status = {wire.DENIED: "refused", wire.INVALID: "invalid"}.get(kind or "", "failed")
        if self.cancelled_early and status == "failed":
            status = "cancelled"
        self.cause = Cause(failure.code, failure.message, failure.step, status)
        self.phase = status
        self.diagnostics = diagnostics_of(error)
        return "unwound"

    async def _end(self, ending: Ending) -> JSONObject:
        status = self.cause.status if self.cause and ending != "completed" else "completed"
        undone = self.unwinder.undone if self.unwinder else 0
        residue = self.unwinder.residue if self.unwinder else []
        result = outcome(status, self.cause, undone, residue) | self.diagnostics
        if ending == "completed":
            result |= await self._outputs()
        self.phase = status
        super().show()
        self.display.show(status, {})
        if status == "cancelled":
            self.display.result(result)
            raise asyncio.CancelledError
        if status in ("failed", "invalid") and self.cause is not None:
            message = f"{self.cause.code}: {self.cause.reason}"
            raise ApplicationError(message, result, type=self.cause.code, non_retryable=True)
        return result

    async def _outputs(self) -> JSONObject:
        if self.admitted is None or not self.admitted.schedule.has_outputs or self.scope is None:
            return {}
        ask = wire.Outputs(root=self.scope.root, compiled=self.scope.compiled)
        outputs: wire.OutputsResolved = await workflow.execute_activity(
            wire.OUTPUTS,
            ask,
            result_type=wire.OutputsResolved,
            summary="outputs",
            **system_options(),
        )
        return {"outputs": outputs.shown, "outputs_digest": outputs.digest}

    @workflow.query(name="plan", description="The admitted plan: digests, people, steps")
    def query_plan(self) -> JSONObject:
        """Return the plan's head and its task graph."""
        if self.admitted is None:
            return {"status": self.status}
        shown = self.admitted.model_dump(mode="json", exclude={"schedule", "outline"})
        names = [step.id for step in self.admitted.schedule.steps]
        steps: list[JSON] = [
            {
                "id": step.id,
                "tool": step.tool or "sub-plan",
                "needs": [names[need] for need in step.needs],
                "owner": step.owner,
            }
            for step in self.admitted.schedule.steps
            if not step.dropped
        ]
        return {**shown, "compiled": self.admitted.schedule.compiled, "steps": steps}

    @workflow.query(name="explain", description="Why each step is there, and how it stands")
    def query_explain(self) -> list[JSONObject]:
        """Return a line of reasons for every step."""
        if self.admitted is None or self.driver is None:
            return []
        table = self.driver.machine.table()
        waiting = self._waiting()
        return [
            {
                "step": step.id,
                "tool": step.tool or ("" if step.dropped else "sub-plan"),
                "state": waiting.get(step.id, table[position]),
                "reason": step.reason or f"part of: {self.admitted.goal}",
                "why": _AWAY if step.dropped else self._why(step.id, table[position]),
                "policy": f"admitted under {self.admitted.revision}",
            }
            for position, step in enumerate(self.admitted.schedule.steps[: len(table)])
        ]

    def _waiting(self) -> dict[str, str]:
        """Return what each step waits for, here or in a child; a step at a gate is not running."""
        found: dict[str, str] = {}
        for wait in self.desk.waits.values() if self.desk else ():
            step = _step_of(wait.step)
            found.setdefault(step, f"waits for {_WHOM[wait.kind]} {wait.role}: {wait.reason}")
        return found

    def _why(self, step: str, state: str) -> str:
        """Return why a step ended as it did, as far as the run itself knows."""
        if state == "skipped":
            return "its `when` did not hold"
        if state == "dropped":
            return "nobody needs it any more"
        if self.cause is None:
            return ""
        if _step_of(self.cause.step) == step:
            return f"{self.cause.code}: {self.cause.reason}"
        return f"the run is undone, because of {self.cause.code}" if state == "done" else ""


def _step_of(path: str) -> str:
    """Return the step of the root plan to which a path leads; a path may name a row of items."""
    first = path.removeprefix("undo:").partition("/")[0]
    try:
        return Segment.parse(first).step
    except ValueError:
        return first.partition("[")[0]


def _scope(admitted: wire.Admitted) -> Scope:
    info = workflow.info()
    return Scope(
        root=info.first_execution_run_id,
        workflow_id=info.workflow_id,
        compiled=admitted.schedule.compiled,
        deadline_ms=admitted.deadline_ms,
        fairness=fairness_of(admitted.tenant, admitted.agent),
    )


def _carried(document: RawValue) -> Carried | None:
    """Return what an earlier run of this chain carried over.

    State supplied at a fresh start is not believed: admission finds no plan in it.
    """
    if workflow.info().continued_run_id is None:
        return None
    try:
        return Carried.model_validate_json(document.payload.data)
    except ValueError as error:
        raise ApplicationError(
            f"this run continues another, but not with our state: {error}",
            type="RUN-FORGED-STATE",
            non_retryable=True,
        ) from error


def _refuse_options() -> None:
    """Refuse start options that would end or repeat a run behind the saga's back."""
    info = workflow.info()
    wrong: Mapping[str, bool] = {
        "a retry policy": info.retry_policy is not None,
        "a cron schedule": bool(info.cron_schedule),
        "an execution timeout": bool(info.execution_timeout),
        "a run timeout": bool(info.run_timeout),
        "a parent workflow": info.parent is not None,
    }
    named = [name for name, is_set in wrong.items() if is_set]
    if named:
        raise ApplicationError(
            f"started with {', '.join(named)}; deadlines belong in the plan's constraints, and "
            "regular starts in a Temporal schedule",
            type="RUN-START-OPTIONS",
            non_retryable=True,
        )
