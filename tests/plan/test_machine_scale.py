"""The machine on large plans: what an event costs, how deep it goes, how small its state is."""

import json
from typing import SupportsIndex, overload

import pytest

from remit.plan.compiled import Schedule
from remit.plan.engine.status import Status
from remit.plan.event import Call, Complete, Done, Failed, Ref, StepUndone, UndoStep
from remit.plan.machine import Machine, MachineError, machine_for
from tests.plan.play import COMPILED, Play, schedule

N = 3000


def chain(length: int, **extra: object) -> Schedule:
    """Return `s0` ... where each step needs the one before."""
    steps = {f"s{n}": {"needs": f"s{n - 1}" if n else "", **extra} for n in range(length)}
    return schedule(None, 0, **steps)


class _Counted(list[Status]):
    """Statuses that count how often one is looked at."""

    looked = 0

    @overload
    def __getitem__(self, index: SupportsIndex) -> Status: ...
    @overload
    def __getitem__(self, index: slice) -> list[Status]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Status | list[Status]:
        self.looked += 1
        return super().__getitem__(index)


def _cost(of: Schedule, ready: int = 1) -> int:
    """Return how many statuses the dearest event looks at while the plan runs to its end."""
    machine = machine_for(of)
    flying = [c.ref for c in machine.start() if isinstance(c, Call)]
    assert len(flying) == ready
    counted = machine._course.status = _Counted(machine._course.status)
    dearest = 0
    while flying:
        before = counted.looked
        commands = machine.apply(Done(flying.pop(0)))
        dearest = max(dearest, counted.looked - before)
        flying += [command.ref for command in commands if isinstance(command, Call)]
    assert machine.ended
    return dearest


def test_an_event_costs_the_same_in_a_long_plan_as_in_a_short_one() -> None:
    """The steps touched per event do not grow with the plan."""
    assert _cost(chain(N)) == _cost(chain(20)) < 20


def test_an_event_costs_the_same_in_a_wide_plan_as_in_a_narrow_one() -> None:
    """Steps that wait for room, or for a join that is not met, cost nothing."""

    def wide(width: int) -> Schedule:
        steps: dict[str, dict[str, object]] = {f"s{n}": {} for n in range(width)}
        return schedule(None, 0, **steps, end={"needs": " ".join(steps)})

    assert _cost(wide(N), 100) == _cost(wide(200), 100) < 20


def test_items_cost_nothing_to_the_others() -> None:
    """Each item of a fan-out is begun and ended by itself."""
    many = schedule({"inline_items": N}, a={"count": N, "max_parallel": 50})

    assert _cost(many, 50) < 20


def _call_all(machine: Machine, first: list[Call]) -> int:
    calls, waiting = 0, list(first)
    while waiting:
        calls += 1
        commands = machine.apply(Done(waiting.pop(0).ref))
        waiting += [command for command in commands if isinstance(command, Call)]
    assert machine.ended
    return calls


def test_long_rows_of_empty_steps_are_one_loop() -> None:
    """Thousands of steps without items are over at once, however they hang together."""
    machine = machine_for(chain(N, count=0))

    assert machine.start() == [Complete()]


def test_long_rows_of_losers_are_dropped_in_one_loop() -> None:
    """A branch that lost is dropped to its end, however long it is."""
    steps: dict[str, dict[str, object]] = {
        f"s{n}": {"needs": f"s{n - 1}" if n else ""} for n in range(N)
    }
    of = schedule(None, 0, fast={}, **steps, end={"needs": f"fast s{N - 1}", "join": 1})
    machine = machine_for(of)
    started = [command for command in machine.start() if isinstance(command, Call)]

    assert _call_all(machine, started) == 3
    assert machine.progress().counts == {"done": 3, "dropped": N - 1}


def test_long_rows_of_fallbacks_fail_one_after_the_other() -> None:
    """Each fallback is tried, undone, and followed by the next, without depth."""
    size = 1200
    steps: dict[str, dict[str, object]] = {
        f"s{n}": {"on_failed": f"s{n + 1}"} if n + 1 < size else {} for n in range(size)
    }
    play = Play(schedule(None, 0, **steps))
    (command,) = play.machine.start()
    for _ in range(size - 1):
        assert isinstance(command, Call)
        cause = play.event("failed s0")
        assert isinstance(cause, Failed)
        (undo,) = play.machine.apply(Failed(command.ref, cause.cause, "happened"))
        assert isinstance(undo, UndoStep)
        (command,) = play.machine.apply(StepUndone(undo.step))

    assert play.send(f"done s{size - 1}") == ["complete"]


