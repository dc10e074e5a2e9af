"""What surely happens before and may happen behind each step, and which data flows into it.

Read from the compiled plan alone, before any of it runs, so everything errs to one side: a tool
counts as called before a step only when that is certain; a class of data counts as flowing into it
when any reference leads there, through however many steps, loops, fallbacks and sub-plans.
Conditions (`when`, `require`) move no data. Sets are bit masks, so that thousands of steps stay
quick.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from remit.canonical import JSON, Digest
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.declared import Declared
from remit.plan.graph import Node, in_order, positions
from remit.plan.template import TemplateError, references, resolve
from remit.tool.contract import ToolContract


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of the place where a plan begins."""

    classes: frozenset[str] = frozenset()
    """Classes of the data that its callers give it, besides what its schema declares."""
    tools: frozenset[str] = frozenset()
    """Tools that were called before, whatever happened."""
    may_fail_behind: bool = False
    """Whether a step that can fail the run may still be to come when the plan is done."""

    def merged(self, other: "Entry") -> "Entry":
        """Return what holds at both places."""
        return Entry(
            self.classes | other.classes,
            self.tools & other.tools,
            self.may_fail_behind or other.may_fail_behind,
        )


@dataclass(frozen=True, slots=True)
class Sources:
    """The steps of a plan whose outputs flow into a step, through however many others."""

    mask: int = 0
    places: Mapping[str, int] = field(default_factory=dict)
    """Bits of the plan's steps."""
    has_inputs: bool = False
    """Whether inputs of the plan flow in too."""

    def __contains__(self, step: str) -> bool:
        """Whether a step is one of them."""
        return step in self.places and bool(self.mask >> self.places[step] & 1)

    def plus(self, step: str) -> "Sources":
        """Return the sources of whoever takes in what `step` gives out."""
        own = 1 << self.places[step] if step in self.places else 0
        return replace(self, mask=self.mask | own)


@dataclass(frozen=True, slots=True)
class StepFlow:
    """What is known of one step."""

    inflow: Sequence[str]
    """Classes of the data that its arguments may hold; sorted."""
    outflow: Sequence[str]
    """Classes of the data that its output may hold; sorted."""
    tools_before: Sequence[str]
    """Tools that are certainly called before it begins; sorted."""
    may_fail_behind: bool
    """Whether a step that can fail the run may still be to come when this one is done."""
    sources: Sources = field(default_factory=Sources, compare=False)

    @property
    def entry(self) -> Entry:
        """What a sub-plan that stands here begins with."""
        return Entry(frozenset(self.inflow), frozenset(self.tools_before), self.may_fail_behind)


NOTHING_KNOWN = StepFlow((), (), (), may_fail_behind=True)
"""For whoever does not ask policy."""


@dataclass(frozen=True, slots=True)
class PlanFlow:
    """What is known of a plan."""

    steps: Mapping[str, StepFlow]
    """By step id."""
    outflow: frozenset[str]
    """Classes of the data that its outputs may hold."""
    tools: frozenset[str]
    """Tools that it certainly calls before it is done."""


class Flows:
    """Looks at plans that share contracts and sub-plans; what was found is kept."""

    def __init__(
        self, contracts: Mapping[Digest, ToolContract], parts: Mapping[Digest, CompiledPlan]
    ) -> None:
        """Look up what the plans call in `contracts` and `parts`, nested ones included."""
        self.contracts = contracts
        self.parts = parts
        self._parts: dict[tuple[Digest, frozenset[str]], PlanFlow] = {}

    def of(self, plan: CompiledPlan, entry: Entry) -> PlanFlow:
        """Return what is known of `plan` where it begins with `entry`."""
        return _Looking(plan, self, entry).found()

    def of_part(self, name: Digest, classes: frozenset[str]) -> PlanFlow:
        """Return what is known of a sub-plan by itself when its inputs hold `classes`."""
        key = (name, classes)
        if key not in self._parts:
            self._parts[key] = self.of(self.parts[name], Entry(classes))
        return self._parts[key]

    def entries(self, plan: CompiledPlan) -> dict[Digest, Entry]:
        """Return what each sub-plan below a root plan begins with, wherever it is called."""
        found: dict[Digest, Entry] = {}
        waiting: dict[Digest, CompiledPlan] = {"": plan} if plan.plans else {}
        while waiting:
            name, here = waiting.popitem()
            steps = self.of(here, found.get(name, Entry())).steps
            for step in here.steps:
                if step.plan is None:
                    continue
                entry = steps[step.id].entry
                merged = found[step.plan].merged(entry) if step.plan in found else entry
                # It only widens, and sub-plans never contain themselves: this ends.
                if found.get(step.plan) != merged:
                    found[step.plan] = merged
                    waiting[step.plan] = self.parts[step.plan]
        return found


