"""Expressions: what they say, how they fail, and what the checker knows of types and guards."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import JSON
from remit.plan.expression import ExpressionError, evaluate, reads
from remit.plan.shape import Shape, of_schema
from remit.plan.typecheck import Checker
from tests.plan.compiling import INTEGER, TEXT, record

SCOPE: dict[str, JSON] = {
    "inputs": {"n": 5, "x": 2.5, "l": [1, 2, 3], "none": None, "m": {"a": 1}},
    "steps": {"quote": {"output": {"total": 5, "note": "late"}}},
    "person": {"age": 40},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("steps.quote.output.total <= inputs.n", True),
        ("inputs.x > 2", True),
        ("inputs.l.exists(i, i == 2) && size(inputs.l) == 3", True),
        ("person.age in [30, 40]", True),
        ("has(inputs.q)", False),
        ("has(steps.skipped.output)", False),
        ("has(steps.quote.output)", True),
        ("!has(steps.skipped.output) || steps.skipped.output.id == 'x'", True),
        ("steps.skipped.output.id == 'x' && has(steps.skipped.output)", False),
        ("inputs.none == null", True),
        ("timestamp('2026-12-01T00:00:00Z') > timestamp('2026-11-01T00:00:00Z')", True),
        ("steps.quote.output.note.startsWith('la')", True),
    ],
)
def test_an_expression_says_true_or_false(source: str, value: bool) -> None:
    """CEL over plain JSON; steps that were skipped are simply not there."""
    assert evaluate(source, SCOPE) is value


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("inputs.q == 1", "EXPRESSION-ABSENT"),
        ("steps.skipped.output.id == 'x'", "EXPRESSION-ABSENT"),
        ("nobody.knows", "EXPRESSION-ABSENT"),
        ("1 / 0 == 1", "EXPRESSION-FAILED"),
        ("inputs.n + 1.0 > 2.0", "EXPRESSION-FAILED"),
        ("inputs.n", "EXPRESSION-NOT-BOOL"),
        ("'true'", "EXPRESSION-NOT-BOOL"),
        ("null", "EXPRESSION-NOT-BOOL"),
        ("inputs.n ==", "EXPRESSION-INVALID"),
        ("x" * 2001, "EXPRESSION-INVALID"),
        ("(" * 100 + "true" + ")" * 100, "EXPRESSION-INVALID"),
    ],
)
def test_a_failing_expression_says_why(source: str, code: str) -> None:
    """Neither an error nor another type is ever taken for true or false."""
    with pytest.raises(ExpressionError) as caught:
        evaluate(source, SCOPE)

    assert caught.value.code == code


def test_a_bomb_is_stopped_by_the_iteration_budget() -> None:
    """A million steps inside one expression end early, with a code of their own."""
    many: list[JSON] = list(range(1000))

    with pytest.raises(ExpressionError) as caught:
        evaluate("inputs.l.all(a, inputs.l.all(b, a + b >= 0))", {"inputs": {"l": many}})
    assert caught.value.code == "EXPRESSION-BUDGET"


@given(st.text(max_size=40) | st.text("inputs.n<>=!&|()[]{}'\"$?:+-*/% 01", max_size=40))
def test_no_text_makes_an_expression_crash(source: str) -> None:
    """Any text is evaluated or refused, and nothing but `ExpressionError` leaves."""
    try:
        evaluate(source, SCOPE)
    except ExpressionError:
        return


def test_the_steps_that_an_expression_speaks_of_are_known() -> None:
    """Names inside strings and loop variables are none."""
    source = "has(steps.a.output) && steps.b.output.l.exists(steps, steps == 'steps.c.output')"

    assert reads(source) == {"a", "b"}


def unguarded(source: str) -> set[str]:
    """Return the steps that `source` reads without a guard."""
    checker = Checker(ANYTHING, {"a": ANYTHING, "b": ANYTHING})
    verdict = checker.check(source, {})

    assert verdict.problems == ()
    return {
        str(reading.step)
        for reading in verdict.readings
        if reading.step and not reading.is_guarded and not reading.asks_for_step
    }


ANYTHING = of_schema({})
A, B = "has(steps.a.output)", "has(steps.b.output)"


@pytest.mark.parametrize(
    ("source", "steps"),
    [
        ("steps.a.output.x == 1", {"a"}),
        (f"{A} && steps.a.output.x == 1", set()),
        (f"steps.a.output.x == 1 && {A}", set()),
        (f"{A} || steps.a.output.x == 1", {"a"}),
        (f"!{A} || steps.a.output.x == 1", set()),
        (f"{A} ? steps.a.output.x == 1 : true", set()),
        (f"{A} ? true : steps.a.output.x == 1", {"a"}),
        (f"!{A} ? true : steps.a.output.x == 1", set()),
        (f"{A} && {B} && steps.a.output.x == steps.b.output.x", set()),
        (f"({A} || {B}) && steps.a.output.x == 1", {"a"}),
        (f"{A} && steps.a.output.l.exists(i, i == steps.b.output.x)", {"b"}),
        (f"{A} && [1].exists(i, i == steps.a.output.x)", set()),
        (f"!(!{A}) && steps.a.output.x == 1", set()),
        (f"!(!{A} || !{B}) && steps.b.output.x == 1", set()),
        (f"{B} && steps.a.output.x == 1", {"a"}),
        ("has(steps.a.output.x)", {"a"}),
        (f"{A} && has(steps.a.output.x)", set()),
        (f"({A} && steps.b.output.x == 1) || {B}", {"b"}),
    ],
)
def test_a_guard_counts_where_it_holds_and_nowhere_else(source: str, steps: set[str]) -> None:
    """`&&` and `||` guard in both directions, `?:` and `!` as they read."""
    assert unguarded(source) == steps


SHAPES: dict[str, Shape] = {
    "q": of_schema(
        record(
            id=TEXT,
            total=INTEGER,
            price={"type": "number"},
            note={"type": ["string", "null"]},
            limit={"type": ["integer", "null"]},
            lines={"type": "array", "items": record(sku=TEXT, count=INTEGER)},
            tags={"type": "object", "additionalProperties": INTEGER},
            free={"type": "object"},
            mixed={"type": ["string", "integer"]},
            grid={"type": "array", "items": {"type": "array", "items": INTEGER}},
            child={"anyOf": [record(a=TEXT), {"type": "null"}]},
        )
    ),
    "list": of_schema({"type": "array", "items": record(id=TEXT)}),
    "text": of_schema(TEXT),
}


@pytest.mark.parametrize(
    "source",
    [
        "steps.q.output.total > 5 && steps.q.output.price > 5.0",
        "double(steps.q.output.price) * 2.0 > 1.0",
        "steps.q.output.note == null || steps.q.output.note.size() > 3",
        "steps.q.output.limit == null || steps.q.output.limit > 3",
        "steps.q.output.lines[0].sku == 'a' && steps.q.output.lines.all(l, l.count > 0)",
        "steps.q.output.tags['x'] > 1 && steps.q.output.tags.exists(k, k == 'x')",
        "steps.q.output.free.whatever == 'x'",
        "steps.q.output.mixed == 'x' || steps.q.output.mixed == 3",
        "steps.q.output.grid[0][0] == 1",
        "steps.q.output.child == null || steps.q.output.child.a == 'x'",
        "steps.list.output.exists(o, o.id == 'x')",
        "steps.list.output[0].id == steps.text.output",
        "item.n == 1 && has(steps.q.output)",
    ],
)
def test_what_the_schemas_allow_passes(source: str) -> None:
    """Every kind of schema has a type that its values can be used by."""
    checker = Checker(ANYTHING, SHAPES)

    assert checker.check(source, {"item": of_schema(record(n=INTEGER))}).problems == ()


@pytest.mark.parametrize(
    "source",
    [
        "steps.q.output.totl > 5",
        "steps.q.output.total == 'x'",
        "steps.q.output.lines[0].skuu == 'a'",
        "steps.q.output.lines.all(l, l.count == 'x')",
        "steps.q.output.tags['x'] == 'x'",
        "steps.q.output.total == null",
        "steps.q.output.child.b == 'x'",
        "steps.list.output.id == 'x'",
        "steps.text.output > 3",
        "item.n == 'x'",
        "item.m == 1",
        "steps.q.output.price / steps.q.output.price > 2.0",
    ],
)
def test_what_the_schemas_do_not_allow_is_found(source: str) -> None:
    """A wrong name or type anywhere inside is a problem."""
    checker = Checker(ANYTHING, SHAPES)

    assert checker.check(source, {"item": of_schema(record(n=INTEGER))}).problems != ()


_NAMES = st.sampled_from(
    ["a", "a_b", "aB", "AEntry", "in", "x-y", "name", "T0", "S1", "Steps", "E1"]
)
_SCHEMAS = st.recursive(
    st.sampled_from([TEXT, INTEGER, {"type": "number"}, {}, {"type": ["string", "null"]}, True]),
    lambda inner: (
        st.builds(lambda item: {"type": "array", "items": item}, inner)
        | st.builds(lambda rest: {"type": "object", "additionalProperties": rest}, inner)
        | st.builds(
            lambda fields, kind: {"type": kind, "properties": fields},
            st.dictionaries(_NAMES, inner, max_size=6),
            st.sampled_from(["object", ["object", "null"]]),
        )
        | st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=20,
)


@given(_SCHEMAS, _SCHEMAS)
def test_any_schema_makes_a_checking_environment(inputs: JSON, output: JSON) -> None:
    """Field names that protobuf treats specially do not break the types of other things."""
    checker = Checker(of_schema(inputs), {"s": of_schema(output), "other": of_schema(TEXT)})

    assert checker.check("steps.other.output == 'x' && has(steps.s.output)", {}).problems == ()
    assert checker.check("inputs == inputs && steps.other.output == 'x'", {}).problems == ()


def test_checking_does_not_load_the_protobuf_descriptors() -> None:
    """They would cost every start of the CLI a tenth of a second."""
    script = (
        "import sys; from remit.plan.typecheck import Checker; from remit.plan.shape import ANY;"
        "c = Checker(ANY, {'a': ANY}); assert not c.check('steps.a.output == 1', {}).problems;"
        "sys.exit('google.protobuf.descriptor_pb2' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_readings_know_ways_through_lists_and_indexes() -> None:
    """The way into an output is kept as far as it is written out."""
    checker = Checker(ANYTHING, {"a": ANYTHING})
    verdict = checker.check("steps.a.output.l[0]['k'].x == steps.a.output.m[inputs.i].y", {})

    assert [(reading.root, reading.way) for reading in verdict.readings] == [
        ("steps", ("a", "output", "l", 0, "k", "x")),
        ("inputs", ("i",)),
        ("steps", ("a", "output", "m")),
    ]
