"""One step at work: its items, iterations, gates and doubts, from the first call to its end.

Owns the calls of one step; it knows nothing of other steps. The first failure stops new calls,
drains those in flight, and gives up gates, doubts and delays of the step; then it is the verdict.
Gates and doubts are not under way: they take no room from other items.
"""

from collections import deque
from dataclasses import replace

from remit.plan.compiled import Schedule
from remit.plan.engine.fanout import fan_of
from remit.plan.engine.status import Failure, Phase, Status, Verdict
from remit.plan.engine.traffic import Traffic, in_order
from remit.plan.event import Call, Cause, Command, Effect, Expand, Ref, StartChild

_NOT_GRANTED = Cause("GATE-NOT-GRANTED", "the gate closed without a grant", "", "rejected")


class StepRun:
    """The calls of one step."""

    __slots__ = (
        "_first",
        "_limits",
        "_step",
        "_traffic",
        "active",
        "again",
        "begun",
        "count",
        "failure",
        "fan",
        "gates",
        "over",
        "phases",
        "position",
        "touched",
    )

    def __init__(
        self, schedule: Schedule, position: int, traffic: Traffic, count: int | None = None
    ) -> None:
        """Make the step ready; `count` is the number of items that an expansion found."""
        self.position = position
        self._step = schedule.steps[position]
        self._limits = schedule.limits
        self._first = schedule.first_item
        self._traffic = traffic
        self.count = self._step.count if count is None else count
        """Number of items; `None` while it is not known."""
        self.fan = fan_of(self._step, self.count or 0, self._limits)
        self.begun = 0
        """Units begun."""
        self.over = 0
        """Units done or skipped."""
        self.active = 0
        """Units under way: in flight or between two iterations."""
        self.touched = False
        """Whether anything of it may have had an effect."""
        self.failure: Failure | None = None
        self.phases: dict[Ref, Phase] = {}
        """Where each unfinished call stands."""
        self.again: deque[Ref] = deque()
        """Calls to be made (again)."""
        self.gates: dict[Ref, int] = {}
        """Gates that each unfinished call has met."""

    @property
    def is_expanding(self) -> bool:
        """Whether the number of items is not known yet."""
        return self._step.for_each and self.count is None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do at all."""
        return not self.is_expanding and not self.fan.units

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has happened since it became ready."""
        return not (self.begun or self.phases or self.count != self._step.count)

    @property
    def is_untouched(self) -> bool:
        """Whether it may be dropped: nothing happened, nothing is under way."""
        return not self.touched and not self.active

    @property
    def can_begin(self) -> bool:
        """Whether `begin` has something to begin."""
        if self.failure is not None:
            return False
        if self.is_expanding:
            return bool(self.again) or not self.phases
        return self.active < self.fan.width and bool(self.again or self.begun < self.fan.units)

    def begin(self) -> None:
        """Begin the next call."""
        ref = self.again.popleft() if self.again else self._next()
        self.phases[ref] = Phase.FLYING
        self.active += 1
        self._traffic.emit(self._command(ref))

    def _next(self) -> Ref:
        if not self._step.for_each or self.is_expanding:
            self.begun += not self._step.for_each
            # An expansion has no generation of its own: nothing is called under its name.
            generation = 0 if self.is_expanding else self._step.generation
            return Ref(self.position, generation=generation)
        item = self._first + self.begun * self.fan.items
        self.begun += 1
        return Ref(self.position, item, generation=self._step.generation)

    def _command(self, ref: Ref) -> Command:
        if self.is_expanding:
            return Expand(self.position)
        if self.fan.is_chunked and ref.item is not None and self.count is not None:
            size = min(self.fan.items, self._first + self.count - ref.item)
            return StartChild(ref, "items", ref.item, size, self.fan.share)
        if self._step.child == "plan" or self._step.child == "long":
            return StartChild(ref, self._step.child)
        return Call(ref)

    # answers of calls in flight

    def is_flying(self, ref: Ref) -> bool:
        """Whether an answer for `ref` is awaited."""
        return self.phases.get(ref) is Phase.FLYING

    def expanded(self, count: int) -> Verdict:
        """Learn the number of items."""
        self._land(Ref(self.position))
        self.count = max(0, count)
        self.fan = fan_of(self._step, self.count, self._limits)
        return Status.DONE if self.is_empty else None

    def done(self, ref: Ref, until: bool | None) -> Verdict:
        """Take a success; a repeating step goes on unless its condition holds."""
        self._land(ref)
        self.touched = True
        if self.failure is not None:
            return self._drained()
        if self._iterates and until is not True:
            return self._iterate(ref)
        return self._unit_over(ref)

    def skipped(self, ref: Ref) -> Verdict:
        """Take a skip: it ends an item, a later iteration, or the whole step."""
        self._land(ref)
        if self.failure is not None:
            return self._drained()
        if self._step.for_each or ref.iteration:
            return self._unit_over(ref)
        return Status.SKIPPED

    def failed(self, ref: Ref, failure: Failure, effect: Effect) -> Verdict:
        """Take a failure; the first one counts."""
        self._land(ref)
        self.touched |= effect != "none"
        return self._fail(failure) if self.failure is None else self._drained()

    def gated(self, ref: Ref) -> Verdict:
        """Wait for people, unless nobody needs the answer or the call met too many gates."""
        self._land(ref)
        self._traffic.gates[ref] = None
        if self.failure is not None or self._traffic.is_leaving:
            self._traffic.abandon(ref)
            return self._drained()
        met = self.gates.get(ref, 0) + 1
        if met > self._limits.gates_per_step:
            self._traffic.abandon(ref)
            return self._fail(self._too_many_gates())
        self.gates[ref] = met
        self.phases[ref] = Phase.GATED
        return None

    def in_doubt(self, ref: Ref) -> Verdict:
        """Wait for a person to say whether the call happened."""
        return self._wait(ref, Phase.IN_DOUBT, self._traffic.doubts)

    def stalled(self, ref: Ref) -> Verdict:
        """Wait for an operator to let the call be made again."""
        return self._wait(ref, Phase.STALLED, self._traffic.stalled)

    def _wait(self, ref: Ref, phase: Phase, waits: dict[Ref, None]) -> Verdict:
        self._land(ref)
        self.touched |= not self.is_expanding
        if self.failure is not None or self._traffic.is_leaving:
            return self._drained()
        self.phases[ref] = phase
        waits[ref] = None
        return None

    # ends of waits

    def gate_closed(self, ref: Ref, granted: bool, cause: Cause | None) -> Verdict:
        """Call again after a grant; anything else is a denial."""
        del self._traffic.gates[ref]
        if granted:
            return self.queue(ref)
        del self.phases[ref]
        return self._fail(Failure(cause or replace(_NOT_GRANTED, step=self._step.id), denied=True))

    def delayed(self, ref: Ref) -> Verdict:
        """Begin the next iteration."""
        del self._traffic.delays[ref]
        self.active -= 1
        return self.queue(ref)

    def queue(self, ref: Ref) -> Verdict:
        """Call `ref` as soon as there is room."""
        self.phases[ref] = Phase.QUEUED
        self.again.append(ref)
        return None

    def abandon(self) -> None:
        """Give up everything that is not in flight."""
        for ref in in_order(self.phases):
            if self.phases[ref] is Phase.FLYING:
                continue
            phase = self.phases.pop(ref)
            if phase is Phase.GATED:
                self._traffic.abandon(ref)
            elif phase is Phase.DELAYED:
                self._traffic.drop_delay(ref)
                self.active -= 1
            self._traffic.doubts.pop(ref, None)
            self._traffic.stalled.pop(ref, None)
        self.again.clear()

    # inside

    @property
    def _iterates(self) -> bool:
        """Whether iterations begin here: those of a slow step or a chunk begin in its child."""
        is_elsewhere = self.fan.is_chunked or self._step.child == "long"
        return bool(self._step.repeat) and not is_elsewhere

    def _land(self, ref: Ref) -> None:
        del self.phases[ref]
        self.active -= 1
        self._traffic.land(ref)

    def _iterate(self, ref: Ref) -> Verdict:
        following = replace(ref, iteration=ref.iteration + 1)
        if following.iteration >= self._step.repeat:
            reason = f"`until` did not hold within {self._step.repeat} iterations"
            return self._fail(Failure(Cause("STEP-REPEAT-EXHAUSTED", reason, self._step.id)))
        self.gates.pop(ref, None)
        if self._step.every_s <= 0:
            return self.queue(following)
        self.phases[following] = Phase.DELAYED
        self.active += 1
        self._traffic.delay(following, self._step.every_s)
        return None

    def _unit_over(self, ref: Ref) -> Verdict:
        self.gates.pop(ref, None)
        self.over += 1
        return Status.DONE if self.over == self.fan.units else None

    def _too_many_gates(self) -> Failure:
        most = self._limits.gates_per_step
        reason = f"it was to be approved again after {most} gates"
        return Failure(Cause("STEP-TOO-MANY-GATES", reason, self._step.id, "refused"), denied=True)

    def _fail(self, failure: Failure) -> Verdict:
        self.failure = failure
        self.abandon()
        if self.fan.is_chunked:
            # A chunk would go on beginning new items; the others of its kind must not.
            for ref in in_order(self.phases):
                self._traffic.stop_child(ref)
        return self._drained()

    def _drained(self) -> Verdict:
        return None if self.active else self.failure
