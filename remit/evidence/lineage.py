"""Where a call's values came from, and where they went: a graph of one run, both ways.

Pure. Nodes are calls, finished sub-plans and inputs, as the run's records tell them; edges are the
references of the compiled plans under which the calls were begun, for these alone decide what a
call could read. A condition that was read is an edge like an argument: it decided whether the call
was made. What a tool does with what it is given is beyond the ledger.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from remit.canonical import JSON, Digest
from remit.ledger.amendments import earlier
from remit.ledger.entries import Action, State
from remit.ledger.folding import RunState
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.expression import ExpressionError, reads
from remit.plan.path import Direction, Segment, StepKey
from remit.plan.template import Reference, TemplateError, references

_INPUTS = re.compile(r"(?<![\w.])inputs\b")


@dataclass(frozen=True, slots=True)
class Node:
    """A call, a finished sub-plan, or the inputs of a plan."""

    id: str
    """Path and direction, or `inputs` and the path of the plan that was given them."""
    kind: str
    """`call`, `sub_plan` or `inputs`."""
    path: str
    digest: Digest | None
    """Of its output, or of the inputs."""
    action: Action | None = None
    """What the ledger knew of the call."""

    @property
    def has_effect(self) -> bool:
        """Whether it changed something outside, or may have."""
        action = self.action
        acted = (State.HAPPENED, State.OPEN, State.IN_DOUBT)
        return (
            self.kind == "call"
            and action is not None
            and action.operation != "read"
            and action.state in acted
        )


@dataclass(frozen=True, slots=True)
class Edge:
    """One node read another."""

    of: str
    """Who read."""
    source: str
    """What was read."""
    how: str
    """`argument`, `items`, `condition`, `undoes` or `output`."""
    what: str
    """The reference, or the expression."""


@dataclass(slots=True)
class Graph:
    """All of one run."""

    nodes: dict[str, Node] = field(default_factory=dict)
    _read: dict[str, dict[Edge, None]] = field(default_factory=dict)
    _readers: dict[str, dict[Edge, None]] = field(default_factory=dict)

    def add(self, edge: Edge) -> None:
        """Add an edge between two nodes; once."""
        if edge.source in self.nodes and edge.of in self.nodes:
            self._read.setdefault(edge.of, {})[edge] = None
            self._readers.setdefault(edge.source, {})[edge] = None

    def read_by(self, node: str) -> list[Edge]:
        """Return what a node read."""
        return list(self._read.get(node, ()))

    def readers(self, node: str) -> list[Edge]:
        """Return who read a node."""
        return list(self._readers.get(node, ()))

    def sources(self, node: str) -> list[str]:
        """Return everything that a node came from, itself first, nearest first."""
        return _closure(node, lambda one: [edge.source for edge in self.read_by(one)])

    def users(self, node: str) -> list[str]:
        """Return everything that came of a node, itself first, nearest first."""
        return _closure(node, lambda one: [edge.of for edge in self.readers(one)])

    def is_source(self, node: Node) -> bool:
        """Whether values come into the run here: inputs of the run, answers of tools that read."""
        if node.kind == "inputs":
            return not self.read_by(node.id)
        is_read = node.action is not None and node.action.operation == "read"
        return is_read or not self.read_by(node.id)


def _closure(start: str, step: Callable[[str], Iterable[str]]) -> list[str]:
    found: dict[str, None] = {start: None}
    waiting = [start]
    for one in waiting:
        new = [other for other in dict.fromkeys(step(one)) if other not in found]
        found.update(dict.fromkeys(new))
        waiting.extend(new)
    return list(found)


def graph_of(state: RunState, plans: Mapping[Digest, CompiledPlan]) -> Graph:
    """Return the graph of a run.

    Args:
        state: The run, folded.
        plans: Its compiled plans by digest; a call whose plan is absent has no edges.
    """
    return _Drawer(state, plans).draw()


class _Drawer:
    """Draws one run."""

    def __init__(self, state: RunState, plans: Mapping[Digest, CompiledPlan]) -> None:
        self._state = state
        self._plans = plans
        self._graph = Graph()
        self._steps: dict[tuple[str, str], list[Action]] = {}
        for action in state.actions.values():
            if action.key.direction is Direction.DO:
                place = action.key.parent, action.key.segment.step
                self._steps.setdefault(place, []).append(action)

    def draw(self) -> Graph:
        nodes = self._graph.nodes
        for path, admission in self._state.admissions.items():
            if "#" not in path:
                nodes[inputs_id(path)] = Node(inputs_id(path), "inputs", path, admission.inputs)
        for action in self._state.actions.values():
            kind = "sub_plan" if action.operation == "plan" else "call"
            name = node_id(action.key)
            nodes[name] = Node(name, kind, action.key.path, action.output, action)
        for path in self._state.admissions:
            if path and "#" not in path:
                self._given(path)
        for action in self._state.actions.values():
            self._read(action)
        return self._graph

    def _given(self, path: str) -> None:
        """A sub-plan's inputs come from the arguments of the step that ran it."""
        parent, _, last = path.rpartition("/")
        segment = Segment.parse(last)
        for plan in self._in_force(parent):
            step = _step(plan, segment.step)
            if step is not None:
                self._arguments(inputs_id(path), step, plan, parent, segment)
                return

    def _in_force(self, path: str) -> Iterator[CompiledPlan]:
        """Yield the plans that stood at a path, the newest first."""
        admissions = self._state.admissions
        admission = admissions.get(path)
        while admission is not None:
            plan = self._plans.get(admission.compiled)
            if plan is None:
                return
            yield plan
            admission = admissions.get(earlier(path, plan.amends.base)) if plan.amends else None

    def _read(self, action: Action) -> None:
        name, key = node_id(action.key), action.key
        plan = self._plans.get(action.compiled)
        if plan is None:
            return
        if action.operation == "plan":
            for reference in _references(plan.outputs):
                self._refer(name, reference, "output", plan, key.path)
            return
        step = _step(plan, key.segment.step)
        if step is None:
            return
        if key.direction is Direction.UNDO:
            done = node_id(StepKey(key.root, key.parent, key.segment))
            self._add(name, done, "undoes", "output")
            template = step.undo.args if step.undo else {}
            for reference in _references(template):
                self._refer(name, reference, "argument", plan, key.parent)
            return
        self._arguments(name, step, plan, key.parent, key.segment)
        for expression in [*([step.when] if step.when else []), *step.require]:
            self._condition(name, expression, plan, key.parent)

    def _arguments(
        self, name: str, step: CompiledStep, plan: CompiledPlan, parent: str, segment: Segment
    ) -> None:
        for reference in _references(step.args):
            self._refer(name, reference, "argument", plan, parent)
        if step.for_each is not None:
            for reference in _references(step.for_each.items):
                self._refer(name, reference, "items", plan, parent)

    def _condition(self, name: str, expression: str, plan: CompiledPlan, parent: str) -> None:
        try:
            steps = sorted(reads(expression))
        except ExpressionError:
            return
        for step in steps:
            for source in self._makers(plan, parent, step, None):
                self._add(name, source, "condition", expression)
        if _INPUTS.search(expression):
            self._add(name, inputs_id(parent), "condition", expression)

    def _refer(
        self, name: str, reference: Reference, how: str, plan: CompiledPlan, parent: str
    ) -> None:
        if reference.root == "inputs":
            self._add(name, inputs_id(parent), how, str(reference))
        elif reference.step is not None:
            item = reference.parts[2] if len(reference.parts) > 2 else None
            number = item if isinstance(item, int) else None
            for source in self._makers(plan, parent, reference.step, number):
                self._add(name, source, how, str(reference))

    def _makers(self, plan: CompiledPlan, parent: str, step_id: str, item: int | None) -> list[str]:
        """Return the calls whose outputs are a step's, as the enforcement point takes them."""
        step = _step(plan, step_id)
        for stand_in in (step.on_denied, step.on_failed) if step else ():
            if stand_in is not None and (found := self._makers(plan, parent, stand_in, item)):
                return found
        newest: dict[int | None, Action] = {}
        for action in self._steps.get((parent, step_id), ()):
            if action.state is State.HAPPENED and not (action.faulty or action.is_withheld):
                segment = action.key.segment
                known = newest.get(segment.item)
                if known is None or _turn(known) < _turn(action):
                    newest[segment.item] = action
        is_fan_out = step is not None and step.for_each is not None
        if item is not None and is_fan_out:
            newest = {at: action for at, action in newest.items() if at == item}
        return [node_id(action.key) for action in newest.values()]

    def _add(self, of: str, source: str, how: str, what: str) -> None:
        self._graph.add(Edge(of, source, how, what))


