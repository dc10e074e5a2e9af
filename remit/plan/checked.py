"""What the checks of one plan pass to each other: the plan with everything found so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from remit.canonical import Digest, JSONObject
from remit.diagnostic import Diagnostic
from remit.plan.arguments import Arguments, Target
from remit.plan.compiled import CompiledPlan
from remit.plan.contract import Plan, Step
from remit.plan.findings import Findings
from remit.plan.graph import Graph
from remit.plan.inputs import Inputs
from remit.plan.scope import Scope, Steps
from remit.plan.shape import ANY, Shape
from remit.plan.toolbox import Tool, Toolbox
from remit.tool.contract import ToolContract


@dataclass(frozen=True, slots=True)
class Price:
    """What static estimates add up to, in micros by currency; an empty currency is the plan's."""

    certain: Mapping[str, int]
    """Of calls that surely happen when the run completes."""
    possible: Mapping[str, int]
    """Of all calls."""


@dataclass(frozen=True, slots=True)
class Part:
    """A compiled plan, as those that use it as a sub-plan see it."""

    compiled: CompiledPlan
    digest: Digest
    parts: Mapping[Digest, CompiledPlan]
    """Its own sub-plans, nested ones too."""
    contracts: Mapping[Digest, ToolContract]
    target: Target
    defaults: JSONObject
    """The inputs that stand in the plan; a caller's replace them name by name."""
    output: Shape
    price: Price
    steps: int
    """Number of its steps, nested ones too."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a step calls; both are `None` when there is no such thing."""

    tool: Tool | None
    part: Part | None

    @property
    def target(self) -> Target | None:
        """What its arguments are given to."""
        if self.tool is not None:
            return self.tool.target
        return None if self.part is None else self.part.target

    @property
    def output(self) -> Shape:
        """The output of one call."""
        if self.tool is not None:
            return self.tool.output
        return ANY if self.part is None else self.part.output


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan whose structure is known, while its steps are checked."""

    plan: Plan
    graph: Graph
    actions: tuple[Action, ...]
    """By position."""
    inputs: Inputs
    steps: Steps
    toolbox: Toolbox
    findings: Findings
    arguments: Arguments
    undos: "tuple[Undo | None, ...]"
    """How each step is undone; `None` when nothing says so."""
    undo_faults: "dict[Undo, tuple[Diagnostic, ...]]" = field(default_factory=dict)
    """What is wrong with the undos that many steps share, as far as no step matters for it."""
    items: dict[int, Shape] = field(default_factory=dict)
    """Shape of the loop variable, by position of the `for_each` step."""

    def called(self, at: int) -> tuple[str | None, str | None]:
        """Return tool and undoing tool of a step: what else it may call follows from these."""
        undo = self.undos[at]
        return self.plan.steps[at].tool, None if undo is None else undo.tool

    def outer_scope(self, at: int) -> Scope:
        """Return what the step at a position may refer to outside its loop."""
        names = {"inputs": self.inputs.shape}
        step = self.plan.steps[at].id
        return Scope(self.steps, names, self.graph.before[at], self.graph.sure[at], step)

    def scope(self, at: int) -> Scope:
        """Return what the step at a position may refer to, the loop variable included."""
        loop = self.plan.steps[at].for_each
        scope = self.outer_scope(at)
        return scope if loop is None else scope.plus(**{loop.var: self.items.get(at, ANY)})

    def end_scope(self) -> Scope:
        """Return what the plan's outputs may refer to."""
        everything = (1 << len(self.plan.steps)) - 1
        names = {"inputs": self.inputs.shape}
        sure = self.graph.sure_at_end
        return Scope(self.steps, names, everything, sure, reader="", absent_is_null=True)


@dataclass(frozen=True, slots=True)
class Checked:
    """A plan after its checks; it may be assembled when there are no findings."""

    draft: Draft
    output: Shape
    price: Price


@dataclass(frozen=True, slots=True, eq=False)
class Undo:
    """A step's compensation, its own or its tool's. Compared by identity: steps may share it."""

    tool: str
    args: JSONObject
    is_own: bool


def undos_of(steps: Sequence[Step], actions: Sequence[Action]) -> tuple[Undo | None, ...]:
    """Return how each step is undone; `None` when nothing says so.

    Steps that give arguments of the same names to the same tool share its undo.
    """
    declared: dict[tuple[str, tuple[str, ...]], Undo | None] = {}
    found: list[Undo | None] = []
    for step, action in zip(steps, actions, strict=True):
        if step.compensate is not None:
            found.append(Undo(step.compensate.tool, step.compensate.args, is_own=True))
            continue
        key = (step.tool or "", tuple(step.args))
        if key not in declared:
            declared[key] = _declared_undo(step, action.tool)
        found.append(declared[key])
    return tuple(found)


def _declared_undo(step: Step, tool: Tool | None) -> Undo | None:
    if tool is None or not tool.contract.operation.has_effect:
        return None
    declared = tool.contract.compensation
    if declared is None:
        return None
    return Undo(declared.tool, _declared_args(declared.args, step), is_own=False)


def _declared_args(template: JSONObject, step: Step) -> JSONObject:
    """Return a tool's undo arguments without those that stand for optional ones not given."""
    prefix = "${args."
    return {
        name: part
        for name, part in template.items()
        if not (isinstance(part, str) and part.startswith(prefix))
        or part.removeprefix(prefix).rstrip("}").split(".")[0] in step.args
    }
