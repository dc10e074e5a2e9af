"""A running machine takes an amendment: what has begun stays, the rest follows the new plan."""

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from remit.plan.compiled import Limits, Schedule, ScheduledStep
from remit.plan.event import (
    AbandonGate,
    Amended,
    Call,
    Cause,
    Command,
    Complete,
    Done,
    Failed,
    GateClosed,
    Gated,
    Ref,
    Stop,
    Thaw,
    Unwind,
)
from remit.plan.machine import Machine, machine_for
from tests.effort import examples
from tests.plan.play import COMPILED, schedule

RANDOM = st.randoms(use_true_random=True)


def changed(of: Schedule, **changes: dict[str, object]) -> Schedule:
    """Return `of` with steps replaced (a generation higher), dropped, or added at the end."""
    places = {step.id: place for place, step in enumerate(of.steps)}
    places |= {name: len(of.steps) + n for n, name in enumerate(set(changes) - set(places))}
    steps = list(of.steps)
    for name in sorted(changes, key=lambda name: places[name]):
        step = {"tool": "t", **changes[name], "id": name}
        step["needs"] = [places[need] for need in str(step.get("needs", "")).split()]
        place = places[name]
        if place < len(of.steps):
            step["generation"] = of.steps[place].generation + 1
            steps[place] = ScheduledStep.model_validate(step)
        else:
            steps.append(ScheduledStep.model_validate(step))
    return of.model_copy(update={"steps": steps})


def test_replaced_added_and_dropped_steps() -> None:
    """A step in flight goes on; a replaced one begins under its new generation, a dropped never."""
    plan = schedule(a={}, b={"needs": "a"}, c={"needs": "a"})
    machine = machine_for(plan)
    machine.start()

    assert machine.freeze(["b", "c", "n"]) == {}
    assert machine.apply(Done(Ref(0))) == []
    new = changed(plan, b={"needs": "a"}, c={"dropped": True}, n={"needs": "b"})

    assert machine.apply(Amended(new)) == [Call(Ref(1, generation=1))]
    assert machine.apply(Done(Ref(1, generation=1))) == [Call(Ref(3))]
    assert machine.apply(Done(Ref(3))) == [Complete()]
    assert machine.table() == ["done", "done", "dropped", "done"]


def test_begun_steps_speak_against_it() -> None:
    """What runs, is done, or is lost is named with its status, and is not frozen."""
    plan = schedule({"parallel": 1}, a={}, b={}, c={"needs": "a"})
    machine = machine_for(plan)
    machine.start()

    assert machine.freeze(["a", "c"]) == {"a": "running"}
    assert machine.apply(Done(Ref(0))) == [Call(Ref(1))]
    assert machine.freeze(["a"]) == {"a": "done"}


def test_gate_of_a_replaced_step_is_abandoned() -> None:
    """A step that only waits for a vote has not begun: its gate closes, the new one is called."""
    plan = schedule(a={})
    machine = machine_for(plan)
    machine.start()
    machine.apply(Gated(Ref(0)))

    assert machine.freeze(["a"]) == {}
    commands = machine.apply(Amended(changed(plan, a={})))

    assert commands == [AbandonGate(Ref(0)), Call(Ref(0, generation=1))]
    assert machine.apply(GateClosed(Ref(0), granted=True)) == []


def test_a_grant_does_not_begin_a_frozen_step() -> None:
    """A vote that comes while an amendment is decided is kept, and the call made after the thaw."""
    machine = machine_for(schedule(a={}))
    machine.start()
    machine.apply(Gated(Ref(0)))
    machine.freeze(["a"])

    assert machine.apply(GateClosed(Ref(0), granted=True)) == []
    assert machine.apply(Thaw()) == [Call(Ref(0))]


def test_the_run_does_not_complete_while_it_is_amended() -> None:
    """The last answer is held until it is known whether steps are added."""
    plan = schedule(a={})
    machine = machine_for(plan)
    machine.start()
    machine.freeze(["n"])

    assert machine.apply(Done(Ref(0))) == []
    assert machine.apply(Amended(changed(plan, n={"needs": "a"}))) == [Call(Ref(1))]
    assert machine.apply(Done(Ref(1))) == [Complete()]


def test_freeze_is_carried_over() -> None:
    """A machine restored from a snapshot still holds back what an amendment named."""
    plan = schedule(a={}, b={"needs": "a"})
    machine = machine_for(plan)
    machine.start()
    machine.freeze(["b"])
    machine.apply(Done(Ref(0)))

    restored = machine_for(plan, machine.snapshot())

    assert restored.start() == []
    assert restored.apply(Thaw()) == [Call(Ref(1))]


def test_a_stop_comes_before_the_amendment() -> None:
    """A run that is stopping takes the plan over for the eye, and begins nothing of it."""
    plan = schedule(a={}, b={"needs": "a"})
    machine = machine_for(plan)
    machine.start()
    machine.freeze(["b"])
    machine.apply(Stop(Cause("STOPPED", "ordered", "", "cancelled")))

    assert machine.apply(Amended(changed(plan, b={}, n={}))) == []
    failed = Failed(Ref(0), Cause("LATE", "late"), "none")
    assert [type(command) for command in machine.apply(failed)] == [Unwind]
    assert len(machine.table()) == 3


