"""A `do` call from its names to its result: look up, resolve, check, then attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from remit.canonical import JSON, Digest, JSONObject, NotCanonicalError, canonical
from remit.enforcement import failure
from remit.enforcement.attempt import Attempts
from remit.enforcement.changed import by_hand, edited
from remit.enforcement.endings import Doubtful, NeedsApproval, Performed
from remit.enforcement.faultpoints import Point, reached
from remit.enforcement.frame import Frame
from remit.enforcement.gates import Gates
from remit.enforcement.inflowing import inflow_of
from remit.enforcement.judging import judgement_of_do
from remit.enforcement.pinned import Pinned, PinnedPlan
from remit.enforcement.reading import Reading
from remit.enforcement.sending import Send
from remit.enforcement.shown import shown
from remit.enforcement.subject import Subject
from remit.enforcement.surroundings import Surroundings
from remit.ledger.amendments import earlier
from remit.ledger.entries import Action, Admission, Record, RunRow, Situation, State
from remit.ledger.errors import LedgerError
from remit.ledger.protocol import Ledger
from remit.plan.compiled import CompiledStep
from remit.plan.expression import ExpressionError, evaluate
from remit.plan.flow import NOTHING_KNOWN, StepFlow
from remit.plan.path import Direction, StepKey
from remit.plan.template import TemplateError, resolve
from remit.plan.usage import steps_used
from remit.plan.wire import StepCall, StepResult
from remit.tool.contract import ToolContract
from remit.tool.validation import check_input

MAX_ARGUMENT_BYTES = 512 * 1024
_UNCOVERED = "no admission covers this call; it was not made"
_DRIFTED = (
    "is not the tool any more that the plan was admitted with: its contract changed or is gone; "
    "nothing was called, start the plan again"
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call whose run, plan and step the ledger knows."""

    run: RunRow
    admission: Admission
    pinned: PinnedPlan
    step: CompiledStep
    situation: Situation
    delegation: Sequence[str]
    """Agents above the plan's own."""
    flow: StepFlow = NOTHING_KNOWN


