"""Settling: what is open is resolved, what happened is returned for undoing, people's answers kept.

The undo list comes from the ledger alone. Settling fences the path first, so that no late worker
can begin a call behind the list.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from temporalio import activity

from activities.ordering import Ordering, read_order
from activities.planning import ROLE
from remit.canonical import JSONObject
from remit.enforcement.doing import Admitted, recorded_subject
from remit.enforcement.faultpoints import Point, reached
from remit.enforcement.frame import Frame
from remit.enforcement.judging import frozen_undo
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.surroundings import Surroundings
from remit.ledger.entries import Action, Content, FrozenUndo, State
from remit.ledger.errors import LedgerError
from remit.ledger.rules import REPAIRS
from remit.plan.deskwire import Answered, DoubtAnswer, RepairOrder
from remit.plan.path import Direction, StepKey
from remit.plan.wire import REPAIR, RESOLVE_DOUBT, SETTLE, Residue, Settle, Settled, Undo
from remit.saga.order import undo_batch


class Settlement:
    """The activities of unwinding."""

    def __init__(self, point: EnforcementPoint, clock: Callable[[], int]) -> None:
        """Read and write the point's ledger."""
        self._point = point
        self._clock = clock
        self._ordering = Ordering(point)

    @activity.defn(name=SETTLE)
    async def settle(self, ask: Settle) -> Settled:
        """Return what is still to be resolved and undone below a path."""
        ledger = self._point.ledger
        admission = await ledger.admission(ask.root, ask.parent)
        if admission is None:
            return Settled(undos=[], residue=[], doubts=[], undone=0, more=False)
        await ledger.fence(ask.root, ask.parent, ask.step)
        reached(Point.FENCED, f"{ask.root}:{ask.parent}:undo")
        actions = await ledger.begun(ask.root, ask.parent, ask.step)
        here = [action for action in actions if action.key.parent == ask.parent]
        still_open = [action for action in here if action.state is State.OPEN]
        wait_ms = max((a.lease_until_ms - self._clock() for a in still_open), default=0)
        pinned = await self._point.pinned.plan(admission.compiled)
        done = {one.key.path: one for one in actions if one.key.direction is Direction.DO}
        frozen = {path: one.undo for path, one in done.items() if one.undo is not None}
        batch = undo_batch(pinned.plan, ask.parent, actions, limit=ask.limit)
        undos = [await self._placed(undo, frozen) for undo in batch.undos]
        reached(Point.LISTED, f"{ask.root}:{ask.parent}:undo")
        return Settled(
            unresolved=[await self._unresolved(action) for action in still_open],
            undos=undos,
            residue=[await self._owned(left, ask, done[left.path]) for left in batch.residue],
            doubts=batch.doubts,
            undone=batch.undone,
            more=batch.more,
            wait_ms=max(wait_ms, 0),
        )

    async def _owned(self, left: Residue, ask: Settle, done: Action) -> Residue:
        """Name who looks after what stands inside a sub-plan: that one's owner, who was asked."""
        if done.key.parent == ask.parent:
            return left
        pinned = await self._point.pinned.plan(done.compiled)
        owner = pinned.step(done.key.segment.step).owner or pinned.plan.owner
        return left.model_copy(update={"owner": owner})

    async def _unresolved(self, action: Action) -> Undo:
        contract = await self._point.pinned.contract(action.contract)
        segment = action.key.segment
        return Undo(
            path=action.key.path,
            step=segment.step,
            tool=action.tool,
            compiled=action.compiled,
            parent=action.key.parent,
            item=segment.item,
            iteration=segment.iteration,
            generation=segment.generation,
            direction=action.key.direction,
            queue=contract.task_queue,
            timeout_s=contract.timeout_s + contract.seen_within_s,
            heartbeat_s=contract.heartbeat_s,
        )

    async def _placed(self, undo: Undo, frozen: Mapping[str, FrozenUndo]) -> Undo:
        """Say where and how long the compensating tool runs: its contract was frozen too."""
        call = frozen.get(undo.path)
        if call is None or not undo.tool:
            return undo
        contract = await self._point.pinned.contract(call.contract)
        return undo.model_copy(
            update={
                "queue": contract.task_queue,
                "timeout_s": contract.timeout_s,
                "heartbeat_s": contract.heartbeat_s,
            }
        )

    @activity.defn(name=RESOLVE_DOUBT)
    async def resolve_doubt(self, ask: DoubtAnswer) -> Answered:
        """Record a person's answer about a call in doubt."""
        fields = read_order(ask.message, {"step": str, "happened": bool, "by": str})
        if isinstance(fields, Answered):
            return fields
        try:
            key = _key(ask.root, str(fields["step"]))
            refused = await self._ordering.refusal(ask.root, ask.message, fields, key.path)
            if refused is not None:
                return refused
            fields = _with_output(fields)
            undo, contents = await self._undo_of(key, fields)
            await self._point.ledger.resolve(key, bool(fields["happened"]), fields, undo, contents)
        except (LedgerError, ValueError) as error:
            code = error.code if isinstance(error, LedgerError) else "STEP-PATH"
            return Answered(taken=False, code=code, reason=str(error))
        return Answered(taken=True, path=str(fields["step"]))

    async def _undo_of(
        self, key: StepKey, fields: JSONObject
    ) -> tuple[FrozenUndo | None, tuple[Content, ...]]:
        output = fields.get("output")
        situation = await self._point.ledger.look(key)
        action, admission, run = situation.action, situation.admission, situation.run
        if key.direction is Direction.UNDO or not fields["happened"] or action is None:
            return None, ()
        if admission is None or run is None:
            return None, ()
        pinned = await self._point.pinned.plan(action.compiled)
        step = pinned.step(key.segment.step)
        # Nothing is decided about it here, so nobody asks who handed it down.
        admitted = Admitted(run, admission, pinned, step, situation, delegation=())
        frame = Frame.of(activity.info(), ROLE)
        subject = await recorded_subject(self._point.pinned, admitted, action, frame)
        around = Surroundings(self._point.ledger, self._point.pinned, pinned, admission)
        return await frozen_undo(subject, around, output, subject.arguments)

    @activity.defn(name=REPAIR)
    async def repair(self, ask: RepairOrder) -> Answered:
        """Record how a person settles an undo that was refused or failed."""
        fields = read_order(ask.message, {"step": str, "do": str, "reason": str, "by": str})
        if isinstance(fields, Answered):
            return fields
        order = str(fields["do"])
        if order not in REPAIRS:
            reason = f"`do` is one of {', '.join(REPAIRS)}, not {order!r}"
            return Answered(taken=False, code="REPAIR-UNKNOWN", reason=reason)
        path = str(fields["step"]).removeprefix("undo:")
        try:
            key = replace(_key(ask.root, path), direction=Direction.UNDO)
            refused = await self._ordering.refusal(ask.root, ask.message, fields, key.path)
            if refused is not None:
                return refused
            await self._point.ledger.repair(key, order, fields)
        except (LedgerError, ValueError) as error:
            if isinstance(error, LedgerError) and error.code == "STEP-HAPPENED":
                # It was undone meanwhile, or with an answer that nobody could read: whoever waits
                # for the order looks again and finds nothing left to do.
                return Answered(taken=True, path=path, code=error.code, reason=str(error))
            code = error.code if isinstance(error, LedgerError) else "STEP-PATH"
            return Answered(taken=False, code=code, reason=str(error))
        return Answered(taken=True, path=path)


def _key(root: str, step: str) -> StepKey:
    path = step.removeprefix("undo:")
    direction = Direction.UNDO if step.startswith("undo:") else Direction.DO
    return StepKey.parse(f"{root}:{path}:{direction.value}")


def _with_output(fields: JSONObject) -> JSONObject:
    """Put the output that a person saw, if the evidence tells it, where the ledger takes it."""
    evidence = fields.get("evidence")
    if "output" not in fields and isinstance(evidence, dict) and "output" in evidence:
        return {**fields, "output": evidence["output"]}
    return fields