def node_id(key: StepKey) -> str:
    """Return the id of a call's node."""
    return f"undo:{key.path}" if key.direction is Direction.UNDO else key.path


def inputs_id(path: str) -> str:
    """Return the id of the inputs of the plan at a path."""
    return f"inputs:{path}"


def makers_of(graph: Graph, digest: Digest, *, as_output: bool = True) -> list[Node]:
    """Return the nodes that a digest names, other than those that only read it.

    Args:
        graph: A run's graph.
        digest: Of inputs, an output, arguments, a contract or a compiled plan; or the revision
            that decided.
        as_output: Whether a call that gave this very output counts.
    """
    found = []
    for node in graph.nodes.values():
        action = node.action
        named: list[JSON] = [node.digest] if node.kind == "inputs" or as_output else []
        if action is not None:
            named += [action.arguments, action.contract, action.compiled, action.revision]
        if digest in named:
            found.append(node)
    return found


def is_used(node: Node, digest: Digest) -> bool:
    """Whether the call itself used what the digest names, and not only gave it."""
    action = node.action
    if action is None or node.kind != "call":
        return False
    return digest in (action.arguments, action.contract, action.compiled, action.revision)


def _turn(action: Action) -> tuple[int, int]:
    return action.key.segment.generation, action.key.segment.iteration


def _step(plan: CompiledPlan, step_id: str) -> CompiledStep | None:
    return next((step for step in plan.steps if step.id == step_id), None)


def _references(template: JSON) -> list[Reference]:
    try:
        return references(template)
    except TemplateError:
        return []
