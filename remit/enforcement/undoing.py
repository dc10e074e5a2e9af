"""An undo, from the ledger alone: arguments and contract were frozen with the outcome."""

from dataclasses import replace

from remit.enforcement import failure
from remit.enforcement.attempt import Attempts
from remit.enforcement.doing import Admitted, admitted_call, happened, recorded_subject
from remit.enforcement.endings import Doubtful, NeedsApproval, Performed
from remit.enforcement.faultpoints import Point, reached
from remit.enforcement.frame import Frame
from remit.enforcement.gates import Gates
from remit.enforcement.inflowing import inflow_of
from remit.enforcement.judging import judgement_of_undo
from remit.enforcement.pinned import Pinned
from remit.enforcement.reading import Reading
from remit.enforcement.sending import Send
from remit.enforcement.shown import shown
from remit.enforcement.subject import Subject
from remit.ledger.entries import Action, FrozenUndo, State
from remit.ledger.protocol import Ledger
from remit.plan.path import Direction, StepKey
from remit.plan.wire import StepCall, StepResult


class Undoing:
    """Makes undo calls."""

    def __init__(
        self, ledger: Ledger, pinned: Pinned, attempts: Attempts, gates: Gates, reading: Reading
    ) -> None:
        """Join the parts of the pipeline."""
        self._ledger = ledger
        self._pinned = pinned
        self._attempts = attempts
        self._gates = gates
        self._reading = reading

    async def run(self, call: StepCall, frame: Frame, send: Send) -> StepResult:
        """Return the undo's result; raise the typed failures of `remit.enforcement.failure`."""
        do_key = replace(call.key, direction=Direction.DO)
        done = await admitted_call(self._ledger, self._pinned, call, do_key)
        undo = _frozen(done.situation.action, frame, do_key)
        admitted = replace(done, situation=await self._ledger.look(call.key))
        reached(Point.LOOKED, call.key)
        action = admitted.situation.action
        if action is not None and action.state is State.HAPPENED:
            return happened(action, None)
        if action is not None and action.state is State.IN_DOUBT:
            return StepResult(status="in_doubt", message=action.code)
        if action is not None and action.state is State.OPEN:
            subject = await recorded_subject(self._pinned, admitted, action, frame)
            probe = self._reading.probe(subject, send)
            judge = judgement_of_undo(subject)
            ended = await self._attempts.recover(subject, action, probe, send, judge)
            return await self._result(subject, admitted, ended)
        subject = await self._subject(call, admitted, undo, frame)
        judge = judgement_of_undo(subject)
        performed = await self._attempts.perform(subject, admitted.situation, send, judge)
        return await self._result(subject, admitted, performed)

    async def _subject(
        self, call: StepCall, admitted: Admitted, undo: FrozenUndo, frame: Frame
    ) -> Subject:
        arguments = await self._pinned.value(undo.arguments) if undo.arguments else None
        if not isinstance(arguments, dict):
            raise failure.refused("UNDO-NO-ARGUMENTS", "nothing to undo it with", call.key.path)
        return Subject(
            key=call.key,
            pinned=admitted.pinned,
            step=admitted.step,
            contract=await self._pinned.contract(undo.contract),
            contract_digest=undo.contract,
            arguments=arguments,
            run=admitted.run,
            admission=admitted.admission,
            frame=frame,
            delegation=admitted.delegation,
            inflow=await inflow_of(self._pinned, admitted.situation, admitted.flow, call.key),
        )

    async def _result(
        self,
        subject: Subject,
        admitted: Admitted,
        ended: Performed | NeedsApproval | Doubtful,
    ) -> StepResult:
        match ended:
            case NeedsApproval(decided):
                return await self._gates.open(subject, admitted.situation, decided)
            case Doubtful(_, message):
                return StepResult(status="in_doubt", message=message)
            case Performed(action, output, _):
                return happened(action, shown(output, subject.contract.data_classes))


def _frozen(done: Action | None, frame: Frame, key: StepKey) -> FrozenUndo:
    if done is None or done.state is not State.HAPPENED:
        state = done.state.value if done else "not begun"
        raise failure.refused("UNDO-NOT-DONE", f"there is nothing to undo: {state}", key.path)
    if done.undo is None or done.undo.tool != frame.activity:
        raise failure.refused(
            "ACTIVITY-MISMATCH", f"{frame.activity!r} does not undo this step", key.path
        )
    return done.undo
