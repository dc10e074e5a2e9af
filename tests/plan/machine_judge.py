"""A naive judge of what the machine does.

It keeps the bare log of each step and works everything out from that, over and over, by the
sentences of design.md §4. It shares no code and no counters with the machine.
"""

from collections import Counter

from remit.plan.compiled import Schedule
from remit.plan.event import Call, Cause, Command, Expand, Failed, Ref, StartChild, UndoStep


class Judge:
    """Works out from bare logs what may happen, and checks that nothing else does."""

    def __init__(self, schedule: Schedule) -> None:
        self.steps = schedule.steps
        self.limits = schedule.limits
        self.counts = {place: step.count for place, step in enumerate(self.steps) if step.for_each}
        self.begun: set[int] = set()
        self.called: Counter[Ref] = Counter()
        self.allowed: Counter[Ref] = Counter()
        """How often each call may be made: once, and once more for each wait that ended well."""
        self.ends: dict[int, dict[Ref, str]] = {place: {} for place in range(len(self.steps))}
        """How each call of a step ended for good."""
        self.fatal: dict[int, Failed] = {}
        """The first failure of each step that ended by its own calls."""
        self.undone: set[int] = set()
        self.flying: dict[Ref, Command] = {}
        self.causes: list[Cause] = []

    def takes(self, command: Command) -> None:
        """Check a command that begins something."""
        if isinstance(command, UndoStep):
            self._takes_undo(command.step)
            return
        assert isinstance(command, Call | StartChild | Expand)
        ref = Ref(command.step) if isinstance(command, Expand) else command.ref
        assert ref not in self.flying, f"{ref} is in flight already"
        assert self.may_begin(ref.step), f"{ref} begins before its needs are met"
        assert ref.step not in self.fatal, f"{ref} begins after its step has failed"
        self.begun.add(ref.step)
        self.called[ref] += 1
        assert self.called[ref] <= 1 + self.allowed[ref], f"{ref} is called again without reason"
        if ref.iteration:
            before = Ref(ref.step, ref.item, ref.iteration - 1)
            assert self.ends[ref.step].get(before) == "again", f"{ref} has no iteration before it"
        self.flying[ref] = command
        self._check_bounds(ref)

    def _takes_undo(self, step: int) -> None:
        ref = Ref(step)
        assert step in self.fatal, f"step {step} is undone without a failure"
        assert not [other for other in self.flying if other.step == step], "undone while at work"
        assert step not in self.undone
        self.undone.add(step)
        self.flying[ref] = UndoStep(step)

    def _check_bounds(self, ref: Ref) -> None:
        assert len(self.flying) <= self.limits.parallel
        step = self.steps[ref.step]
        items = 0
        for other, command in self.flying.items():
            if other.step == ref.step:
                items += command.parallel if isinstance(command, StartChild) else 1
        assert items <= (step.max_parallel if step.for_each else 1)

    # from the logs

    def own(self, step: int) -> str:
        """Return how the step itself ended: `done`, `skipped`, `failed`, or nothing so far."""
        if step in self.fatal or self._is_impossible(step):
            return "failed"
        ends = self.ends[step]
        if not self.steps[step].for_each:
            final = [end for end in ends.values() if end in ("done", "skipped")]
            return final[0] if final else ""
        count = self.counts[step]
        if count is None or not (step in self.begun or (count == 0 and self.may_begin(step))):
            return ""
        over = sum(self._width(ref) for ref, end in ends.items() if end in ("done", "skipped"))
        return "done" if over >= count else ""

    def _width(self, ref: Ref) -> int:
        count = self.counts[ref.step] or 0
        if count <= self.limits.inline_items:
            return 1
        return min(self.limits.chunk_items, self.limits.inline_items)

    def _is_impossible(self, step: int) -> bool:
        needs, join = self.steps[step].needs, self.steps[step].join
        if not needs or step in self.begun:
            return False
        if join < 0:
            return self.steps[step].fallback and any(self._is_lost(need) for need in needs)
        return sum(1 for need in needs if self._can_be_done(need)) < join

    def _target(self, step: int) -> int | None:
        failure = self.fatal.get(step)
        denied = failure is not None and failure.denied
        return self.steps[step].on_denied if denied else self.steps[step].on_failed

    def is_done(self, step: int) -> bool:
        """Whether the step, or its fallback, is done."""
        if self.own(step) != "failed":
            return self.own(step) == "done"
        target = self._target(step)
        return target is not None and self.is_done(target)

    def _can_be_done(self, step: int) -> bool:
        if self.own(step) == "failed":
            target = self._target(step)
            return target is not None and self._can_be_done(target)
        return self.own(step) != "skipped"

    def _is_lost(self, step: int) -> bool:
        return self.own(step) == "failed" and not self._can_be_done(step)

    def may_begin(self, step: int) -> bool:
        """Whether the needs of the step are met, and somebody calls on it if it is a fallback."""
        needs, join = self.steps[step].needs, self.steps[step].join
        if self.steps[step].fallback and not any(
            self._target(other) == step and self.own(other) == "failed" and self._is_clean(other)
            for other in range(len(self.steps))
        ):
            return False
        if join < 0 or not needs:
            return all(self.is_done(need) or self.own(need) == "skipped" for need in needs)
        return sum(1 for need in needs if self.is_done(need)) >= join

    def _is_clean(self, step: int) -> bool:
        """Whether nothing that a failed step did can still stand."""
        did = "done" in self.ends[step].values() or "again" in self.ends[step].values()
        failed = self.fatal.get(step)
        touched = did or (failed is not None and failed.effect != "none")
        return not touched or step in self.undone

    def check_complete(self) -> None:
        """Check that a run may end well: no step is left that anybody needs."""
        for step, spec in enumerate(self.steps):
            if not spec.fallback:
                assert self._is_settled(step), f"step {step} is not over"
        for step in self.fatal:
            assert self._is_clean(step), f"what step {step} left behind still stands"

    def _is_settled(self, step: int) -> bool:
        if self.is_done(step) or self.own(step) == "skipped":
            return True
        users = [
            other
            for other, spec in enumerate(self.steps)
            if step in spec.needs and not spec.fallback
        ]
        # A loser: somebody needs it, but all who do have begun, failed, or are losers too.
        return bool(users) and all(
            user in self.begun or self.own(user) != "" or self._is_settled(user) for user in users
        )
