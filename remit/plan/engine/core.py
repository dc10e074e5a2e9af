"""`Machine`: events in, commands out; when to begin, to hold, to stop and to end.

It is deterministic, does no I/O, holds no clock, and never iterates a set. One event costs as much
as the steps that it unlocks. Rules for one step's calls stand in `steprun`, rules between steps in
`course`; here stand the rules for the run:

- Nothing begins while the run is held, paused or stopping; a call that stalls holds the run.
- A stop drains what is in flight: children are asked to stop, gates abandoned, doubts left to the
  unwinding, delays dropped. Then, once, `Unwind` with the first cause.
- A hold holds the unwinding back too, when a failure stops the run; `Resume` lets it go on, and an
  ordered `Stop` ends the hold.
- While an amendment is decided, what it names does not begin, and the run does not complete.
- Answers for calls that are not in flight are ignored; after the end nothing is emitted.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from remit.canonical import JSONObject
from remit.plan.compiled import Schedule
from remit.plan.engine.course import Course
from remit.plan.engine.progress import SHOWN, Progress, name_of
from remit.plan.engine.snapshot import (
    Snapshot,
    cause_of,
    cause_state,
    pack,
    read,
    restore_run,
    run_state,
    unpack,
)
from remit.plan.engine.status import LABELS, Failure, MachineError, Status, Verdict
from remit.plan.engine.steprun import StepRun
from remit.plan.engine.traffic import Traffic, in_order
from remit.plan.event import (
    Amended,
    Cause,
    Command,
    Complete,
    Delayed,
    Done,
    DoubtResolved,
    Event,
    Expanded,
    Failed,
    GateClosed,
    Gated,
    Hold,
    InDoubt,
    Ref,
    Resume,
    Skipped,
    Stalled,
    StepUndone,
    Stop,
    Thaw,
    Unwind,
)

_NO_NEED = (Status.FAILED, Status.ABSORBED, Status.UNDOING, Status.DROPPED)
"""Nothing new can stand on a step that is so."""
Answer = Done | Skipped | Failed | Gated | InDoubt | Stalled


class Machine:
    """The state of one scheduled plan, sub-plan, or part of a step."""

    def __init__(self, schedule: Schedule, snapshot: JSONObject | None = None) -> None:
        """Begin anew, or where `snapshot` was taken.

        Raises:
            MachineError: `MACHINE-SNAPSHOT` when the snapshot is not one of this schedule.
        """
        self.ended = False
        """Whether `Complete` or `Unwind` was emitted."""
        self.held = False
        """Whether an operator, or a call that stalled, holds the run."""
        self._schedule = schedule
        self._traffic = Traffic()
        self._course = Course(schedule, self._traffic)
        self._room = max(1, schedule.limits.parallel)
        self._is_paused = False
        self._is_amending = False
        self._last: deque[str] = deque(maxlen=SHOWN)
        self._failed: deque[str] = deque(maxlen=SHOWN)
        if snapshot is not None:
            self._restore(read(snapshot, schedule))

    # driving

    def start(self) -> list[Command]:
        """Return the commands for everything that can begin; once, before the first event."""
        if self.ended:
            return []
        if self._course.cause is None:
            self._course.open_up()
        return self._conclude()

    def apply(self, event: Event) -> list[Command]:
        """Return the commands that follow from `event`, in the order in which to obey them."""
        if isinstance(event, Amended):
            # Taken even at the end: whoever asks must see the plan that the ledger holds.
            self._schedule = event.schedule
            self._course.amend(event.schedule)
            self._is_amending = False
        if self.ended:
            return []
        match event:
            case Amended():
                pass
            case Thaw():
                self._is_amending = False
                self._course.thaw()
            case Hold() | Resume() | Stop():
                self._steer(event)
            case Expanded() | StepUndone() | GateClosed() | DoubtResolved() | Delayed():
                self._end_wait(event)
            case _:
                self._answer(event)
        self._course.settle()
        return self._conclude()

    def freeze(self, named: Sequence[str], needed: Sequence[str] = ()) -> dict[str, str]:
        """Hold back the steps that an amendment names, and the run's completion.

        `Amended` or `Thaw` ends it. Calls in flight go on.

        Args:
            named: Ids of steps that would be replaced or dropped.
            needed: Ids of steps that new ones would need.

        Returns:
            What speaks against it: id to status in words, of `named` ones that have begun and of
            `needed` ones that are lost. Unknown ids are left out.
        """
        self._is_amending = True
        course = self._course
        places = {step.id: place for place, step in enumerate(self._schedule.steps)}
        against: dict[str, str] = {}
        for step_id in named:
            place = places.get(step_id)
            if place is None or self._schedule.steps[place].dropped:
                continue
            if course.is_amendable(place):
                course.frozen[place] = None
            else:
                against[step_id] = LABELS[course.status[place]]
        for step_id in needed:
            place = places.get(step_id)
            if place is not None and step_id not in named and course.status[place] in _NO_NEED:
                against[step_id] = LABELS[course.status[place]]
        return against

    def pause(self) -> None:
        """Begin nothing more until the snapshot is restored; what is in flight still answers."""
        self._is_paused = True
        self._close()

    # asking

    @property
    def idle(self) -> bool:
        """Whether no call, child, expansion, undo or delay is in flight."""
        return self._traffic.is_idle

    @property
    def open_gates(self) -> list[Ref]:
        """Calls that wait for a vote."""
        return list(self._traffic.gates)

    @property
    def open_doubts(self) -> list[Ref]:
        """Calls of which a person must say whether they happened."""
        return list(self._traffic.doubts)

    @property
    def stalled(self) -> list[Ref]:
        """Calls that `Resume` makes again."""
        return list(self._traffic.stalled)

    def status_of(self, step: int) -> Status:
        """Return where a step stands."""
        return self._course.status[step]

    def progress(self) -> Progress:
        """Return what to show; bounded, whatever the plan's size."""
        traffic = self._traffic
        counts: dict[str, int] = {}
        for status, number in self._course.counts.items():
            if number:
                counts[LABELS[status]] = counts.get(LABELS[status], 0) + number
        waits = (("gate", traffic.gates), ("doubt", traffic.doubts), ("operator", traffic.stalled))
        waiting = [f"{name_of(self._schedule, r)}: {w}" for w, refs in waits for r in _first(refs)]
        return Progress(
            total=len(self._schedule.steps),
            counts=counts,
            running=[name_of(self._schedule, ref) for ref in _first(traffic.flying)],
            waiting=waiting[:SHOWN],
            failed=list(self._failed),
            last=list(self._last),
        )

    def table(self) -> list[str]:
        """Return every step's status in words; looks at the whole plan, so for queries only."""
        statuses = [LABELS[status] for status in self._course.status]
        return [status + self._detail(position) for position, status in enumerate(statuses)]

    def snapshot(self) -> JSONObject:
        """Return the state, compact.

        Raises:
            MachineError: `MACHINE-NOT-IDLE` while anything is in flight.
        """
        if not self.idle:
            raise MachineError("MACHINE-NOT-IDLE", "calls in flight cannot be carried over")
        course = self._course
        kept = (Status.UNDOING, Status.ABSORBED, Status.WAITING, Status.FAILED)
        return Snapshot(
            steps="".join(course.status),
            queue=pack(course.queue),
            runs={i: run_state(run) for i, run in course.runs.items() if not run.is_fresh},
            causes={
                i: cause_state(c) for i, c in course.causes.items() if course.status[i] in kept
            },
            stands=dict(course.stands),
            cause=cause_state(course.cause) if course.cause else None,
            is_held=self.held,
            is_amending=self._is_amending,
            frozen=pack(course.frozen),
            has_ended=self.ended,
            last=list(self._last),
            failed=list(self._failed),
        ).document()

    # taking events

    def _answer(self, event: Answer) -> None:
        ref = event.ref
        run = self._course.runs.get(ref.step)
        if run is None or not run.is_flying(ref):
            return
        if run.is_expanding and not isinstance(event, Failed | Stalled):
            return
        self._say(ref, type(event).__name__.lower())
        verdict = self._verdict(run, event)
        self._conclude_step(ref.step, verdict)

    def _verdict(self, run: StepRun, event: Answer) -> Verdict:
        match event:
            case Done(ref, until):
                return run.done(ref, until)
            case Skipped(ref):
                return run.skipped(ref)
            case Failed(ref, cause, effect, denied):
                return run.failed(ref, Failure(cause, denied), effect)
            case Gated(ref):
                return run.gated(ref)
            case InDoubt(ref):
                return run.in_doubt(ref)
            case Stalled(ref):
                self.held |= not self._traffic.is_leaving
                self._close()
                return run.stalled(ref)

    def _end_wait(
        self, event: Expanded | StepUndone | GateClosed | DoubtResolved | Delayed
    ) -> None:
        if isinstance(event, StepUndone):
            self._undone(event)
            return
        ref = Ref(event.step) if isinstance(event, Expanded) else event.ref
        run = self._course.runs.get(ref.step)
        if run is None:
            return
        match event:
            case Expanded(_, count) if run.is_expanding and run.is_flying(ref):
                self._say(ref, f"has {count} items")
                verdict = run.expanded(count)
            case GateClosed(_, granted, cause) if ref in self._traffic.gates:
                self._say(ref, "granted" if granted else "not granted")
                verdict = run.gate_closed(ref, granted, cause)
            case DoubtResolved() if ref in self._traffic.doubts:
                del self._traffic.doubts[ref]
                verdict = run.queue(ref)
            case Delayed() if ref in self._traffic.delays:
                verdict = run.delayed(ref)
            case _:
                return
        self._conclude_step(ref.step, verdict)

    def _undone(self, event: StepUndone) -> None:
        ref = Ref(event.step)
        if self._traffic.flying.get(ref) != "undo":
            return
        self._traffic.land(ref)
        self._say(ref, "undone" if event.residue is None else "not undone")
        self._course.undone(event.step, event.residue)

    def _conclude_step(self, step: int, verdict: Verdict) -> None:
        if isinstance(verdict, Failure):
            self._failed.append(f"{self._schedule.steps[step].id}: {verdict.cause.code}")
        self._course.conclude(step, verdict)

    def _steer(self, event: Hold | Resume | Stop) -> None:
        match event:
            case Hold():
                self.held |= not self._traffic.is_leaving
            case Resume():
                self.held = False
                for ref in in_order(self._traffic.stalled):
                    del self._traffic.stalled[ref]
                    run = self._course.runs[ref.step]
                    self._course.conclude(ref.step, run.queue(ref))
            case Stop(cause):
                self.held = False
                self._course.stop(cause)
        self._close()

    # what follows

    def _close(self) -> None:
        stopping = self._course.cause is not None
        self._traffic.is_closed = self._is_paused or self.held or stopping

    def _conclude(self) -> list[Command]:
        self._close()
        if self._course.cause is None:
            self._begin()
        if self._course.cause is not None and not self.held:
            self._leave(self._course.cause)
        return self._traffic.take()

    def _begin(self) -> None:
        traffic, course = self._traffic, self._course
        if not traffic.is_closed:
            traffic.begin_late()
            while len(traffic.flying) < self._room and course.begin_next():
                pass
        if self._is_amending:
            return
        if not course.remaining:
            self.ended = True
            traffic.emit(Complete())
        elif not (traffic.is_closed or traffic.is_waiting):
            # The compiler lets no such plan through; were one to come, it must not hang for ever.
            course.stop(Cause("PLAN-STUCK", "steps are left that nothing can ever begin"))

    def _leave(self, cause: Cause) -> None:
        if not self._traffic.is_leaving:
            self._traffic.leave()
        if not self._traffic.flying:
            self.ended = True
            self._traffic.emit(Unwind(cause))

    # inside

    def _say(self, ref: Ref, words: str) -> None:
        self._last.append(f"{name_of(self._schedule, ref)} {words}")

    def _detail(self, position: int) -> str:
        course = self._course
        run = course.runs.get(position)
        if position in course.stands:
            return f" by {self._schedule.steps[course.stands[position]].id}"
        if position in course.causes:
            return f": {course.causes[position].code}"
        if run is not None and self._schedule.steps[position].for_each and run.count is not None:
            return f": {run.over * run.fan.items} of {run.count} items"
        return ""

    def _restore(self, snapshot: Snapshot) -> None:
        course = self._course
        course.status = [Status(character) for character in snapshot.steps]
        course.stands = dict(snapshot.stands)
        course.causes = {step: cause_of(state) for step, state in snapshot.causes.items()}
        course.cause = cause_of(snapshot.cause) if snapshot.cause else None
        at_work = (i for i, s in enumerate(course.status) if s in (Status.READY, Status.RUNNING))
        for step in [*snapshot.runs, *(step for step in at_work if step not in snapshot.runs)]:
            state = snapshot.runs.get(step)
            course.runs[step] = restore_run(self._schedule, step, state, self._traffic)
        course.recount()
        self._is_amending = snapshot.is_amending
        course.frozen = dict.fromkeys(unpack(snapshot.frozen))
        for step in unpack(snapshot.queue):
            course.enqueue(step)
        self.held, self.ended = snapshot.is_held, snapshot.has_ended
        self._last.extend(snapshot.last)
        self._failed.extend(snapshot.failed)


def _first(refs: Iterable[Ref]) -> Iterable[Ref]:
    return islice(refs, SHOWN)