class Doing:
    """Makes `do` calls."""

    def __init__(
        self,
        ledger: Ledger,
        pinned: Pinned,
        attempts: Attempts,
        gates: Gates,
        reading: Reading,
        tools: Mapping[str, Digest],
    ) -> None:
        """Join the parts of the pipeline; `tools` are the digests of today's contracts."""
        self._ledger = ledger
        self._pinned = pinned
        self._attempts = attempts
        self._gates = gates
        self._reading = reading
        self._tools = tools

    async def run(self, call: StepCall, frame: Frame, send: Send) -> StepResult:
        """Return the step's result; raise the typed failures of `remit.enforcement.failure`."""
        admitted = await admitted_call(self._ledger, self._pinned, call, call.key)
        around = Surroundings(self._ledger, self._pinned, admitted.pinned, admitted.admission)
        reached(Point.LOOKED, call.key)
        action, gates = admitted.situation.action, admitted.situation.gates
        if action is not None and action.state is State.HAPPENED:
            return await self._again(admitted, around, action)
        if action is not None and action.state is State.IN_DOUBT:
            return StepResult(status="in_doubt", message=action.code)
        if action is not None and action.state is State.OPEN:
            return await self._recover(call, admitted, around, action, frame, send)
        scope = await around.scope(admitted.step, call.item, steps_used(admitted.step, "call"))
        if not when_holds(admitted.step.when, scope, call.key.path):
            await self._skip(call.key, admitted.step)
            return StepResult(status="skipped", message=f"when is false: {admitted.step.when}")
        require(admitted.step, scope, call.key.path)
        planned = await self._subject(call, admitted, scope, frame)
        subject = await edited(self._ledger, planned, gates)
        judge = judgement_of_do(subject, around, self._reading.back(send))
        made = await by_hand(self._ledger, subject, gates) or send
        ended = await self._attempts.perform(subject, admitted.situation, made, judge)
        return await self._result(subject, admitted, around, ended)

    async def proposed(self, call: StepCall, frame: Frame) -> Subject:
        """Return the call as it stands now, edits included, without deciding or making it."""
        admitted = await admitted_call(self._ledger, self._pinned, call, call.key)
        around = Surroundings(self._ledger, self._pinned, admitted.pinned, admitted.admission)
        scope = await around.scope(admitted.step, call.item, steps_used(admitted.step, "call"))
        planned = await self._subject(call, admitted, scope, frame)
        return await edited(self._ledger, planned, admitted.situation.gates)

    async def contract_of(self, key: StepKey) -> ToolContract | None:
        """Return the contract that a `do` call was admitted with; `None` when nobody knows."""
        admission = await self._ledger.admission(key.root, key.parent)
        if admission is None or key.direction is Direction.UNDO:
            return None
        pinned = await self._pinned.plan(admission.compiled)
        call = pinned.step(key.segment.step).call
        return await self._pinned.contract(call.contract) if call else None

    async def _recover(
        self,
        call: StepCall,
        admitted: Admitted,
        around: Surroundings,
        action: Action,
        frame: Frame,
        send: Send,
    ) -> StepResult:
        subject = await recorded_subject(self._pinned, admitted, action, frame)
        judge = judgement_of_do(subject, around, self._reading.back(send))
        told = await by_hand(self._ledger, subject, admitted.situation.gates)
        probe = told or self._reading.probe(subject, send)
        ended = await self._attempts.recover(subject, action, probe, told or send, judge)
        return await self._result(subject, admitted, around, ended)

    async def _subject(
        self, call: StepCall, admitted: Admitted, scope: JSONObject, frame: Frame
    ) -> Subject:
        pinned = admitted.step.call
        path = call.key.path
        if pinned is None or pinned.tool != frame.activity:
            raise failure.refused(
                "ACTIVITY-MISMATCH", f"{frame.activity!r} is not the tool of this step", path
            )
        if self._tools.get(pinned.tool) != pinned.contract:
            raise failure.refused("TOOL-DRIFTED", f"{pinned.tool} {_DRIFTED}", path)
        contract = await self._pinned.contract(pinned.contract)
        return Subject(
            key=call.key,
            pinned=admitted.pinned,
            step=admitted.step,
            contract=contract,
            contract_digest=pinned.contract,
            arguments=_arguments(pinned.args, scope, contract, path),
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
        around: Surroundings,
        ended: Performed | NeedsApproval | Doubtful,
    ) -> StepResult:
        match ended:
            case NeedsApproval(decided):
                return await self._gates.open(subject, admitted.situation, decided)
            case Doubtful(_, message):
                return StepResult(status="in_doubt", message=message)
            case Performed(action, output, _):
                until = await self._until(admitted.step, around, action, output)
                view = shown(output, subject.contract.data_classes)
                return happened(action, view, until)

    async def _again(self, admitted: Admitted, around: Surroundings, action: Action) -> StepResult:
        """Return what is recorded: a key that happened is neither decided nor called again."""
        if action.faulty:
            raise failure.failed(action.code, "it happened, but not as it must", action.key.path)
        is_there = action.output is not None and not action.is_withheld
        output = await self._pinned.value(action.output or "") if is_there else None
        until = await self._until(admitted.step, around, action, output)
        contract = await self._pinned.contract(action.contract)
        return happened(action, shown(output, contract.data_classes), until)

    async def _until(
        self, step: CompiledStep, around: Surroundings, action: Action, output: JSON
    ) -> bool | None:
        if step.repeat is None:
            return None
        if action.is_withheld:
            return False
        key = action.key
        scope = await around.scope(step, key.segment.item, steps_used(step, "call"))
        return _evaluated(step.repeat.until, {**scope, "output": output}, key.path)

    async def _skip(self, key: StepKey, step: CompiledStep) -> None:
        body: JSONObject = {"step_key": str(key), "when": step.when}
        await self._ledger.skip(key, [Record("decision", body)])


