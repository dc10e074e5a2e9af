"""The way of all steps through their statuses: unlocking, joining, failing, standing in, dropping.

Owns statuses, the queue of steps that can begin something, and the first cause of a stop. Ends are
told to dependants from a worklist, never by recursion, so a chain of any length is one loop; each
edge is looked at once per end.

- A failed step with a fallback is undone first (unless nothing of it can have happened); then the
  fallback goes the way of any step, and its end is the original's. Skipped is no stand-in: the
  original's failure stands.
- A failure without fallback is absorbed when everybody who needs the step is a quorum, or does not
  need it any more; what it left behind is undone. Else the run stops. A quorum that has become
  impossible fails the step that joins.
- A step is a loser when a step needs it, but none waits for it any more. Losers of which nothing
  has happened and nothing is in flight are dropped, their open gates abandoned.
- The queue holds each step at most once and goes round, so no fan-out starves the others.
- A frozen step, which an amendment is about to change, neither begins nor ends before it is thawed.
"""

from collections import deque

from remit.plan.compiled import Schedule, ScheduledStep
from remit.plan.engine.graph import Graph, fallbacks
from remit.plan.engine.status import LOST, OVER, Failure, Status, Verdict
from remit.plan.engine.steprun import StepRun
from remit.plan.engine.traffic import Traffic
from remit.plan.event import Cause, UndoStep

_BEFORE = (Status.PENDING, Status.DORMANT)


