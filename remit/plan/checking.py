"""The checks of one plan, in the order in which each can rely on the ones before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from remit.plan.arguments import Arguments
from remit.plan.checked import Action, Checked, Draft, undos_of
from remit.plan.conditions import check_conditions
from remit.plan.constraints import check_constraints
from remit.plan.contract import Plan, Step
from remit.plan.fallbacks import check_fallback_outputs
from remit.plan.findings import Findings
from remit.plan.graph import Graph, build
from remit.plan.inputs import read_inputs
from remit.plan.scope import Steps
from remit.plan.shape import Shape, array, nullable
from remit.plan.steps import check_step, item_shape
from remit.plan.structure import check_structure, fallbacks_of
from remit.plan.toolbox import Toolbox


def check(
    plan: Plan,
    actions: tuple[Action, ...],
    toolbox: Toolbox,
    findings: Findings,
    *,
    as_part: bool,
) -> Checked:
    """Report everything that is wrong with `plan`, whose tools and sub-plans are looked up."""
    graph, ids = check_structure(plan, findings)
    graph = _with_withheld(graph, plan.steps, actions)
    inputs = read_inputs(plan, findings, as_part=as_part)
    outputs = {s.id: _output(s, a) for s, a in reversed([*zip(plan.steps, actions, strict=True)])}
    draft = Draft(
        plan=plan,
        graph=graph,
        actions=actions,
        inputs=inputs,
        steps=Steps(
            positions=ids,
            outputs=outputs,
            absence=dict(_withheld(plan.steps, actions)) | dict(_absences(plan.steps, ids)),
        ),
        toolbox=toolbox,
        findings=findings,
        arguments=Arguments(findings, inputs.values),
        undos=undos_of(plan.steps, actions),
    )
    _check_steps(draft)
    check_conditions(draft)
    output = draft.arguments.shape(plan.outputs, draft.end_scope(), ("outputs",))
    if not graph.cycles:
        check_fallback_outputs(draft)
    return Checked(draft, output, check_constraints(draft))


def _check_steps(draft: Draft) -> None:
    for at, step in enumerate(draft.plan.steps):
        if step.for_each is not None:
            draft.items[at] = item_shape(draft, at, step.for_each.items)
        check_step(draft, at)


def _output(step: Step, action: Action) -> Shape:
    """Return what others see of a step: the array of its items, if it runs over a list."""
    if step.for_each is None:
        return action.output
    is_sure = step.when is None and not _may_withhold(action)
    return array([action.output if is_sure else nullable(action.output)])


def _may_withhold(action: Action) -> bool:
    return action.tool is not None and action.tool.contract.may_withhold


def _with_withheld(graph: Graph, steps: Sequence[Step], actions: Sequence[Action]) -> Graph:
    """Return the graph with the steps that may be done without an output."""
    marked = [step.for_each is None and _may_withhold(a) for step, a in _pairs(steps, actions)]
    if not any(marked):
        return graph
    nodes = zip(graph.nodes, marked, strict=True)
    return build([replace(node, may_skip=node.may_skip or mark) for node, mark in nodes])


def _withheld(steps: Sequence[Step], actions: Sequence[Action]) -> Iterator[tuple[str, str]]:
    for step, action in _pairs(steps, actions):
        if _may_withhold(action):
            yield step.id, f"{step.tool} goes on without an answer that is not good enough"


def _pairs(steps: Sequence[Step], actions: Sequence[Action]) -> Iterator[tuple[Step, Action]]:
    return zip(steps, actions, strict=True)


def _absences(steps: Sequence[Step], ids: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield the steps that may have no output, each with the reason."""
    for step in steps:
        if step.when is not None and step.for_each is None:
            yield step.id, "it is skipped when its `when` is false"
            continue
        for _, other in fallbacks_of(step):
            if other in ids and steps[ids[other]].when is not None:
                yield step.id, f"its fallback {other!r} is skipped when its `when` is false"