async def admitted_call(ledger: Ledger, pinned: Pinned, call: StepCall, key: StepKey) -> Admitted:
    """Return what the ledger knows of a call; refuse one that no admission covers."""
    situation = await ledger.look(key)
    run, admission = situation.run, situation.admission
    if run is None or admission is None:
        raise failure.refused("ADMISSION-ABSENT", _UNCOVERED, key.path)
    if admission.compiled != call.compiled:
        await require_earlier(ledger, pinned, admission, call.compiled, key)
    plan = await pinned.plan(call.compiled)
    try:
        step = plan.step(call.step)
    except LedgerError as error:
        raise failure.refused(error.code, str(error), key.path) from error
    if plan.plan.amends is not None and plan.generation(call.step) != call.generation:
        raise failure.refused("STEP-SUPERSEDED", f"an amendment replaced {call.step!r}", key.path)
    above = await pinned.agents_above(key.root, key.parent)
    flow = await pinned.flow(plan, key.root, key.parent)
    return Admitted(run, admission, plan, step, situation, above, flow.steps[call.step])


async def require_earlier(
    ledger: Ledger, pinned: Pinned, now: Admission, compiled: Digest, key: StepKey
) -> None:
    """Refuse a call under a plan not in force, unless an amendment left its step as it was."""
    if await ledger.admission(now.root, earlier(now.path, compiled)) is None:
        raise failure.refused("ADMISSION-ABSENT", _UNCOVERED, key.path)
    plan = await pinned.plan(now.compiled)
    step, generation = key.segment.step, key.segment.generation
    if step not in plan.steps or plan.generation(step) != generation:
        raise failure.refused("STEP-SUPERSEDED", f"an amendment replaced {step!r}", key.path)


def _arguments(
    template: JSONObject, scope: JSONObject, contract: ToolContract, path: str
) -> JSONObject:
    """Return what the tool would be given, or refuse what it does not take."""
    try:
        arguments = resolve(template, scope)
        size = len(canonical(arguments))
    except TemplateError as error:
        raise failure.refused("REFERENCE-ABSENT", str(error), path) from error
    except NotCanonicalError as error:
        raise failure.refused("ARGUMENTS-NOT-JSON", str(error), path) from error
    if size > MAX_ARGUMENT_BYTES or not isinstance(arguments, dict):
        raise failure.refused("ARGUMENTS-TOO-LARGE", f"{size} bytes of arguments", path)
    findings = check_input(contract, arguments)
    if findings:
        first = findings[0]
        raise failure.refused(
            "ARGUMENTS-SCHEMA",
            f"{contract.ref} {contract.version} does not take this at "
            f"{first.path or '/'}: {first.message}; nothing was called",
            path,
        )
    return arguments


async def recorded_subject(
    pinned: Pinned, admitted: Admitted, action: Action, frame: Frame
) -> Subject:
    """Return the subject of an open intent, from what was recorded then."""
    arguments = await pinned.value(action.arguments)
    return Subject(
        key=action.key,
        pinned=admitted.pinned,
        step=admitted.step,
        contract=await pinned.contract(action.contract),
        contract_digest=action.contract,
        arguments=arguments if isinstance(arguments, dict) else {},
        run=admitted.run,
        admission=admitted.admission,
        frame=replace(frame, activity=action.tool),
        delegation=admitted.delegation,
        inflow=await inflow_of(pinned, admitted.situation, admitted.flow, action.key),
    )


def happened(action: Action, view: JSON, until: bool | None = None) -> StepResult:
    """Return the result of a call that happened."""
    return StepResult(
        status="happened",
        decision_id=action.decision_id,
        revision=action.revision,
        proposed_digest=action.proposed_digest,
        enforced_digest=action.enforced_digest,
        output_digest=action.output or "",
        shown=view,
        until=until,
    )


def require(step: CompiledStep, scope: JSONObject, path: str) -> None:
    """Refuse a step of which a precondition does not hold."""
    for expression in step.require:
        if not _evaluated(expression, scope, path):
            raise failure.refused(
                "REQUIRE-FALSE",
                f"precondition {expression} does not hold; nothing was called",
                path,
            )


def when_holds(expression: str | None, scope: JSONObject, path: str) -> bool:
    """Return whether a step is to be done at all."""
    return expression is None or _evaluated(expression, scope, path)


def _evaluated(expression: str, scope: JSONObject, path: str) -> bool:
    try:
        return evaluate(expression, scope)
    except ExpressionError as error:
        raise failure.refused("EXPRESSION-ERROR", f"{expression}: {error}", path) from error