class _Names:
    """Names as bits."""

    def __init__(self) -> None:
        self._bits: dict[str, int] = {}
        self._read: dict[int, tuple[str, ...]] = {}

    def mask(self, names: Iterable[str]) -> int:
        mask = 0
        for name in names:
            mask |= self._bits.setdefault(name, 1 << len(self._bits))
        return mask

    def names(self, mask: int) -> tuple[str, ...]:
        found = self._read.get(mask)
        if found is None:
            found = tuple(sorted(name for name, bit in self._bits.items() if mask & bit))
            self._read[mask] = found
        return found


class _Looking:
    """One look at one plan."""

    def __init__(self, plan: CompiledPlan, flows: Flows, entry: Entry) -> None:
        self._plan = plan
        self._flows = flows
        self._entry = entry
        self._places = {step.id: place for place, step in enumerate(plan.steps)}
        self._classes, self._tools = _Names(), _Names()
        self._given = self._classes.mask(entry.classes)
        self._declared = Declared(plan.inputs_schema)
        count = len(plan.steps)
        self._inflow, self._outflow = [0] * count, [0] * count
        self._sources = [0] * count
        """Steps whose outputs flow in, by place; the last bit stands for the plan's inputs."""
        self._called = [0] * count
        """Tools that the step itself calls for certain, by place."""
        self._before = [0] * count
        """Tools certainly called before it begins."""
        self._ended = [0] * count
        """Steps certainly over before it begins."""

    def found(self) -> PlanFlow:
        """Return what is known of the plan."""
        for place in self._order():
            self._visit(place)
        tools = 0
        for place in positions(self._ends):
            tools |= self._before[place] | self._surely_called(place)
        classes = self._flowing(self._plan.outputs)
        return PlanFlow(
            steps={step.id: self._told(place) for place, step in enumerate(self._plan.steps)},
            outflow=frozenset(self._classes.names(classes)),
            tools=frozenset(self._tools.names(tools)),
        )

    def _order(self) -> Sequence[int]:
        """Return the places so that each comes after what it needs and what stands in for that."""
        waiting = []
        for node in self._nodes:
            stand_ins = [other for need in node.needs for other in self._stand_ins(need)]
            waiting.append(replace(node, needs=(*node.needs, *stand_ins)) if stand_ins else node)
        return in_order(waiting)

    def _stand_ins(self, place: int) -> Sequence[int]:
        return [other for other in positions(self._below(place)) if other != place]

    def _told(self, place: int) -> StepFlow:
        before = self._tools.names(self._before[place])
        if self._entry.tools:
            before = tuple(sorted(self._entry.tools.union(before)))
        to_come = self._ends & ~self._ended[place] & ~self._row(place)
        return StepFlow(
            inflow=self._classes.names(self._inflow[place]),
            outflow=self._classes.names(self._out_of(place)),
            tools_before=before,
            may_fail_behind=self._entry.may_fail_behind or to_come != 0,
            sources=self._sources_of(place),
        )

    def _sources_of(self, place: int) -> Sources:
        mask, inputs = self._sources[place], len(self._places)
        return Sources(mask, self._places, bool(mask >> inputs & 1))

    def _visit(self, place: int) -> None:
        step, node = self._plan.steps[place], self._nodes[place]
        if node.original is not None:
            self._before[place] = self._before[node.original]
            self._ended[place] = self._ended[node.original]
        elif node.needs:
            seen = [self._before[need] | self._surely_called(need) for need in node.needs]
            over = [self._ended[need] | self._below(need) for need in node.needs]
            self._before[place] = _joined(seen, node.join)
            self._ended[place] = _joined(over, node.join)
        given: JSON = [step.args, step.for_each.items if step.for_each else None]
        inflow = self._flowing(given)
        self._inflow[place] = inflow
        self._sources[place] = self._coming_from(given)
        self._outflow[place] = inflow | self._own_classes(step, inflow)
        self._called[place] = self._own_tools(step, inflow)

    def _flowing(self, template: JSON) -> int:
        """Return the classes that a template takes in; a loop's variable is one of its items."""
        classes = 0
        for reference in references(template):
            if reference.root == "inputs":
                declared = self._declared.at(reference.parts)
                classes |= self._given | self._classes.mask(declared)
            elif reference.step in self._places:
                classes |= self._out_of(self._places[reference.step])
        return classes

    def _coming_from(self, template: JSON) -> int:
        """Return the steps that a template takes in, and those that these took in."""
        mask = 0
        for reference in references(template):
            if reference.root == "inputs":
                mask |= 1 << len(self._places)
            elif reference.step in self._places:
                for each in positions(self._below(self._places[reference.step])):
                    mask |= self._sources[each] | 1 << each
        return mask

    def _own_classes(self, step: CompiledStep, inflow: int) -> int:
        if step.call is not None:
            return self._classes.mask(self._flows.contracts[step.call.contract].data_classes)
        part = self._flows.of_part(step.plan or "", frozenset(self._classes.names(inflow)))
        return self._classes.mask(part.outflow)

    def _own_tools(self, step: CompiledStep, inflow: int) -> int:
        if step.when is not None or not self._surely_has_items(step):
            return 0
        if step.call is not None:
            return self._tools.mask([step.call.tool])
        part = self._flows.of_part(step.plan or "", frozenset(self._classes.names(inflow)))
        return self._tools.mask(part.tools)

    def _surely_has_items(self, step: CompiledStep) -> bool:
        if step.for_each is None:
            return True
        try:
            return bool(resolve(step.for_each.items, {"inputs": self._plan.inputs}))
        except TemplateError:
            return False

    def _surely_called(self, place: int) -> int:
        """Return the tools called when the step is done, by itself or by what stands in for it."""
        called = self._called[place]
        for fallback in self._nodes[place].fallbacks:
            called &= self._surely_called(fallback)
        return called

    def _out_of(self, place: int) -> int:
        """Return the classes of the output that is read under the step's name."""
        classes = self._outflow[place]
        for fallback in self._nodes[place].fallbacks:
            classes |= self._out_of(fallback)
        return classes

    def _below(self, place: int) -> int:
        """Return a step and all that may stand in for it: when it is over, none of them begins."""
        mask = 1 << place
        for fallback in self._nodes[place].fallbacks:
            mask |= self._below(fallback)
        return mask

    def _row(self, place: int) -> int:
        """Return all of which only one comes to be done together with the step, itself included."""
        return self._below(self._first(place))

    def _first(self, place: int) -> int:
        original = self._nodes[place].original
        return place if original is None else self._first(original)

    @cached_property
    def _nodes(self) -> Sequence[Node]:
        originals = {
            self._places[other]: place
            for place, step in enumerate(self._plan.steps)
            for other in (step.on_denied, step.on_failed)
            if other in self._places
        }
        nodes = []
        for place, step in enumerate(self._plan.steps):
            fallbacks = dict.fromkeys(o for o in (step.on_denied, step.on_failed) if o)
            nodes.append(
                Node(
                    needs=tuple(self._places[need] for need in step.needs if need in self._places),
                    join=step.join,
                    may_skip=step.when is not None,
                    fallbacks=tuple(self._places[o] for o in fallbacks if o in self._places),
                    original=originals.get(place),
                )
            )
        return nodes

    @cached_property
    def _ends(self) -> int:
        """Steps that nobody needs.

        While a step may still fail the run, so may the last of those that wait for it: these are
        all that need be looked at. What only quorums wait for fails no run.
        """
        needed = {need for node in self._nodes for need in node.needs}
        mask = 0
        for place, node in enumerate(self._nodes):
            if place not in needed and node.original is None:
                mask |= 1 << place
        return mask


def _joined(masks: Sequence[int], join: int) -> int:
    """Return what all needs bring, or, of a quorum, what each of them brings."""
    found = masks[0]
    for mask in masks[1:]:
        found = found | mask if join == -1 else found & mask
    return found
