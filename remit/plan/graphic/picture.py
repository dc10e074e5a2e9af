"""What a drawing of a plan shows, apart from how it is drawn: nodes, edges, marks.

A picture is a value made of a compiled plan. Texts are cut to a readable length here and escaped
where they are written down, by each format in its own way.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from remit.canonical import JSON, Digest, canonical
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.tool.contract import ToolContract

NodeKind = Literal["read", "effect", "plan"]
Stage = Literal["done", "running", "waits", "here", "next", "later", "undone", "failed", "doubt"]
"""How far a step of a run is; `here` is the one that a page is about."""
MarkKind = Literal["gate", "irreversible", "undo", "loop", "condition", "differs", "stage"]
EdgeKind = Literal["needs", "on_denied", "on_failed"]

_REFERENCE = re.compile(r"^\$\{(.*)\}$")
_LONGEST = 44
"""Most characters of one line in a node."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing worth seeing about a step."""

    kind: MarkKind
    text: str


@dataclass(frozen=True, slots=True)
class Node:
    """One step."""

    id: str
    calls: str
    """The tool, or the sub-plan."""
    kind: NodeKind
    marks: tuple[Mark, ...]
    told: str
    """Why the step is there; shown when pointed at."""
    stage: Stage | Literal[""] = ""
    """How far it is, in a drawing of a run."""


@dataclass(frozen=True, slots=True)
class Light:
    """How far one step is."""

    stage: Stage
    words: str
    """The same in words; empty for nothing to say."""


@dataclass(frozen=True, slots=True)
class Edge:
    """From a step to one that waits for it, or to its fallback; positions in `Picture.nodes`."""

    source: int
    target: int
    kind: EdgeKind = "needs"


@dataclass(frozen=True, slots=True)
class Picture:
    """A plan's task graph."""

    title: str
    goal: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def picture(plan: CompiledPlan, contracts: Mapping[Digest, ToolContract]) -> Picture:
    """Return what to draw of `plan`.

    Args:
        plan: the compiled plan; its sub-plans are one node each.
        contracts: the tool contracts that it pins, by digest.
    """
    names = {name: ref for ref, name in plan.plans.items()}
    return Picture(
        title=f"{plan.name} {plan.version}",
        goal=plan.goal,
        nodes=tuple(_node(step, contracts, names) for step in plan.steps),
        edges=tuple(_edges(plan)),
    )


def marked(drawn: Picture, step: str, words: str) -> Picture:
    """Return a drawing on which one step stands out, with what there is to say about it."""
    mark = Mark("differs", _cut(words))
    nodes = [
        replace(node, marks=(mark, *node.marks)) if node.id == step else node
        for node in drawn.nodes
    ]
    return replace(drawn, nodes=tuple(nodes))


def lit(drawn: Picture, lights: Mapping[str, Light]) -> Picture:
    """Return a drawing on which every step shows how far it is, in words and by its look."""
    return replace(drawn, nodes=tuple(_lit(node, lights.get(node.id)) for node in drawn.nodes))


def _lit(node: Node, light: Light | None) -> Node:
    if light is None:
        return node
    marks = (Mark("stage", _cut(light.words)), *node.marks) if light.words else node.marks
    return replace(node, stage=light.stage, marks=marks)


def _edges(plan: CompiledPlan) -> Iterator[Edge]:
    at = {step.id: position for position, step in enumerate(plan.steps)}
    for position, step in enumerate(plan.steps):
        for need in step.needs:
            yield Edge(at[need], position)
        if step.on_denied is not None:
            yield Edge(position, at[step.on_denied], "on_denied")
        if step.on_failed is not None:
            yield Edge(position, at[step.on_failed], "on_failed")


def _node(
    step: CompiledStep, contracts: Mapping[Digest, ToolContract], names: Mapping[Digest, str]
) -> Node:
    contract = contracts.get(step.call.contract) if step.call else None
    kind: NodeKind = "plan"
    if step.call is not None:
        kind = "read" if contract and not contract.operation.has_effect else "effect"
    return Node(
        id=step.id,
        calls=_cut(step.call.tool if step.call else f"plan {names.get(step.plan or '', '?')}"),
        kind=kind,
        marks=tuple(_marks(step, contract)),
        told=step.reason,
    )


def _marks(step: CompiledStep, contract: ToolContract | None) -> Iterator[Mark]:
    if step.approval is not None:
        quorum = f", {step.approval.quorum} people" if step.approval.quorum > 1 else ""
        yield Mark("gate", _cut(f"gate: {step.approval.role}{quorum}"))
    if step.autonomy in ("approve", "human"):
        yield Mark("gate", f"gate: autonomy {step.autonomy}")
    if step.irreversible or (contract is not None and contract.irreversible):
        yield Mark("irreversible", "irreversible")
    elif step.undo is not None:
        yield Mark("undo", _cut(f"undo: {step.undo.tool}"))
    yield from _loops(step)
    if step.when is not None:
        yield Mark("condition", _cut(f"when {step.when}"))
    if step.join >= 0:
        yield Mark("condition", f"starts when {step.join} of {len(step.needs)} are done")


def _loops(step: CompiledStep) -> Iterator[Mark]:
    if step.for_each is not None:
        items = _words(step.for_each.items)
        yield Mark("loop", _cut(f"for each {step.for_each.var} of {items}"))
    if step.repeat is not None:
        until = f"until {step.repeat.until}, at most {step.repeat.max_times} times"
        yield Mark("loop", _cut(until))


def _words(items: JSON) -> str:
    if isinstance(items, list):
        return f"{len(items)} items"
    if isinstance(items, str):
        return _REFERENCE.sub(r"\1", items)
    return canonical(items).decode()


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
