"""A random world for the machine: plans, answers, operators, duplicates and restarts."""

from collections import Counter
from random import Random

from remit.plan.compiled import Limits, Schedule, ScheduledStep
from remit.plan.event import (
    AbandonGate,
    Call,
    Cause,
    Command,
    Complete,
    Delay,
    Delayed,
    Done,
    DoubtResolved,
    DropDelay,
    Event,
    Expand,
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
    StartChild,
    StepUndone,
    Stop,
    StopChild,
    UndoStep,
    Unwind,
)
from remit.plan.machine import Machine, machine_for
from tests.plan.machine_judge import Judge

COMPILED = "sha256:" + "0" * 64


def random_schedule(random: Random, size: int) -> Schedule:
    """Return a random valid plan: joins, fallbacks, fan-outs, repetition, children."""
    steps = [_random_step(random, place) for place in range(size)]
    place = 0
    while place < len(steps):
        earlier = min(place, size)
        if random.random() < 0.25:
            ways = random.choice([["on_denied"], ["on_failed"], ["on_denied", "on_failed"]])
            steps[place] |= dict.fromkeys(ways, len(steps))
            needs = random.sample(range(earlier), min(earlier, random.choice([0, 0, 1])))
            if place < size:
                steps.append({**_random_step(random, 0), "needs": needs, "fallback": True})
            else:
                steps.append({"tool": "t", "fallback": True})
            if place + 1 < size and random.random() < 0.2:
                steps[place + 1]["on_failed"] = len(steps) - 1
        place += 1
    named = [{**step, "id": f"s{place}"} for place, step in enumerate(steps)]
    limits = Limits(
        parallel=random.randint(1, 5),
        inline_items=random.choice([2, 4, 100]),
        chunk_items=random.choice([2, 3]),
        gates_per_step=random.choice([1, 3]),
    )
    made = [ScheduledStep.model_validate(step) for step in named]
    return Schedule(compiled=COMPILED, steps=made, limits=limits)


def _random_step(random: Random, place: int) -> dict[str, object]:
    needs = random.sample(range(place), min(place, random.choice([0, 1, 1, 2, 3])))
    step: dict[str, object] = {"tool": "t", "needs": needs}
    if needs and random.random() < 0.35:
        step["join"] = random.randint(1, len(needs))
    if random.random() < 0.35:
        step |= {"for_each": True, "max_parallel": random.randint(1, 5)}
        step["count"] = random.choice([None, 0, 1, 3, 7])
    if random.random() < 0.2:
        step |= {"repeat": random.randint(1, 3), "every_s": random.choice([0, 5])}
    step["child"] = random.choice(["", "", "", "plan", "long"])
    return step


