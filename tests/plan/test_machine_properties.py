"""The machine in random worlds, judged by a naive reading of the rules."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from remit.plan.compiled import Limits, Schedule
from remit.plan.event import Complete, Ref
from tests.effort import examples
from tests.plan.machine_world import World, random_schedule

RANDOM = st.randoms(use_true_random=True)


@settings(max_examples=examples(400), deadline=None)
@given(random=RANDOM, size=st.integers(0, 12), calm=st.sampled_from([0.6, 0.85, 0.97]))
def test_every_run_obeys_the_rules_and_ends_once(random: Random, size: int, calm: float) -> None:
    """Whatever happens in whatever order, only what may begin begins, and the run ends once."""
    World(random_schedule(random, size), random, calm=calm).run()


def _peaceful(schedule: Schedule) -> Schedule:
    steps = [step.model_copy(update={"join": -1}) for step in schedule.steps]
    return schedule.model_copy(update={"steps": steps})


@settings(max_examples=examples(150), deadline=None)
@given(random=RANDOM, size=st.integers(1, 12))
def test_restarts_do_not_change_what_is_called(random: Random, size: int) -> None:
    """A run carried over at every turn makes the same calls as one that never was."""
    schedule = _peaceful(random_schedule(random, size))
    plain, carried = _Peaceful(schedule, random), _Peaceful(schedule, random, pauses=True)

    assert type(plain.run()) is type(carried.run()) is Complete
    assert plain.calls == carried.calls
    assert carried.restarts >= carried.chances - 1


class _Peaceful(World):
    """A world in which everything succeeds, and whose answers depend on the call alone."""

    def __init__(self, schedule: Schedule, random: Random, *, pauses: bool = False) -> None:
        super().__init__(schedule, random, calm=1)
        self.pauses = pauses
        self.restarts = self.chances = 0

    def _disturb(self) -> None:
        if self.pauses and not self.paused:
            self.chances += 1
            self._pause()

    def _restore(self) -> None:
        self.restarts += 1
        super()._restore()

    def _answer_expand(self, step: int) -> None:
        self._expand_to(step, step % 4)

    def _until(self, ref: Ref) -> bool:
        return ref.iteration + 1 >= self.schedule.steps[ref.step].repeat


@settings(max_examples=20, deadline=None)
@given(random=RANDOM)
def test_bounds_hold_for_wide_plans(random: Random) -> None:
    """A plan much wider than the bound runs to its end within the bound."""
    limits = Limits(parallel=2, inline_items=3, chunk_items=2)
    wide = random_schedule(random, 12).model_copy(update={"limits": limits})
    world = _Peaceful(_peaceful(wide), random)

    assert isinstance(world.run(), Complete)
