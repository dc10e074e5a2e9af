"""Checking one expression for all that are like it gives what checking each would give."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from remit.plan.likeness import Likeness
from remit.plan.shape import Shape, of_schema
from remit.plan.typecheck import Checker, Verdict
from tests.effort import examples
from tests.plan.compiling import INTEGER, TEXT, record

KINDS = {"a": "number", "b": "number", "c": "number", "x": "text", "y": "text", "in": "number"}


@pytest.mark.parametrize(
    ("source", "like"),
    [
        ("steps.b.output.n > 0", "steps.a.output.n > 0"),
        ("steps.y.output.t == 'steps'", None),
        ("steps.y.output.t == 'b'", "steps.x.output.t == 'b'"),
        ("steps.c.output.n > steps.b.output.n", "steps.a.output.n > steps.b.output.n"),
        (
            "has(steps.b.output) && steps.b.output.n > 0",
            "has(steps.a.output) && steps.a.output.n > 0",
        ),
        (
            "steps.y.output.t == string(steps.c.output.n)",
            "steps.x.output.t == string(steps.a.output.n)",
        ),
        ("inputs.l.exists(i, i > steps.b.output.n)", "inputs.l.exists(i, i > steps.a.output.n)"),
    ],
)
def test_alike_steps_give_alike_expressions(source: str, like: str | None) -> None:
    """The first step of a kind stands for the first one that is named, the second for the next."""
    found = Likeness(KINDS).of(source)

    assert (None if found is None else found.source) == like


def test_a_likeness_says_which_steps_were_meant() -> None:
    """What is found in the likeness can be told of the expression itself."""
    found = Likeness(KINDS).of("steps.c.output.n > steps.b.output.n || steps.y.output.t == ''")

    assert found is not None
    assert found.meant == {"a": "c", "b": "b", "x": "y"}


@pytest.mark.parametrize(
    "source",
    [
        "inputs.n > 0",
        "steps.ghost.output.n > 0",
        "steps.in.output.n > 0",
        "steps['b'].output.n > 0",
        "steps . b.output.n > 0",
        "steps.b.outputs.n > 0",
        "inputs.steps.b.output.n > 0",
        "inputs. steps.b.output.n > 0",
        "inputs. // of\nsteps.b.output.n > 0",
        "inputs.l.all(steps, steps.b.output.n > 0)",
        "'steps.b.output.n' == inputs.t",
        "'''a ' steps.b.output.n ' b''' == inputs.t",
        "'\\' + steps.b.output.n + \\'' == inputs.t",
        "inputs.`a steps.b.output.n`",
        "steps.b.output.n > 0 // steps",
    ],
)
def test_what_is_not_surely_the_output_of_a_step_has_no_likeness(source: str) -> None:
    """Strings, comments, members and names of macros are never rewritten."""
    assert Likeness(KINDS).of(source) is None


NUMBER = of_schema(record(n=INTEGER, l={"type": "array", "items": INTEGER}, optional=("l",)))
TEXTS = of_schema(record(t=TEXT))
OUTPUTS: dict[str, Shape] = {
    **dict.fromkeys(("a", "b", "c", "in", "true"), NUMBER),
    **dict.fromkeys(("x", "y"), TEXTS),
}
INPUTS = of_schema(record(n=INTEGER, t=TEXT, steps=record(a=record(output=record(n=INTEGER)))))

_SOUND = [f"steps.{step}.output.{field}" for step, field in ("an", "bn", "cn", "bl", "xt", "yt")]
_ODD = """
steps.in.output.n steps.ghost.output.n steps.b.output steps.b.outputs.n steps['b'].output.n
inputs.steps.b.output.n steps.y.output['t'] steps.true.output.n .steps.b.output.n steps.b
"""
_WAYS = st.sampled_from(_SOUND) | st.sampled_from(
    [*_SOUND, "inputs. steps.b.output.n", "inputs. // of\nsteps.b.output.n", *_ODD.split()]
)
_FORMS = """
{0} > {1}
{0} == 5
{0} == 'b'
{0} == "steps.b.output.n"
has({0}) && {0} > 0
{0} > 0 || {1} > 0
size({0}) > 0
{0}.exists(i, i > {1})
[{0}, {1}].all(steps, steps > 0)
[inputs].all(steps, {0} > 0)
[inputs.steps].all(steps, steps.b.output.n > 0)
{0} + 1.0 > 2.0
{0} in [{1}]
'{0}' == '{1}'
{0} > 0 // {1}
has({0}) ? {0} == {1} : {1} == 't'
{{'a': {0}}}.a == {1}
!has({0}) || {1} > 0
{0}.map(i, i) == [1]
'''{0}''' != '{1}'
"""
_TERMS = st.builds(str.format, st.sampled_from(_FORMS.strip().splitlines()), _WAYS, _WAYS)
_TEXTS = st.lists(_TERMS, min_size=1, max_size=2).map(" && ".join)


_NOBODY: dict[str, Shape] = {}
_SEEN = st.sampled_from([_NOBODY, {"output": NUMBER}, {"person": TEXTS}])
Sources = list[tuple[str, dict[str, Shape]]]


def _checked_apart(sources: Sources) -> list[Verdict]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Likeness, "of", lambda *_: None)
        checker = Checker(INPUTS, OUTPUTS)
        return [checker.check(source, names) for source, names in sources]


@settings(max_examples=examples(100), deadline=None)
@example([("steps.b.output.n > who", {"person": TEXTS}), ("steps.a.output.n > who", {})])
@given(st.lists(st.tuples(_TEXTS, _SEEN), min_size=1, max_size=12))
def test_a_verdict_is_the_same_whatever_was_checked_before(sources: Sources) -> None:
    """Sharing the work changes neither what is found nor what is read."""
    checker = Checker(INPUTS, OUTPUTS)

    assert [checker.check(source, names) for source, names in sources] == _checked_apart(sources)