def test_long_rows_of_fallbacks_that_cannot_begin_are_one_loop() -> None:
    """Fallbacks whose need was lost fail at once, one after the other, and then the run stops."""
    steps: dict[str, dict[str, object]] = {
        f"f{n}": {"needs": "lost", "on_failed": f"f{n + 1}"} for n in range(N)
    }
    steps[f"f{N}"] = {"needs": "lost"}
    of = schedule(
        None, 0, lost={}, ok={}, end={"needs": "lost ok", "join": 1}, a={"on_failed": "f0"}, **steps
    )  # fmt: skip
    play = Play(of)

    assert play.start() == ["call lost", "call ok", "call a"]
    assert play.send("failed lost none") == []
    assert play.send("done ok") == ["call end"]
    assert play.send("done end") == []
    assert play.send("failed a none") == ["unwind STEP-JOIN-IMPOSSIBLE failed"]


def test_a_snapshot_is_about_one_character_per_step() -> None:
    """Half-way through a large plan, the state is small and plain JSON."""
    steps: dict[str, dict[str, object]] = {f"s{n}": {} for n in range(N)}
    of = schedule(None, 0, **steps, end={"needs": " ".join(steps)})
    machine = machine_for(of)
    machine.start()
    machine.pause()
    for position in range(100):
        machine.apply(Done(Ref(position)))
    snapshot = json.loads(json.dumps(machine.snapshot()))

    assert len(json.dumps(snapshot)) < N + 600
    restored = machine_for(of, snapshot)
    assert restored.start() == [Call(Ref(position)) for position in range(100, 200)]


def test_progress_is_bounded() -> None:
    """Whatever the plan's size, what is shown stays short; only the table is as long as it."""
    steps: dict[str, dict[str, object]] = {f"s{n}": {} for n in range(200)}
    play = Play(schedule(None, 0, **steps))
    play.start()
    for position in range(60):
        play.send(f"gated s{position}")
    play.send("done s60")
    progress = play.machine.progress()

    assert progress.total == 200
    assert progress.counts == {"ready": 39, "running": 160, "done": 1}
    assert (len(progress.running), len(progress.waiting), len(progress.last)) == (20, 20, 20)
    assert progress.last[-1] == "s60 done"
    assert progress.waiting[0] == "s0: gate"
    assert len("\n".join(progress.markdown())) < 1000
    assert progress.model()["counts"] == progress.counts
    assert len(play.machine.table()) == 200


def test_the_table_says_how_each_step_stands() -> None:
    """One line per step, with items, stand-ins and codes."""
    of = schedule(
        a={"count": 3}, b={"on_failed": "f"}, f={}, c={"needs": "a b"}, x={}, y={},
        z={"needs": "x y", "join": 1},
    )  # fmt: skip
    play = Play(of)
    play.start()
    for event in ("done a[0]", "failed b none", "failed x", "done y", "gated f"):
        play.send(event)

    assert play.machine.table() == [
        "running: 1 of 3 items",
        "replacing by f",
        "running",
        "pending",
        "undoing: X-FAILED",
        "done",
        "running",
    ]
    assert play.machine.progress().failed == ["b: B-FAILED", "x: X-FAILED"]


def test_an_unknown_engine_is_refused() -> None:
    """A plan compiled for rules that this version does not know is not run by others."""
    unknown = Schedule(engine=99, compiled=COMPILED, steps=[])

    with pytest.raises(MachineError, match="MACHINE-UNKNOWN-ENGINE"):
        machine_for(unknown)


def test_a_snapshot_is_taken_only_when_idle() -> None:
    """Calls in flight cannot be carried over."""
    play = Play(schedule(a={}))
    play.start()

    with pytest.raises(MachineError, match="MACHINE-NOT-IDLE"):
        play.machine.snapshot()


@pytest.mark.parametrize(
    "snapshot",
    [
        {"steps": "."},
        {"steps": ".?"},
        {"steps": "..", "unknown": 1},
        {"steps": "..", "queue": "a"},
        {"steps": "..", "queue": "7"},
        {"steps": "b."},
        {"steps": "..", "stands": {"0": 9}},
        {"steps": "r.", "runs": {"0": {"begun": 1, "calls": [["f", None, 0, 0, 0]]}}},
    ],
    ids=str,
)
def test_a_snapshot_of_something_else_is_refused(snapshot: dict[str, object]) -> None:
    """State that does not fit the schedule never becomes a machine."""
    document = json.loads(json.dumps(snapshot))

    with pytest.raises(MachineError, match="MACHINE-SNAPSHOT"):
        machine_for(schedule(a={}, b={"needs": "a"}), document)
