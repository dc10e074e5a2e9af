"""What a plan may cost at most, and is expected to, before any of it runs."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.plan.spend import Spending, StepSpend, total
from tests.plan.compiling import plan
from tests.plan.flowing import call, compiled, output, sub_plan


def spends(document: JSONObject, *library: JSON) -> list[StepSpend]:
    """Return what each step may cost."""
    made, compilation = compiled(document, *library)
    return [*Spending(compilation.contracts, compilation.parts).of(made, made.inputs)]


def pay(name: str, micros: JSON, *needs: str, **more: JSON) -> JSONObject:
    """Return a step that pays what its arguments say."""
    return {**call(name, "erp.pay", *needs, **more), "args": {"micros": micros}}


def loop(items: JSON) -> JSONObject:
    """Return a loop over `items`."""
    return {"items": items, "as": "one"}


@pytest.mark.parametrize(
    ("step", "fan_out", "worst", "expected"),
    [
        (call("a", "pub.read"), 1, 0, 0),
        (call("a", "erp.print"), 1, 7, 7),
        (call("a", "erp.print", for_each=loop(["x", "y", "z"])), 3, 21, 21),
        (call("a", "erp.print", for_each=loop("${inputs.list}")), 2, 14, 14),
        (call("a", "erp.print", repeat={"until": "true", "max_times": 4}), 4, 28, 7),
        (call("a", "erp.print", retry={"max_attempts": 5}), 1, 7, 7),
        (call("a", "data.buy"), 1, 15, 5),
        (call("a", "data.buy", retry={"max_attempts": 1}), 1, 5, 5),
        (pay("a", 9), 1, 9, 9),
        (pay("a", "${inputs.amount}"), 1, 30, 30),
    ],
)
def test_one_step(step: JSONObject, fan_out: int, worst: int, expected: int) -> None:
    """Items and iterations multiply; attempts only what is charged each time, a read."""
    [found] = spends(plan(step, inputs={"list": ["x", "y"], "amount": 30}))

    assert (found.fan_out, found.worst, found.expected) == (fan_out, worst, expected)


def test_what_only_the_run_can_tell_has_no_bound() -> None:
    """An amount from an output; and a price times items that nobody has counted is not expected."""
    first, second, third = spends(
        plan(
            call("a", "pub.read"),
            {**call("b", "erp.pay_in", "a"), "args": {"micros": 5, "currency": output("a")}},
            call("c", "erp.print", "a", for_each=loop("${steps.a.output.list}")),
        )
    )

    assert (first.worst, second.cost, second.worst, second.expected) == (0, None, None, None)
    assert (third.fan_out, third.worst, third.expected) == (10_000, 70_000, None)


def test_a_fallback_is_not_expected() -> None:
    """It counts in the worst case, besides the step that it stands in for."""
    original, fallback = spends(plan(call("a", "erp.print", on_failed="b"), call("b", "erp.print")))

    assert (original.worst, fallback.worst) == (7, 7)
    assert (original.expected, fallback.expected) == (7, 0)


def test_a_sub_plan_costs_what_its_steps_cost_each_time_that_it_runs() -> None:
    """With the inputs that its caller is known to give it."""
    part = sub_plan(
        pay("x", "${inputs.amount}"), call("y", "erp.print"), inputs={"amount": 1}, outputs={}
    )
    inner: JSONObject = {"plan": "part@1.0.0", "needs": [], "args": {"amount": "${inputs.price}"}}
    document = plan(
        {**inner, "id": "once"},
        {**inner, "id": "thrice", "for_each": loop([1, 2, 3]), "args": {"amount": 5}},
        {**inner, "id": "each", "for_each": loop([1, 2]), "args": {"amount": "${one}"}},
        inputs={"price": 100},
    )

    assert [(found.cost, found.worst) for found in spends(document, part)] == [
        (None, 107),
        (None, 36),
        (None, None),
    ]


def test_sub_plans_are_judged_with_what_every_caller_gives() -> None:
    """Inputs that differ between callers are not known."""
    part = sub_plan(pay("x", "${inputs.amount}"), inputs={"amount": 1, "text": "x"}, outputs={})
    inner: JSONObject = {"plan": "part@1.0.0"}
    made, compilation = compiled(
        plan(
            {**inner, "id": "a", "args": {"amount": 5, "text": "same"}},
            {**inner, "id": "b", "args": {"amount": 6, "text": "same"}},
        ),
        part,
    )

    inputs = Spending(compilation.contracts, compilation.parts).inputs(made)

    assert list(inputs.values()) == [{"text": "same"}]


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    """It is never less than what is known of it, and nobody may take it for that."""
    assert total([1, 2]) == 3
    assert total([1, None]) is None
