"""Plays a plan without calling anything: the pure machine, every call answered as a success.

Shows the order in which steps would run and what policy says of each. A refused step is played as
if it had been allowed, so that one look shows all refusals. Fallbacks, which no success needs, are
asked about at the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remit.canonical import JSONObject
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.rehearsal.asking import ROOT, Answer, Asking
from remit.enforcement.rehearsal.known import Known, fill, holds, items_of, known_inputs
from remit.enforcement.rehearsal.trying import tried
from remit.enforcement.subject import Subject
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.event import (
    Call,
    Command,
    Delay,
    Delayed,
    Done,
    Event,
    Expand,
    Expanded,
    Ref,
    Skipped,
    StartChild,
)
from remit.plan.flow import Entry, Flows, PlanFlow
from remit.plan.machine import machine_for
from remit.plan.path import Direction, Segment, StepKey
from remit.plan.scheduling import schedule_of
from remit.tool.contract import ToolContract

MOST_ITEMS = 5
"""Items of a `for_each` that are asked about; the others are like them."""


_NOTHING = Known({}, ())
_BEGINNING = Entry()


@dataclass(frozen=True, slots=True)
class Scene:
    """One call, sub-plan or skipped step."""

    turn: str
    """Scenes of one turn run side by side; `2.1` is the first of a sub-plan in turn 2. Empty for
    what runs only if something else fails."""
    path: str
    tool: str
    """The tool, or `plan NAME@VERSION`."""
    answer: Answer | None
    """What policy says; `None` for a skipped step."""
    arguments: Known = _NOTHING
    undo: str = ""
    """The compensating tool."""
    undo_answer: Answer | None = None
    notes: Sequence[str] = ()
    """What was assumed, and what would stop it."""
    irreversible: bool = False
    unknown_facts: Sequence[str] = ()
    """Facts of the action, besides its arguments, that only the run can tell."""
    falls_back: bool = False
    """Whether another step stands in when this one is refused."""


@dataclass(frozen=True, slots=True)
class Part:
    """A plan or sub-plan at a place of the run."""

    pinned: PinnedPlan
    path: str
    inputs: JSONObject
    """Those that are known."""
    flow: PlanFlow

    @property
    def plan(self) -> CompiledPlan:
        """The compiled plan."""
        return self.pinned.plan

    def key(self, step: CompiledStep, ref: Ref) -> StepKey:
        """Return the step key of a call."""
        return StepKey(ROOT, self.path, Segment(step.id, ref.item, ref.iteration, ref.generation))


class Stage:
    """Plays plans and collects scenes."""

    def __init__(self, asking: Asking, flows: Flows) -> None:
        """Ask through `asking`; `flows` knows the contracts and sub-plans."""
        self.scenes: list[Scene] = []
        self._asking = asking
        self._flows = flows
        self._contracts = flows.contracts
        self._parts = flows.parts

    async def play(
        self,
        pinned: PinnedPlan,
        inputs: JSONObject,
        path: str = "",
        within: str = "",
        entry: Entry = _BEGINNING,
    ) -> None:
        """Play a plan from its beginning to its end.

        Args:
            pinned: the compiled plan or sub-plan.
            inputs: those of its inputs that are known.
            path: where a sub-plan stands in the run.
            within: the turn that a sub-plan takes, and a dot.
            entry: what a sub-plan begins with.
        """
        part = Part(pinned, path, inputs, self._flows.of(pinned.plan, entry))
        machine = machine_for(schedule_of(pinned.plan, self._contracts, pinned.digest))
        commands = machine.start()
        seen: set[int] = set()
        number = 0
        while commands:
            number += 1
            turn = f"{within}{number}"
            events = [event for each in commands for event in await self._perform(part, each, turn)]
            seen |= {each.ref.step for each in commands if isinstance(each, Call | StartChild)}
            commands = [command for event in events for command in machine.apply(event)]
        for position, step in enumerate(pinned.plan.steps):
            if position not in seen and step.fallback_for:
                await self._stand_in(part, step)

    async def _perform(self, part: Part, command: Command, turn: str) -> list[Event]:
        """Act on one command of the machine and return how it went: well."""
        match command:
            case Call(ref):
                return [await self._call(part, part.plan.steps[ref.step], ref, turn)]
            case StartChild(ref, kind, first, count):
                return [await self._child(part, ref, kind, range(first, first + count), turn)]
            case Expand(step):
                items = items_of(part.plan.steps[step], self._scope(part))
                return [Expanded(step, 1 if items is None else len(items))]
            case Delay(ref):
                return [Delayed(ref)]
        return []

    async def _child(self, part: Part, ref: Ref, kind: str, items: range, turn: str) -> Event:
        step = part.plan.steps[ref.step]
        if kind == "plan":
            return await self._sub_plan(part, step, ref, turn)
        if kind == "long":
            return await self._call(part, step, ref, turn)
        for item in items:
            await self._call(part, step, Ref(ref.step, item), turn)
        return Done(ref)

    async def _sub_plan(self, part: Part, step: CompiledStep, ref: Ref, turn: str) -> Event:
        scope = self._scope(part, step, ref.item)
        path = part.key(step, ref).path
        sub = self._parts[step.plan or ""]
        if step.when is not None and holds(step.when, scope) is False:
            self.scenes.append(Scene(turn, path, _name(sub), None, notes=_skipped(step)))
            return Skipped(ref)
        inputs = {**sub.inputs, **known_inputs(step.args, scope)}
        told = PinnedPlan.of(step.plan or "", sub.model_copy(update={"inputs": inputs}))
        entry = part.flow.steps[step.id].entry
        answer = await self._asking.admission(told, entry, path)
        notes = tuple(_conditions(step, scope))
        self.scenes.append(
            Scene(
                turn,
                path,
                _name(sub),
                answer,
                fill(step.args, scope),
                notes=notes,
                falls_back=step.on_denied is not None,
            )
        )
        await self.play(told, inputs, path, f"{turn or '-'}.", entry)
        return Done(ref)

    async def _call(self, part: Part, step: CompiledStep, ref: Ref, turn: str) -> Event:
        until = True if step.repeat is not None else None
        if (ref.item or 0) >= MOST_ITEMS or step.call is None:
            return Done(ref, until)
        scope = self._scope(part, step, ref.item)
        key = part.key(step, ref)
        if step.when is not None and holds(step.when, scope) is False:
            scene = Scene(turn, key.path, step.call.tool, None, notes=_skipped(step))
            self.scenes.append(scene)
            return Skipped(ref)
        contract = self._contracts[step.call.contract]
        filled = fill(step.call.args, scope)
        flow = part.flow.steps[step.id]

        def about(arguments: JSONObject) -> Subject:
            return self._asking.subject(part.pinned, step, contract, key, arguments, flow.inflow)

        found = await tried(lambda other: self._asking.call(about(other)), contract, filled)
        subject = about(filled.value)
        notes = [*_conditions(step, scope), *self._assumptions(part, step, subject.cost.micros)]
        if found.hinges:
            notes.append(f"other values would be refused: {', '.join(found.met)}")
        undone = await self._undo(part, step, key, filled)
        self._asking.count(subject)
        self.scenes.append(
            Scene(
                turn,
                key.path,
                step.call.tool,
                found.answer,
                filled,
                undo=step.undo.tool if step.undo else "",
                undo_answer=undone,
                notes=notes,
                irreversible=step.irreversible or contract.irreversible,
                unknown_facts=_unknown_facts(contract, filled),
                falls_back=step.on_denied is not None,
            )
        )
        return Done(ref, until)

    async def _undo(
        self, part: Part, step: CompiledStep, key: StepKey, filled: Known
    ) -> Answer | None:
        if step.undo is None:
            return None
        scope: JSONObject = {**self._scope(part, step, key.segment.item), "args": filled.value}
        arguments = fill(step.undo.args, scope).value
        flow = part.flow.steps[step.id]
        contract = self._contracts[step.undo.contract]
        back = StepKey(key.root, key.parent, key.segment, Direction.UNDO)
        return await self._asking.call(
            self._asking.subject(part.pinned, step, contract, back, arguments, flow.outflow)
        )

    async def _stand_in(self, part: Part, step: CompiledStep) -> None:
        ref = Ref(part.plan.steps.index(step))
        if step.plan is not None:
            await self._sub_plan(part, step, ref, "")
        else:
            await self._call(part, step, ref, "")

    def _scope(
        self, part: Part, step: CompiledStep | None = None, item: int | None = None
    ) -> JSONObject:
        """Return what is known where a call of `step` stands."""
        scope: JSONObject = {"inputs": part.inputs, "steps": {}}
        if step is None or step.for_each is None or item is None:
            return scope
        items = items_of(step, scope)
        if items is not None and item < len(items):
            scope[step.for_each.var] = items[item]
        return scope

    def _assumptions(self, part: Part, step: CompiledStep, micros: int) -> Iterator[str]:
        if micros < 0:
            yield "its cost is unknown before the run: taken for all that the plan may still spend"
        if step.for_each is None:
            return
        items = items_of(step, self._scope(part))
        if items is None:
            yield "how many items there are is unknown before the run: taken for one"
        elif len(items) > MOST_ITEMS:
            yield f"asked about the first {MOST_ITEMS} of {len(items)} items"


def _conditions(step: CompiledStep, scope: JSONObject) -> Iterator[str]:
    """Yield what must hold for the call to be made, as far as that can be told."""
    if step.when is not None and holds(step.when, scope) is None:
        yield f"only when {step.when}: unknown before the run"
    for expression in step.require:
        known = holds(expression, scope)
        if known is False:
            yield f"would be refused: {expression} does not hold"
        elif known is None:
            yield f"requires {expression}: unknown before the run"
    if step.on_denied is not None:
        yield f"{step.on_denied} stands in when this is refused"
    for step_id in step.fallback_for:
        yield f"only if {step_id} is refused or fails"


def _unknown_facts(contract: ToolContract, filled: Known) -> Sequence[str]:
    read_from: dict[str, Sequence[str | None]] = {
        "cost.micros": [contract.cost.micros_argument],
        "cost.currency": [contract.cost.currency_argument],
        "resource": contract.resource,
    }
    return [fact for fact, places in read_from.items() if {*places} & {*filled.unknown}]


def _skipped(step: CompiledStep) -> tuple[str, ...]:
    return (f"skipped: {step.when} does not hold",)


def _name(plan: CompiledPlan) -> str:
    return f"plan {plan.name}@{plan.version}"
