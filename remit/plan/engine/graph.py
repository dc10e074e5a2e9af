"""Who needs whom, and how far each join is: counters, so that no event looks at the whole plan.

Owns topology and joins alone; it knows no calls and no statuses. `all` is met when every need is
over (skipped ones too) and none is lost; a quorum is met when enough needs are done.
"""

from collections.abc import Sequence

from remit.plan.compiled import ScheduledStep


class Graph:
    """The task graph with one set of counters per step."""

    __slots__ = ("_done", "_joins", "_lost", "_open", "dependants", "needed", "originals", "wanted")

    def __init__(self, steps: Sequence[ScheduledStep]) -> None:
        """Read the edges; every need counts as not over."""
        self.dependants: list[list[int]] = [[] for _ in steps]
        """Steps that need this one, fallbacks included."""
        self.originals: list[list[int]] = [[] for _ in steps]
        """Steps for which this one may stand in."""
        self.needed = [False] * len(steps)
        """Whether a step other than a fallback needs it: else it is never a loser."""
        self.wanted = [0] * len(steps)
        """How many of its dependants may still wait for it."""
        self._open = [len(step.needs) for step in steps]
        self._done = [0] * len(steps)
        self._lost = [0] * len(steps)
        self._joins = [step.join if step.needs else -1 for step in steps]
        for position, step in enumerate(steps):
            for need in step.needs:
                self.dependants[need].append(position)
                self.needed[need] |= not step.fallback
            for fallback in fallbacks(step):
                self.originals[fallback].append(position)

    def is_quorum(self, step: int) -> bool:
        """Whether the step can go on without some of its needs."""
        return self._joins[step] >= 0

    def is_met(self, step: int) -> bool:
        """Whether the step's needs let it begin."""
        join = self._joins[step]
        if join < 0:
            return not self._open[step] and not self._lost[step]
        return self._done[step] >= join

    def is_impossible(self, step: int) -> bool:
        """Whether the step's needs can never let it begin."""
        join = self._joins[step]
        if join < 0:
            return bool(self._lost[step])
        return self._done[step] + self._open[step] < join

    def count(self, step: int, *, done: bool, lost: bool) -> None:
        """Count one need of the step as over."""
        self._open[step] -= 1
        self._done[step] += done
        self._lost[step] += lost


def fallbacks(step: ScheduledStep) -> list[int]:
    """Return the steps that may stand in for `step`, each once."""
    named = (step.on_denied, step.on_failed)
    return list(dict.fromkeys(fallback for fallback in named if fallback is not None))
