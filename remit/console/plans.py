"""Compiled plans and contracts out of the ledger, and how far a plan has come, step by step."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import ValidationError

from remit.canonical import Digest, JSONObject
from remit.ledger.entries import Action, GateRow, State
from remit.ledger.errors import LedgerError
from remit.plan.compiled import CompiledPlan
from remit.plan.graphic.picture import Light, Stage, lit, picture
from remit.plan.graphic.svg import svg
from remit.plan.path import Direction
from remit.stores.ledger import SqlLedger
from remit.tool.contract import ToolContract

T = TypeVar("T")
_KEPT = 256
LARGEST_DRAWING = 120
"""Plans of more steps are not drawn: nobody would find anything."""


class Plans:
    """What is immutable of runs: read once, kept while it is used."""

    def __init__(self, ledger: SqlLedger) -> None:
        """Read from `ledger`."""
        self._ledger = ledger
        self._plans: OrderedDict[Digest, CompiledPlan | None] = OrderedDict()
        self._contracts: OrderedDict[Digest, ToolContract | None] = OrderedDict()

    async def at(self, root: str, path: str) -> CompiledPlan | None:
        """Return the plan in force below a path of a run."""
        admission = await self._ledger.admission(root, path)
        return None if admission is None else await self.plan(admission.compiled)

    async def plan(self, name: Digest) -> CompiledPlan | None:
        """Return a compiled plan; `None` when it is not kept, or was forgotten."""
        if name not in self._plans:
            body = await self._body(name)
            try:
                made = CompiledPlan.model_validate_json(body) if body else None
            except ValidationError:
                made = None
            _keep(self._plans, name, made)
        return self._plans[name]

    async def contract(self, name: Digest) -> ToolContract | None:
        """Return a tool contract; `None` when it is not kept."""
        if name not in self._contracts:
            body = await self._body(name)
            try:
                made = ToolContract.model_validate_json(body) if body else None
            except ValidationError:
                made = None
            _keep(self._contracts, name, made)
        return self._contracts[name]

    async def content(self, name: Digest) -> JSONObject:
        """Return an object of the content store; empty when there is none any more."""
        body = await self._body(name)
        try:
            found = json.loads(body) if body else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    async def drawing(self, plan: CompiledPlan, lights: Mapping[str, Light]) -> str:
        """Return a plan's graph with its steps lit, as SVG for a page; empty if it is too large."""
        if len(plan.steps) > LARGEST_DRAWING:
            return ""
        contracts = {name: await self.contract(name) for name in set(plan.contracts.values())}
        known = {name: found for name, found in contracts.items() if found is not None}
        return svg(lit(picture(plan, known), lights), is_styled=False)

    async def _body(self, name: Digest) -> bytes:
        try:
            return await self._ledger.get(name) if name else b""
        except LedgerError:
            return b""


def _keep(kept: OrderedDict[Digest, T], name: Digest, value: T) -> None:
    kept[name] = value
    if len(kept) > _KEPT:
        kept.popitem(last=False)


def lights_of(
    plan: CompiledPlan,
    path: str,
    actions: Sequence[Action],
    gates: Sequence[GateRow],
    here: str = "",
) -> dict[str, Light]:
    """Return how far each step of a plan is.

    Args:
        plan: the plan at `path`.
        path: where it stands in the run; empty for the run's own.
        actions: everything that was begun at the path and below it.
        gates: every gate of the run.
        here: the step that the page is about.
    """
    calls: dict[str, list[Action]] = {}
    for action in actions:
        name = _step_at(path, action)
        if name:
            calls.setdefault(name, []).append(action)
    waiting = {
        gate.key.segment.step for gate in gates if gate.state == "open" and gate.key.parent == path
    }
    lights = {step.id: _light(calls.get(step.id, ()), step.id in waiting) for step in plan.steps}
    begun = ("done", "running", "waits")
    near = {name for name, light in lights.items() if light is not None and light.stage in begun}
    found: dict[str, Light] = {}
    for step in plan.steps:
        light = lights[step.id]
        if light is None:
            is_next = bool(near) and all(need in near for need in step.needs)
            light = Light("next", "next") if is_next else Light("later", "")
        if step.id == here:
            light = Light("here", "this decision")
        found[step.id] = light
    return found


def _step_at(path: str, action: Action) -> str:
    """Return the step of the plan at `path` in which a call stands; empty for none."""
    if action.key.parent == path:
        return action.key.segment.step
    below = action.key.parent.removeprefix(f"{path}/" if path else "")
    if path and below == action.key.parent:
        return ""
    first = below.partition("/")[0]
    return first.partition("[")[0].partition("~")[0].partition("@")[0]


def _light(calls: Sequence[Action], is_waiting: bool) -> Light | None:
    if is_waiting:
        return Light("waits", "waits for a person")
    done = [one for one in calls if one.key.direction is Direction.DO]
    if not done:
        return None
    undone = {
        one.key.path
        for one in calls
        if one.key.direction is Direction.UNDO and one.state is State.HAPPENED
    }
    stages = [_stage(one, undone) for one in done]
    stage = next(each for each in _WORST_FIRST if each in stages)
    words = _STAGES[stage]
    if len(done) > 1:
        words = f"{words} ({stages.count(stage)} of {len(done)})"
    return Light(stage, words)


_WORST_FIRST: tuple[Stage, ...] = ("doubt", "failed", "running", "undone", "done")
_STAGES: Mapping[Stage, str] = {
    "doubt": "nobody knows yet",
    "failed": "did not happen",
    "running": "at work",
    "undone": "undone",
    "done": "done",
}


def _stage(action: Action, undone: set[str]) -> Stage:
    if action.key.path in undone:
        return "undone"
    if action.state is State.HAPPENED:
        return "failed" if action.faulty else "done"
    if action.state is State.IN_DOUBT:
        return "doubt"
    return "running" if action.state is State.OPEN else "failed"