class _Peace:
    """Everything succeeds, in random order; remembers each call and what was over before it."""

    def __init__(self, plan: Schedule, random: Random) -> None:
        self.plan = plan
        self.random = random
        self.machine: Machine = machine_for(plan)
        self.calls: Counter[Ref] = Counter()
        self.flying: list[Ref] = []
        self.over: set[int] = set()
        self.left: Counter[int] = Counter()
        self.complete = False

    def obey(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Complete):
                self.complete = True
                continue
            assert isinstance(command, Call)
            step = self.plan.steps[command.ref.step]
            assert command.ref.generation == step.generation
            assert all(need in self.over for need in step.needs)
            if not self.calls_of(command.ref.step):
                self.left[command.ref.step] = step.count or 1
            self.calls[command.ref] += 1
            self.flying.append(command.ref)

    def calls_of(self, place: int) -> int:
        return sum(count for ref, count in self.calls.items() if ref.step == place)

    def turn(self) -> None:
        ref = self.flying.pop(self.random.randrange(len(self.flying)))
        self.left[ref.step] -= 1
        if not self.left[ref.step]:
            self.over.add(ref.step)
        self.obey(self.machine.apply(Done(ref)))

    def run(self) -> None:
        while self.flying:
            self.turn()
        assert self.complete


def _random(random: Random, size: int) -> Schedule:
    steps = []
    for place in range(size):
        count = random.choice([None, None, 1, 3])
        step = {
            "id": f"s{place}",
            "tool": "t",
            "needs": random.sample(range(place), min(place, random.choice([0, 1, 2]))),
            "for_each": count is not None,
            "count": count,
        }
        steps.append(ScheduledStep.model_validate(step))
    limits = Limits(parallel=random.randint(1, 4))
    return Schedule(compiled=COMPILED, steps=steps, limits=limits)


def _amended(random: Random, of: Schedule, free: list[int]) -> Schedule:
    """Replace and drop some of `free`, add some; nothing needs a step that is dropped."""
    needed = {need for step in of.steps for need in step.needs}
    steps = list(of.steps)
    for place in free:
        more = {"generation": steps[place].generation + 1}
        if place not in needed and random.random() < 0.4:
            steps[place] = ScheduledStep(id=steps[place].id, dropped=True, **more)
        elif random.random() < 0.5:
            needs = random.sample(range(place), min(place, random.choice([0, 1, 2])))
            alive = [need for need in needs if not steps[need].dropped]
            update = {**more, "needs": alive}
            steps[place] = steps[place].model_copy(update=update)
    for place in range(len(steps), len(steps) + random.randint(0, 3)):
        alive = [need for need in range(place) if not steps[need].dropped]
        needs = random.sample(alive, min(len(alive), random.choice([0, 1, 2])))
        steps.append(ScheduledStep(id=f"s{place}", tool="t", needs=needs))
    return of.model_copy(update={"steps": steps})


@settings(max_examples=examples(300), deadline=None)
@given(random=RANDOM, size=st.integers(1, 10))
def test_amendments_keep_order_and_call_everything_once(random: Random, size: int) -> None:
    """Whenever it comes: no call is lost, doubled or stale, and none begins before its needs."""
    peace = _Peace(_random(random, size), random)
    peace.obey(peace.machine.start())
    for _ in range(random.randint(0, 6)):
        if peace.flying:
            peace.turn()
    if not peace.complete:
        _amend(peace, random)
    peace.run()

    for place, step in enumerate(peace.plan.steps):
        expected = 0 if step.dropped else (step.count if step.for_each else 1)
        assert peace.calls_of(place) == expected
    assert max(peace.calls.values()) == 1


def _amend(peace: _Peace, random: Random) -> None:
    names = [step.id for step in peace.plan.steps]
    begun = {ref.step for ref in peace.calls}
    against = peace.machine.freeze(names)
    assert {names.index(name) for name in against} == begun
    before = dict(peace.calls)
    for _ in range(random.randint(0, 2)):
        if peace.flying:
            peace.turn()
    free = [place for place in range(len(names)) if place not in begun]
    assert {ref.step for ref in peace.calls} == begun, "a frozen step began"
    if peace.machine.idle and random.random() < 0.5:
        peace.machine = machine_for(peace.plan, peace.machine.snapshot())
        assert peace.machine.start() == []
    peace.plan = _amended(random, peace.plan, free)
    peace.obey(peace.machine.apply(Amended(peace.plan)))
    assert all(peace.calls[ref] == count for ref, count in before.items())


@settings(max_examples=examples(100), deadline=None)
@given(random=RANDOM, size=st.integers(1, 10))
def test_amending_before_the_start_is_starting_the_amended(random: Random, size: int) -> None:
    """Where nothing has begun, the machine does what one of the amended plan does."""
    plan = _random(random, size).model_copy(update={"limits": Limits(parallel=1)})
    machine = machine_for(plan)
    machine.freeze([step.id for step in plan.steps])
    assert machine.start() == []
    new = _amended(random, plan, list(range(size)))

    assert machine.apply(Amended(new)) == machine_for(new).start()
