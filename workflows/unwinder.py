"""Undoes what happened, from the ledger alone (design.md §2, §7).

`remit.settle` resolves what is open and returns finished writes in batches; the pure `Unwinding`
orders them. An undo that is refused or fails parks the run in `needs_repair` until a person settles
it; undos that do not depend on it go on. Nothing here can be cancelled.
"""

import asyncio
from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError

with workflow.unsafe.imports_passed_through():
    from remit.plan import wire
    from remit.plan.compiled import Limits
    from remit.plan.event import Cause
    from remit.plan.path import Direction
    from remit.saga.unwinding import Unwinding
    from workflows.answers import failure_of
    from workflows.desk import Desk
    from workflows.options import system_options, undo_options
    from workflows.scope import Part, PartEnd, Scope, Wait
    from workflows.waits import doubt_wait, repair_wait

UNWIND = "UnwindPart"
UNREPAIRED = "UNDO-FAILED"
"""Residue that a person has not settled yet."""
_PARALLEL = 20
_ASK_AGAIN_S = 60


class Unwinder:
    """Unwinds the part of a run below `scope.parent`."""

    def __init__(self, scope: Scope, limits: Limits, desk: Desk, show: Callable[[], None]) -> None:
        """Ask people through `desk`; call `show` when the picture changed."""
        self.residue: list[wire.Residue] = []
        self.undone = 0
        self._scope = scope
        self._limits = limits
        self._desk = desk
        self._show = show

    async def unwind(self) -> bool:
        """Undo everything; return `False` when the run should continue as new first."""
        while True:
            settled = await self._settle("")
            self.undone = settled.undone
            unrepaired = [left for left in settled.residue if left.code == UNREPAIRED]
            if settled.undos:
                await self._run_batch(settled)
            elif unrepaired:
                await self._park(unrepaired)
            else:
                self.residue = settled.residue
                return True
            if workflow.info().is_continue_as_new_suggested():
                return False

    async def undo_step(self, step: str) -> Cause | None:
        """Undo one step of this path; return what is left of it, if anything is."""
        while True:
            settled = await self._settle(step)
            if not settled.undos:
                break
            await self._run_batch(settled)
        if not settled.residue:
            return None
        left = settled.residue[0]
        return Cause(left.code, f"{left.path} could not be undone: {left.reason}", left.path)

    async def _settle(self, step: str) -> wire.Settled:
        ask = wire.Settle(
            root=self._scope.root,
            compiled=self._scope.compiled,
            parent=self._scope.parent,
            step=step,
            limit=self._limits.undo_batch,
        )
        while True:
            settled = await self._ask_ledger(ask)
            if settled.wait_ms:
                await workflow.sleep(settled.wait_ms / 1000, summary="a lease still runs")
            elif settled.unresolved:
                await asyncio.gather(*(self._resolve(call) for call in settled.unresolved))
            elif settled.doubts and not settled.undos:
                await self._ask_about(settled.doubts)
            else:
                return settled

    async def _ask_ledger(self, ask: wire.Settle) -> wire.Settled:
        """A refused settling is asked again for as long as it is refused: nothing else can undo."""
        while True:
            try:
                settled: wire.Settled = await workflow.execute_activity(
                    wire.SETTLE,
                    ask,
                    result_type=wire.Settled,
                    summary=f"what is to be undone {ask.step}".strip(),
                    **system_options(),
                )
            except ActivityError as error:
                failure = failure_of(error)
                self._desk.begin_wait(
                    Wait(
                        id="settle",
                        kind="repair",
                        step=ask.parent or "run",
                        role="operator",
                        reason=f"{failure.code}: {failure.message}; asked again every minute",
                    )
                )
                self._show()
                await workflow.sleep(_ASK_AGAIN_S, summary="settling was refused")
            else:
                self._desk.end_wait("settle")
                return settled

    async def _resolve(self, call: wire.Undo) -> None:
        """Make an open call again under its own key; the ledger learns how it ended."""
        try:
            await self._compensate(call)
        except ActivityError as error:
            workflow.logger.info("resolved", extra={"path": call.path, "end": str(error.cause)})

    async def _ask_about(self, doubts: list[str]) -> None:
        for path in doubts:
            reason = "nobody can tell whether it happened; it is not undone before you say"
            self._desk.begin_wait(doubt_wait(self._scope, path, reason))
        self._show()
        await workflow.wait_condition(lambda: any(path not in self._desk.waits for path in doubts))
        self._show()

    async def _run_batch(self, settled: wire.Settled) -> None:
        undos = settled.undos
        unwinding = Unwinding(undos, min(_PARALLEL, self._limits.parallel))
        ended: list[tuple[int, wire.Residue | None]] = []
        running: dict[int, asyncio.Task[None]] = {}

        async def run(position: int) -> None:
            residue = await self._undo(undos[position])
            ended.append((position, residue))

        def begin(positions: list[int]) -> None:
            for position in positions:
                running[position] = asyncio.create_task(run(position))

        begin(unwinding.start())
        while running:
            await workflow.wait_condition(lambda: bool(ended))
            position, residue = ended.pop(0)
            running.pop(position)
            if residue is None:
                begin(unwinding.done(position))
            else:
                begin(unwinding.failed(position, residue))
        if unwinding.residue:
            await self._park(unwinding.residue)

    async def _undo(self, undo: wire.Undo) -> wire.Residue | None:
        try:
            if undo.tool:
                await self._compensate(undo)
                return None
            await self._unwind_part(undo)
            return None
        except (ActivityError, ChildWorkflowError) as error:
            failure = failure_of(error)
            return wire.Residue(
                path=undo.path,
                tool=undo.tool,
                code=failure.code,
                reason=failure.message,
                owner=undo.owner,
            )

    async def _compensate(self, undo: wire.Undo) -> None:
        call = wire.StepCall(
            root=self._scope.root,
            compiled=undo.compiled,
            parent=undo.parent,
            step=undo.step,
            item=undo.item,
            iteration=undo.iteration,
            generation=undo.generation,
            direction=undo.direction,
            tool=undo.tool,
        )
        options = undo_options(self._limits, undo.timeout_s, undo.heartbeat_s)
        verb = "undo" if undo.direction is Direction.UNDO else "resolve"
        while True:
            result: wire.StepResult = await workflow.execute_activity(
                undo.tool,
                call,
                result_type=wire.StepResult,
                activity_id=f"{verb}:{undo.path}",
                task_queue=undo.queue,
                summary=f"{verb} {undo.path}",
                priority=self._scope.priority,
                **options,
            )
            if result.status in ("happened", "skipped"):
                self.undone += undo.direction is Direction.UNDO
                return
            if undo.direction is Direction.DO:
                return  # in doubt: the next settling asks about it
            await self._ask_about_undo(undo, result)

    async def _ask_about_undo(self, undo: wire.Undo, result: wire.StepResult) -> None:
        wait = doubt_wait(self._scope, f"undo:{undo.path}", result.message or "undo in doubt")
        wait_id = result.gate.id if result.gate is not None else wait.id
        if result.gate is not None:
            self._desk.open_gate(result.gate, None)
        else:
            self._desk.begin_wait(wait)
        self._show()
        await workflow.wait_condition(lambda: wait_id not in self._desk.waits)
        self._show()

    async def _unwind_part(self, undo: wire.Undo) -> None:
        """Undo a sub-plan; what it could not undo stands in the ledger, and the next settling
        tells of it."""
        ask = wire.AdmitPart(
            root=self._scope.root,
            compiled=undo.compiled,
            parent=undo.parent,
            step=undo.step,
            kind="unwind",
            item=undo.item,
            iteration=undo.iteration,
            generation=undo.generation,
        )
        await workflow.execute_child_workflow(
            UNWIND,
            Part(ask=ask, workflow_id=self._scope.workflow_id),
            result_type=PartEnd,
            id=f"{workflow.info().workflow_id}/undo:{undo.path}",
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"undo {undo.path}",
            priority=self._scope.priority,
        )
        self.undone += 1

    async def _park(self, residue: list[wire.Residue]) -> None:
        for left in residue:
            self._desk.begin_wait(repair_wait(self._scope, left))
        self._show()
        await workflow.wait_condition(
            lambda: any(left.path not in self._desk.waits for left in residue)
        )
        self._show()
