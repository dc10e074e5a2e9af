"""What a step may refer to: the run's inputs, the outputs of earlier steps, its own item.

Read from the ledger each time, never from workflow state.
"""

import json
from collections.abc import Iterable

from remit.canonical import JSON, JSONObject
from remit.enforcement.pinned import Pinned, PinnedPlan
from remit.ledger.entries import Action, Admission
from remit.ledger.protocol import Ledger
from remit.plan.compiled import CompiledStep
from remit.plan.template import resolve
from remit.plan.usage import steps_used


class Surroundings:
    """Resolves the scope of one step of one run."""

    def __init__(self, ledger: Ledger, pinned: Pinned, plan: PinnedPlan, at: Admission) -> None:
        """Look at what stands below the path that `at` admits."""
        self._ledger = ledger
        self._pinned = pinned
        self._plan = plan
        self._at = at

    async def scope(
        self, step: CompiledStep, item: int | None, used: Iterable[str], has_item: bool = True
    ) -> JSONObject:
        """Return `inputs`, the outputs of `used` steps, and the loop variable."""
        steps: JSONObject = {}
        for step_id in sorted(used):
            output = await self.output(self._plan.step(step_id))
            if output is not None:
                steps[step_id] = {"output": output[0]}
        scope: JSONObject = {"inputs": await self._pinned.value(self._at.inputs), "steps": steps}
        if has_item and step.for_each is not None and item is not None:
            scope[step.for_each.var] = items_of(step, scope)[item]
        return scope

    async def output(self, step: CompiledStep) -> tuple[JSON] | None:
        """Return a step's output (its fallback's, if that stood in), or `None` if there is none."""
        for stand_in in (step.on_denied, step.on_failed):
            if stand_in is not None:
                other = await self.output(self._plan.step(stand_in))
                if other is not None:
                    return other
        actions = [
            action
            for action in await self._ledger.outputs(self._at.root, self._at.path, step.id)
            if not action.faulty
        ]
        if step.for_each is not None:
            return await self._items(step, actions)
        if not actions or actions[-1].is_withheld:
            return None
        return (await self._value(actions[-1]),)

    async def _items(self, step: CompiledStep, actions: list[Action]) -> tuple[JSON] | None:
        skipped = await self._ledger.skipped(self._at.root, self._at.path, step.id)
        if not actions and not skipped:
            scope = await self.scope(step, None, steps_used(step, "for_each"), has_item=False)
            return None if items_of(step, scope) else ([],)
        by_item: dict[int, JSON] = {key.segment.item or 0: None for key in skipped}
        for action in actions:
            by_item[action.key.segment.item or 0] = await self._value(action)
        output: list[JSON] = [by_item.get(item) for item in range(max(by_item) + 1)]
        return (output,)

    async def _value(self, action: Action) -> JSON:
        if action.output is None or action.is_withheld:
            return None
        value: JSON = json.loads(await self._ledger.get(action.output))
        return value


def items_of(step: CompiledStep, scope: JSONObject) -> list[JSON]:
    """Return the items of a `for_each`; `TypeError` when it refers to something else."""
    if step.for_each is None:
        return []
    items = resolve(step.for_each.items, scope)
    if not isinstance(items, list):
        raise TypeError(f"for_each of {step.id!r} refers to a {type(items).__name__}, not a list")
    return items