class Course:
    """Statuses of all steps and what follows from their ends."""

    def __init__(self, schedule: Schedule, traffic: Traffic) -> None:
        """Begin with nothing ready; `open_up` makes the first steps so."""
        self.schedule = schedule
        self.graph = Graph(schedule.steps)
        self.status = [_first(step) for step in schedule.steps]
        self.counts = dict.fromkeys(Status, 0)
        self.runs: dict[int, StepRun] = {}
        """Steps that are ready or running."""
        self.queue: deque[int] = deque()
        self.causes: dict[int, Cause] = {}
        """Why steps failed."""
        self.stands: dict[int, int] = {}
        """Which fallback was chosen for a failed step that is not over."""
        self.remaining = 0
        """Steps that must be over before the run is complete."""
        self.cause: Cause | None = None
        """The first cause of a stop."""
        self.frozen: dict[int, None] = {}
        """Steps not begun that must stay so while an amendment is decided."""
        self._traffic = traffic
        self._queued: set[int] = set()
        self._clients: dict[int, list[int]] = {}
        """For whom each fallback at work stands in."""
        self._ends: deque[tuple[int, Cause | None]] = deque()
        """Ends that dependants do not know of yet."""
        self._loose: deque[int] = deque()
        """Steps that may have become losers."""
        self._woken: deque[int] = deque()
        """Fallbacks that are to stand in."""
        self.recount()

    def recount(self) -> None:
        """Count everything anew from the statuses; for a new or restored machine only."""
        self.counts = dict.fromkeys(Status, 0)
        self.graph = Graph(self.schedule.steps)
        self._clients = {}
        for position, step in enumerate(self.schedule.steps):
            status = self.status[position]
            self.counts[status] += 1
            for need in step.needs:
                self.graph.wanted[need] += status in _BEFORE
            if status in OVER or status in LOST:
                for dependant in self.graph.dependants[position]:
                    self._count(dependant, position)
            if status is Status.WAITING:
                self._clients.setdefault(self.stands[position], []).append(position)
        over = sum(self.counts[status] for status in OVER)
        self.remaining = len(self.status) - over - self.counts[Status.DORMANT]

    def _count(self, dependant: int, need: int) -> None:
        status = self.status[need]
        done = status is Status.DONE or status is Status.REPLACED
        self.graph.count(dependant, done=done, lost=status in LOST)

    # amending

    def is_amendable(self, step: int) -> bool:
        """Whether nothing of the step has happened or is under way."""
        run = self.runs.get(step)
        return self.status[step] in _BEFORE if run is None else run.is_untouched

    def thaw(self) -> None:
        """Let frozen steps go on."""
        frozen, self.frozen = self.frozen, {}
        for step in frozen:
            if step in self.runs:
                self.enqueue(step)
        if self.cause is None:
            self._reconsider()

    def amend(self, schedule: Schedule) -> None:
        """Take `schedule` for everything that has not begun; positions keep their meaning."""
        before, self.schedule = self.schedule, schedule
        for position, step in enumerate(schedule.steps):
            if position >= len(self.status):
                self.status.append(_first(step))
            elif step.generation != before.steps[position].generation:
                self._renew(position)
        self.recount()
        self.thaw()

    def _renew(self, position: int) -> None:
        step = self.schedule.steps[position]
        if step.dropped or self.status[position] is Status.DROPPED or self.is_amendable(position):
            run = self.runs.pop(position, None)
            if run is not None:
                run.abandon()
            if position in self._queued:
                self._queued.discard(position)
                self.queue.remove(position)
            is_called_on = position in self.stands.values()
            self.status[position] = Status.PENDING if is_called_on else _first(step)

    def _reconsider(self) -> None:
        for position, status in enumerate(self.status):
            if status is Status.PENDING:
                self._consider(position, None)
            elif status is Status.DORMANT or position in self.runs:
                self._loose.append(position)

    # beginning

    def open_up(self) -> None:
        """Make everything ready that is; looks at every step, so once per machine."""
        for position, status in enumerate(self.status):
            if status is Status.PENDING:
                self._consider(position, None)
            elif status is Status.DORMANT:
                self._loose.append(position)
        self.settle()

    def begin_next(self) -> bool:
        """Begin the next call that is in the queue; return whether there was one."""
        while self.queue:
            step = self.queue.popleft()
            self._queued.discard(step)
            if self.status[step] in (Status.UNDOING, Status.ABSORBED):
                self._traffic.emit(UndoStep(step))
                return True
            run = self.runs.get(step)
            if run is not None and run.can_begin and step not in self.frozen:
                run.begin()
                if self.status[step] is Status.READY:
                    self._set(step, Status.RUNNING)
                self.enqueue(step)
                return True
        return False

    def enqueue(self, step: int) -> None:
        """Put a step in the queue if it can begin something and is not there."""
        run = self.runs.get(step)
        if step not in self._queued and (run is None or run.can_begin):
            self._queued.add(step)
            self.queue.append(step)

    # ends

    def conclude(self, step: int, verdict: Verdict) -> None:
        """Take what an answer meant for its step."""
        if isinstance(verdict, Failure):
            self._fail(step, verdict)
        elif verdict is not None:
            self._finish(step, verdict)
        else:
            self.enqueue(step)
            self._loose.append(step)

    def undone(self, step: int, residue: Cause | None) -> None:
        """Take the end of `UndoStep`."""
        if residue is not None:
            self.stop(residue)
        if self.cause is not None:
            self._set(step, Status.FAILED)
        elif self.status[step] is Status.ABSORBED:
            self._over(step, Status.FAILED)
        elif self._is_loser(step):
            self._give_up(self._seats(step), self.causes[step])
        else:
            self._hand_over(step, self.stands[step])

    def stop(self, cause: Cause) -> None:
        """Begin nothing more; only the first cause counts."""
        if self.cause is None:
            self.cause = cause

    def settle(self) -> None:
        """Tell all ends to those who need to know, until nothing follows any more."""
        while (self._woken or self._ends or self._loose) and self.cause is None:
            if self._woken:
                fallback = self._woken.popleft()
                if self.status[fallback] is Status.PENDING:
                    self._consider(fallback, None)
            elif self._ends:
                need, cause = self._ends.popleft()
                for dependant in self.graph.dependants[need]:
                    self._count(dependant, need)
                    if self.status[dependant] is Status.PENDING:
                        self._consider(dependant, cause)
            else:
                self._drop_if_loser(self._loose.popleft())

    def _consider(self, step: int, cause: Cause | None) -> None:
        if step in self.frozen:
            return
        if self.graph.is_met(step):
            self._ready(step)
        elif self.graph.is_impossible(step):
            reason = "too few of the steps that it needs are done"
            step_id = self.schedule.steps[step].id
            self._unwant(step)
            self._fail(step, Failure(cause or Cause("STEP-JOIN-IMPOSSIBLE", reason, step_id)))

    def _ready(self, step: int) -> None:
        self._set(step, Status.READY)
        run = self.runs[step] = StepRun(self.schedule, step, self._traffic)
        if self.graph.is_quorum(step):
            self._unwant(step)
        if run.is_empty:
            self._finish(step, Status.DONE)
        else:
            self.enqueue(step)

    def _finish(self, step: int, status: Status) -> None:
        self._over(step, status)
        for client in sorted(self._clients.pop(step, [])):
            if status is Status.DONE:
                self._over(client, Status.REPLACED)
            else:
                self._give_up([client], self.causes[client])

    def _over(self, step: int, status: Status) -> None:
        """Nothing is left to do for the step."""
        was = self.status[step]
        self._set(step, status)
        self.runs.pop(step, None)
        self.stands.pop(step, None)
        self.remaining -= was is not Status.DORMANT
        if was is not Status.ABSORBED:
            self._ends.append((step, self.causes.get(step)))
        self._loose.extend(fallbacks(self.schedule.steps[step]))

    def _set(self, step: int, status: Status) -> None:
        self.counts[self.status[step]] -= 1
        self.counts[status] += 1
        self.status[step] = status

    # failing

    def _fail(self, step: int, failure: Failure) -> None:
        run = self.runs.pop(step, None)
        touched = run is not None and run.touched
        self.causes[step] = failure.cause
        spec = self.schedule.steps[step]
        fallback = spec.on_denied if failure.denied else spec.on_failed
        if self.cause is not None:
            self._set(step, Status.FAILED)
        elif fallback is None or self._is_loser(step):
            self._give_up(self._seats(step), failure.cause, touched)
        elif touched:
            self.stands[step] = fallback
            self._set(step, Status.UNDOING)
            self.enqueue(step)
        else:
            self._hand_over(step, fallback)

    def _hand_over(self, step: int, fallback: int) -> None:
        """Let the fallback stand in for the step, and for those for whom the step stood in."""
        seats = sorted(self._clients.pop(step, []))
        while self.status[fallback] is Status.WAITING:
            fallback = self.stands[fallback]
        self._set(step, Status.WAITING)
        if self._has_say(step):
            seats.append(step)
        else:
            # Nobody needs it for itself: were it to wait too, long rows of fallbacks would pile up.
            self._over(step, Status.FAILED)
        for seat in seats:
            self.stands[seat] = fallback
        match self.status[fallback]:
            case Status.DONE | Status.REPLACED:
                for seat in seats:
                    self._over(seat, Status.REPLACED)
            case Status.SKIPPED | Status.DROPPED | Status.ABSORBED | Status.FAILED:
                for seat in seats:
                    self._give_up([seat], self.causes[seat])
            case status:
                self._clients.setdefault(fallback, []).extend(seats)
                if status is Status.DORMANT:
                    self._set(fallback, Status.PENDING)
                    self.remaining += 1
                    self._woken.append(fallback)

    def _seats(self, step: int) -> list[int]:
        """Return the step, and all for which it stood in."""
        return [step, *sorted(self._clients.pop(step, []))]

    def _give_up(self, seats: list[int], cause: Cause, touched: bool = False) -> None:
        """Nothing stands in for the step that failed, the first of `seats`."""
        judged = [seat for seat in seats if self._has_say(seat)]
        if not all(self._absorbs(seat) for seat in judged):
            self._set(seats[0], Status.FAILED)
            self.stop(cause)
            return
        for seat in seats:
            self._absorb(seat, cause, touched and seat == seats[0])

    def _has_say(self, seat: int) -> bool:
        return not self.schedule.steps[seat].fallback or bool(self.graph.dependants[seat])

    def _absorbs(self, step: int) -> bool:
        """Whether the run can go on although nothing comes of the step."""
        if not self.graph.needed[step]:
            return False
        return all(
            self.status[dependant] is not Status.PENDING or self.graph.is_quorum(dependant)
            for dependant in self.graph.dependants[step]
        )

    def _absorb(self, step: int, cause: Cause, touched: bool) -> None:
        self.causes[step] = cause
        if not touched:
            self._over(step, Status.FAILED)
            return
        self.stands.pop(step, None)
        self._set(step, Status.ABSORBED)
        self._ends.append((step, cause))
        self._loose.extend(fallbacks(self.schedule.steps[step]))
        self.enqueue(step)

    # losers

    def _unwant(self, step: int) -> None:
        """The step does not wait for its needs any more."""
        for need in self.schedule.steps[step].needs:
            self.graph.wanted[need] -= 1
            if not self.graph.wanted[need]:
                self._loose.append(need)

    def _is_loser(self, step: int) -> bool:
        """Whether somebody needed the step, and nobody does any more."""
        if not self.schedule.steps[step].fallback:
            return self.graph.needed[step] and not self.graph.wanted[step]
        rest = [seat for seat in self.graph.originals[step] if self._may_call_on(seat, step)]
        if rest or self.status[step] is Status.DORMANT:
            return not rest
        seats = [seat for seat in self._clients.get(step, []) if self._has_say(seat)]
        unneeded = all(self.graph.needed[s] and not self.graph.wanted[s] for s in seats)
        return unneeded and not self.graph.wanted[step]

    def _may_call_on(self, step: int, fallback: int) -> bool:
        """Whether the step may still need the fallback to begin."""
        status = self.status[step]
        over = status in OVER or status in LOST
        return not (over or (status is Status.WAITING and self.stands[step] == fallback))

    def _drop_if_loser(self, step: int) -> None:
        status = self.status[step]
        if status is Status.WAITING:
            self._loose.append(self.stands[step])
            return
        run = self.runs.get(step)
        idle = run is None if status in _BEFORE else run is not None and run.is_untouched
        if not idle or step in self.frozen or not self._is_loser(step):
            return
        if run is not None:
            run.abandon()
        if status in _BEFORE:
            self._unwant(step)
        self._over(step, Status.DROPPED)
        for client in sorted(self._clients.pop(step, [])):
            self._over(client, Status.FAILED)


def _first(step: ScheduledStep) -> Status:
    """Return the status that a step begins with."""
    if step.dropped:
        return Status.DROPPED
    return Status.DORMANT if step.fallback else Status.PENDING