class World:
    """Answers a machine's commands at random, with operators, duplicates and restarts."""

    def __init__(self, schedule: Schedule, random: Random, *, calm: float = 0.7) -> None:
        self.schedule = schedule
        self.judge = Judge(schedule)
        self.random = random
        self.calm = calm
        """How likely a call simply succeeds."""
        self.machine = machine_for(schedule)
        self.twin: Machine | None = None
        self.delays: dict[Ref, None] = {}
        self.gates: dict[Ref, None] = {}
        self.doubts: dict[Ref, None] = {}
        self.stalled: dict[Ref, None] = {}
        self.gated: Counter[Ref] = Counter()
        self.ended: list[Command] = []
        self.calls: Counter[Ref] = Counter()
        self.held = self.paused = self.leaving = False
        self._past: list[Event] = []
        self._commands: dict[Ref, Command] = {}

    def run(self) -> Command:
        """Drive to the end; return the command that ended the run."""
        self.obey(self.machine.start())
        for _ in range(5000):
            if self.ended:
                break
            self._turn()
        assert len(self.ended) == 1, "the run does not end"
        for event in [*self._past[-5:], Hold(), Resume(), Stop(Cause("LATE", "too late"))]:
            assert self.machine.apply(event) == [], "something follows after the end"
        return self.ended[0]

    def _turn(self) -> None:
        if self.paused and self.machine.idle:
            self._restore()
        elif self.random.random() < 0.1:
            self._disturb()
        else:
            self._go_on()

    # what happens of itself

    def _go_on(self) -> None:
        flying = list(self.judge.flying)
        waits = [self._end_delay] * bool(self.delays) + [self._end_gate] * bool(self.gates)
        waits += [self._end_doubt] * bool(self.doubts)
        if self.held and not flying:
            waits.append(self._resume)
        ways = [self._answer] * (3 * bool(flying)) + waits
        if ways:
            self.random.choice(ways)()
        else:
            assert self.paused, "nothing is under way, and the run has not ended"

    def _answer(self) -> None:
        ref = self.random.choice(list(self.judge.flying))
        command = self.judge.flying.pop(ref)
        if isinstance(command, UndoStep):
            bad = self.random.random() < 0.05
            self._send(StepUndone(command.step, self._cause("RESIDUE", ref) if bad else None))
        elif isinstance(command, Expand):
            self._answer_expand(command.step)
        else:
            self._answer_call(ref, is_child=isinstance(command, StartChild))

    def _answer_expand(self, step: int) -> None:
        if self.random.random() < self.calm:
            self._expand_to(step, self.random.choice([0, 1, 2, 5]))
        elif self.random.random() < 0.5:
            self._stall(Ref(step))
        else:
            self._fail(Ref(step), effect="none")

    def _expand_to(self, step: int, count: int) -> None:
        self.judge.counts[step] = count
        self._send(Expanded(step, count))

    def _answer_call(self, ref: Ref, *, is_child: bool) -> None:
        if self.random.random() < self.calm:
            self._succeed(ref)
            return
        ways = [self._skip, self._fail, self._deny]
        if not is_child:
            ways += [self._gate, self._doubt, self._stall]
        self.random.choice(ways)(ref)

    def _succeed(self, ref: Ref) -> None:
        step = self.schedule.steps[ref.step]
        until = self._until(ref) if step.repeat else None
        is_whole = step.child == "long" or self._is_chunk(ref)
        goes_on = bool(step.repeat) and not until and not is_whole
        self.judge.ends[ref.step][ref] = "again" if goes_on else "done"
        if goes_on and ref.iteration + 1 >= step.repeat:
            self._note_fatal(Failed(ref, self._cause("STEP-REPEAT-EXHAUSTED", ref), "happened"))
        self._send(Done(ref, until))

    def _until(self, ref: Ref) -> bool:
        return self.random.random() < 0.6

    def _is_chunk(self, ref: Ref) -> bool:
        command = self._commands[ref]
        return isinstance(command, StartChild) and command.kind == "items"

    def _skip(self, ref: Ref) -> None:
        self.judge.ends[ref.step][ref] = "done" if ref.iteration else "skipped"
        self._send(Skipped(ref))

    def _fail(self, ref: Ref, effect: str = "") -> None:
        chosen = effect or self.random.choice(["none", "happened", "unknown"])
        event = Failed(ref, self._cause("FAILED", ref), "none")
        if chosen == "happened":
            event = Failed(ref, event.cause, "happened")
        elif chosen == "unknown":
            event = Failed(ref, event.cause, "unknown")
        self._note_fatal(event)
        self._send(event)

    def _deny(self, ref: Ref) -> None:
        event = Failed(ref, self._cause("DENIED", ref), "none", denied=True)
        self._note_fatal(event)
        self._send(event)

    def _note_fatal(self, event: Failed) -> None:
        known = self.judge.fatal.setdefault(event.ref.step, event)
        if known is not event and event.effect != "none":
            merged = Failed(known.ref, known.cause, event.effect, known.denied)
            self.judge.fatal[event.ref.step] = merged
        self.judge.causes.append(event.cause)

    def _gate(self, ref: Ref) -> None:
        self.gated[ref] += 1
        self.gates[ref] = None
        if self.gated[ref] > self.schedule.limits.gates_per_step:
            cause = self._cause("STEP-TOO-MANY-GATES", ref)
            self._note_fatal(Failed(ref, cause, "none", denied=True))
        self._send(Gated(ref))

    def _doubt(self, ref: Ref) -> None:
        self.doubts[ref] = None
        self._send(InDoubt(ref))

    def _stall(self, ref: Ref) -> None:
        self.stalled[ref] = None
        self.held = True
        self._send(Stalled(ref, self._cause("STALLED", ref)))

    def _end_delay(self) -> None:
        ref = self.random.choice(list(self.delays))
        del self.delays[ref]
        self._send(Delayed(ref))

    def _end_gate(self) -> None:
        ref = self.random.choice(list(self.gates))
        del self.gates[ref]
        if self.random.random() < 0.8:
            self.judge.allowed[ref] += 1
            self._send(GateClosed(ref, granted=True))
        else:
            cause = self._cause("REJECTED", ref)
            self._note_fatal(Failed(ref, cause, "none", denied=True))
            self._send(GateClosed(ref, granted=False, cause=cause))

    def _end_doubt(self) -> None:
        ref = self.random.choice(list(self.doubts))
        del self.doubts[ref]
        self.judge.allowed[ref] += 1
        self._send(DoubtResolved(ref))

    def _cause(self, code: str, ref: Ref) -> Cause:
        return Cause(code, "because", f"{ref}")

    # what people and machines do to it

    def _disturb(self) -> None:
        ways = [self._hold, self._resume, self._pause, self._repeat_past, self._fork]
        if self.random.random() < 0.1:
            ways = [self._stop]
        self.random.choice(ways)()

    def _hold(self) -> None:
        self.held = True
        self._send(Hold())

    def _resume(self) -> None:
        self.held = False
        for ref in self.stalled:
            self.judge.allowed[ref] += 1
        self.stalled.clear()
        self._send(Resume())

    def _stop(self) -> None:
        cause = Cause("STOPPED", "ordered", "", "cancelled")
        self.judge.causes.append(cause)
        self.held = False
        self.leaving = True
        self._send(Stop(cause))

    def _pause(self) -> None:
        self.paused, self.twin = True, None
        self.machine.pause()

    def _restore(self) -> None:
        self.paused = False
        self.machine = machine_for(self.schedule, self.machine.snapshot())
        self.obey(self.machine.start())

    def _fork(self) -> None:
        """Where the machine is idle, let a restored twin run beside it: both must do the same."""
        if self.machine.idle and not self.paused and not self.ended:
            self.twin = machine_for(self.schedule, self.machine.snapshot())
            assert self.twin.start() == []
            assert self.twin.snapshot() == self.machine.snapshot()

    def _repeat_past(self) -> None:
        """Send again what nobody waits for any more: nothing may follow."""
        event = self.random.choice(self._past) if self._past else None
        if event is not None and self._is_stale(event):
            assert self.machine.apply(event) == [], f"{event} was taken twice"

    def _is_stale(self, event: Event) -> bool:
        if isinstance(event, Hold | Resume | Stop):
            return False
        if isinstance(event, Expanded | StepUndone):
            return Ref(event.step) not in self.judge.flying
        places = (self.judge.flying, self.delays, self.gates, self.doubts)
        return not any(event.ref in place for place in places)

    # obeying

    def _send(self, event: Event) -> None:
        self._past.append(event)
        commands = self.machine.apply(event)
        if self.twin is not None:
            assert self.twin.apply(event) == commands, "a restored machine does otherwise"
        if self.held and not self.machine.held:
            # A run that is stopping cannot be held; from here on nothing may begin.
            self.held, self.leaving = False, True
        self.obey(commands)

    def obey(self, commands: list[Command]) -> None:
        """Check and take in what the machine emits."""
        for command in commands:
            self._obey(command)
        if not self.ended:
            self._check_waits()

    def _obey(self, command: Command) -> None:
        assert not self.ended, f"{command} after the end"
        match command:
            case Complete() | Unwind():
                self._end(command)
            case AbandonGate(ref):
                assert ref in self.gates, f"{ref} has no open gate"
                del self.gates[ref]
            case DropDelay(ref):
                del self.delays[ref]
            case StopChild(ref):
                assert isinstance(self.judge.flying.get(ref), StartChild)
            case Delay(ref):
                self._check_free()
                assert ref not in self.delays
                self.delays[ref] = None
            case Call(ref) | StartChild(ref):
                self._check_free()
                self.judge.takes(command)
                self._commands[ref] = command
                self.calls[ref] += 1
            case Expand() | UndoStep():
                self._check_free()
                self.judge.takes(command)

    def _check_free(self) -> None:
        blocks = (self.held, self.paused, self.leaving)
        assert not any(blocks), "something begins while held, paused or stopping"

    def _end(self, command: Command) -> None:
        self.ended.append(command)
        assert not self.judge.flying, "the run ends before everything has answered"
        if isinstance(command, Complete):
            self.judge.check_complete()
        elif isinstance(command, Unwind):
            assert not self.held, "the unwinding begins while held"
            codes = {cause.code for cause in self.judge.causes} | {"RESIDUE"}
            assert command.cause.code in codes | {"STEP-JOIN-IMPOSSIBLE"}, command

    def _check_waits(self) -> None:
        assert self.machine.held == self.held
        assert set(self.machine.open_gates) == set(self.gates)
        assert self.machine.idle == (not self.judge.flying and not self.delays)
        for known, place in (
            (self.machine.open_doubts, self.doubts),
            (self.machine.stalled, self.stalled),
        ):
            # What a failed or stopping step had open is left to its undoing, without a word.
            for ref in [ref for ref in place if ref not in known]:
                del place[ref]
            assert set(known) == set(place)
