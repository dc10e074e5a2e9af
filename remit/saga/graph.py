"""Who must be undone before whom, as a graph over a plan's steps.

An edge leads from a step to what stands on it: that is undone first. A fallback stands on its
original (so also on what that needs), and whoever needs the original stands on the fallback too.
A node of its own, *the end of a step with fallbacks*, keeps the edges as few as the plan's.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from remit.plan.compiled import CompiledStep


class UndoGraph:
    """The steps of one plan; nodes beyond the steps are ends of steps with fallbacks."""

    __slots__ = ("needs", "standers")

    def __init__(self, steps: Sequence[CompiledStep]) -> None:
        """Read needs and fallbacks; unknown names are left out."""
        places = {step.id: place for place, step in enumerate(steps)}
        self.standers: list[list[int]] = [[] for _ in steps]
        """By node: the nodes that stand on it."""
        self.needs: list[list[int]] = [[] for _ in steps]
        """By node: the nodes on which it stands."""
        ends = list(range(len(steps)))
        for place, step in enumerate(steps):
            if _fallbacks(step, places):
                ends[place] = len(self.needs)
                self.needs.append([])
                self.standers.append([])
        for place, step in enumerate(steps):
            for need in step.needs:
                if need in places:
                    self._link(place, ends[places[need]])
            if ends[place] != place:
                self._link(ends[place], place)
            for fallback in _fallbacks(step, places):
                self._link(fallback, place)
                self._link(ends[place], ends[fallback])

    def _link(self, stander: int, need: int) -> None:
        self.needs[stander].append(need)
        self.standers[need].append(stander)

    def order(self, effect_orders: Sequence[int]) -> list[int]:
        """Return all nodes, each after those that stand on it; of several, the later effect first.

        Nodes on a cycle, which the compiler refuses, come last in the order of the plan: an undo
        must never wait for ever.
        """
        left = [len(standers) for standers in self.standers]
        known = len(effect_orders)
        keys = [(-(effect_orders[node] if node < known else 0), -node) for node in range(len(left))]
        heap = [keys[node] for node, count in enumerate(left) if not count]
        heapify(heap)
        ordered: list[int] = []
        while heap:
            node = -heappop(heap)[1]
            ordered.append(node)
            for need in self.needs[node]:
                left[need] -= 1
                if not left[need]:
                    heappush(heap, keys[need])
        return ordered + [node for node, count in enumerate(left) if count]


def _fallbacks(step: CompiledStep, places: dict[str, int]) -> list[int]:
    named = dict.fromkeys((step.on_denied, step.on_failed))
    return [places[name] for name in named if name is not None and name in places]
