"""What was said of a plan before its run, held to what the real machine then does with it."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from remit.canonical import JSONObject
from remit.plan.compiled import CompiledPlan
from remit.plan.event import (
    Call,
    Cause,
    Command,
    Complete,
    Done,
    Event,
    Failed,
    Skipped,
    StepUndone,
    UndoStep,
    Unwind,
)
from remit.plan.flow import PlanFlow
from remit.plan.machine import machine_for
from remit.plan.scheduling import schedule_of
from tests.effort import examples
from tests.plan.compiling import plan
from tests.plan.flowing import call, compiled, flow, output

_TOOLS = ("crm.read", "hr.read", "pub.read", "us.store", "mail.send")


@st.composite
def documents(draw: st.DrawFn) -> JSONObject:
    """Draw a plan of joins, conditions and rows of fallbacks."""
    size = draw(st.integers(2, 7))
    steps: list[JSONObject] = []
    for place in range(size):
        earlier = [f"s{n}" for n in range(place)]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        step = call(f"s{place}", draw(st.sampled_from(_TOOLS)), *needs)
        if needs and draw(st.booleans()):
            step["join"] = {"quorum": draw(st.integers(1, len(needs)))}
        if draw(st.integers(0, 3)) == 0:
            step["when"] = "inputs.yes"
        steps.append(step)
    for step in draw(st.lists(st.sampled_from(steps), unique_by=id, max_size=3)):
        steps += _row(draw, step)
    return plan(*steps, inputs={"yes": True})


def _row(draw: st.DrawFn, step: JSONObject) -> list[JSONObject]:
    row = []
    for number in range(draw(st.integers(1, 2))):
        fallback = call(f"f{number}{step['id']}", draw(st.sampled_from(_TOOLS)))
        step |= dict.fromkeys(draw(st.sampled_from(_WAYS)), fallback["id"])
        row.append(fallback)
        step = fallback
    return row


_WAYS = (["on_failed"], ["on_denied"], ["on_failed", "on_denied"])


class Play:
    """One run on the real machine, with random answers."""

    def __init__(self, made: CompiledPlan, found: PlanFlow) -> None:
        self.plan = made
        self.flow = found
        self.called: set[str] = set()
        """Tools whose calls happened."""
        self.safe: list[str] = []
        """Steps that are done, and behind which nothing was to fail."""

    def answer(self, command: Command, random: Random) -> list[Event]:
        """Return what follows a command, and hold it to what was said before the run."""
        if isinstance(command, UndoStep):
            return [StepUndone(command.step)]
        if not isinstance(command, Call):
            assert isinstance(command, Unwind | Complete)
            assert not (isinstance(command, Unwind) and self.safe), self.safe
            return []
        return [self._answer(command, random)]

    def begin(self, commands: list[Command]) -> None:
        """Hold every step that begins to what was to come before it."""
        for command in commands:
            if isinstance(command, Call):
                step = self.plan.steps[command.ref.step]
                missing = {*self.flow.steps[step.id].tools_before} - self.called
                assert not missing, (step.id, missing)

    def _answer(self, asked: Call, random: Random) -> Event:
        step = self.plan.steps[asked.ref.step]
        chance = random.random()
        if step.when is not None and chance < 0.3:
            return Skipped(asked.ref)
        if chance < 0.55:
            effect = random.choice(["none", "happened", "unknown"])
            denied = random.random() < 0.3
            return Failed(asked.ref, Cause("X", "x", step.id), effect, denied)
        if step.call is not None:
            self.called.add(step.call.tool)
        if not self.flow.steps[step.id].may_fail_behind:
            self.safe.append(step.id)
        return Done(asked.ref)


@settings(max_examples=examples(150))
@given(documents(), st.randoms(use_true_random=False))
def test_what_was_certain_before_the_run_holds_in_it(document: JSONObject, random: Random) -> None:
    """No step begins before the tools that surely come before it, and no run fails behind a step of
    which it was said that nothing can."""
    made, compilation = compiled(document)
    play = Play(made, flow(document))
    machine = machine_for(schedule_of(made, compilation.contracts, compilation.digest))
    waiting = list(machine.start())
    play.begin(waiting)
    while waiting:
        command = waiting.pop(random.randrange(len(waiting)))
        for event in play.answer(command, random):
            follows = machine.apply(event)
            play.begin(follows)
            waiting += follows


@st.composite
def chains(draw: st.DrawFn) -> list[JSONObject]:
    """Draw steps that hand texts on, in an order in which they may run."""
    steps = [call("s0", draw(st.sampled_from(_TOOLS)))]
    for place in range(1, draw(st.integers(2, 7))):
        need = draw(st.sampled_from([str(step["id"]) for step in steps]))
        text = output(need) if draw(st.booleans()) else None
        steps.append(call(f"s{place}", draw(st.sampled_from(_TOOLS)), need, text=text))
    return steps


@given(chains(), st.randoms(use_true_random=False))
def test_the_order_in_which_steps_are_written_changes_nothing(
    steps: list[JSONObject], random: Random
) -> None:
    """So a plan that is refused for a flow, a sequence or its order stays refused."""
    mixed = list(steps)
    random.shuffle(mixed)

    assert flow(plan(*mixed)) == flow(plan(*steps))


@given(chains())
def test_a_step_is_given_no_less_by_referring_to_more(steps: list[JSONObject]) -> None:
    """Every further reference may only add classes, to the step and to all behind it."""
    before = flow(plan(*steps)).steps
    richer = [
        {**step, "args": {"text": output(str(needs[0]))}} if needs else step
        for step in steps
        if isinstance(needs := step["needs"], list)
    ]
    after = flow(plan(*richer)).steps

    for name, step in before.items():
        assert {*step.inflow} <= {*after[name].inflow}
