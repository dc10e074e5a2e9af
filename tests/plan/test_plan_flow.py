"""What flows into a step, what surely comes before it, and what may fail behind it."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.plan.flow import Entry, Flows, PlanFlow
from tests.plan.compiling import plan
from tests.plan.flowing import call, compiled, flow, output, sub_plan


def inflow(found: PlanFlow) -> dict[str, list[str]]:
    """Return the classes that flow into each step into which any does."""
    return {name: [*step.inflow] for name, step in found.steps.items() if step.inflow}


def before(found: PlanFlow, step: str) -> list[str]:
    """Return the tools surely called before a step."""
    return [*found.steps[step].tools_before]


def fallible(found: PlanFlow) -> list[str]:
    """Return the steps behind which something may still fail."""
    return [name for name, step in found.steps.items() if step.may_fail_behind]


# data


def test_an_output_carries_its_tools_classes_to_whoever_refers_to_it() -> None:
    """Also from further away than the step before; needs alone move nothing."""
    found = flow(
        plan(
            call("a", "crm.read"),
            call("b", "hr.read", "a"),
            call("c", "us.store", "b", text=output("a")),
            call("d", "us.store", "b"),
        )
    )

    assert inflow(found) == {"c": ["pii"]}
    assert found.steps["c"].outflow == ("pii",)


def test_classes_are_handed_on_through_other_steps() -> None:
    """What a tool is given may come out of it again, so its output carries both."""
    found = flow(
        plan(
            call("a", "crm.read"),
            call("b", "mail.send", "a", text=f"for {output('a')}"),
            call("c", "pub.read", "b", text=output("b")),
            outputs={"text": output("c")},
        )
    )

    assert inflow(found) == {"b": ["pii"], "c": ["mail", "pii"]}
    assert found.outflow == {"mail", "pii"}


def test_a_loop_takes_in_what_its_items_come_from() -> None:
    """The loop variable is one of them, wherever it is used."""
    loop: JSONObject = {"items": "${steps.a.output.list}", "as": "one"}
    found = flow(
        plan(call("a", "crm.read"), call("b", "us.store", "a", text="${one}", for_each=loop))
    )

    assert inflow(found) == {"b": ["pii"]}


def test_a_condition_moves_no_data() -> None:
    """A step that only runs because of an output is not given it."""
    when = "steps.a.output.text != ''"
    found = flow(plan(call("a", "crm.read"), call("b", "us.store", "a", when=when)))

    assert inflow(found) == {}


def test_a_fallbacks_output_is_read_under_its_originals_name() -> None:
    """So whoever reads the original takes in what its fallbacks, however many, may hold."""
    found = flow(
        plan(
            call("c", "us.store", "a", text=output("a")),
            call("a", "pub.read", on_failed="a2"),
            call("a2", "hr.read", on_denied="a3"),
            call("a3", "crm.read"),
        )
    )

    assert inflow(found) == {"c": ["pay", "pii"]}


def test_data_goes_through_a_sub_plan() -> None:
    """What its caller gives it flows into its steps, and out of it with what they add."""
    part = sub_plan(call("x", "hr.read", text="${inputs.text}"))
    steps = [
        call("a", "crm.read"),
        {"id": "p", "plan": "part@1.0.0", "args": {"text": output("a")}, "needs": ["a"]},
        call("b", "us.store", "p", text=output("p")),
    ]
    made, compilation = compiled(plan(*steps), part)
    flows = Flows(compilation.contracts, compilation.parts)
    [(name, entry)] = flows.entries(made).items()

    assert inflow(flows.of(made, Entry())) == {"p": ["pii"], "b": ["pay", "pii"]}
    assert inflow(flows.of(compilation.parts[name], entry)) == {"x": ["pii"]}


def test_a_sub_plan_is_looked_at_for_all_places_that_call_it() -> None:
    """Data of any place counts; a tool before it only when it comes before every place."""
    part = sub_plan(call("x", "hr.read", text="${inputs.text}"))
    outer = sub_plan(
        {"id": "p", "plan": "part@1.0.0", "args": {"text": "${inputs.text}"}}, name="outer"
    )
    made, compilation = compiled(
        plan(
            call("a", "crm.read"),
            call("b", "pub.read", "a"),
            {"id": "o", "plan": "outer@1.0.0", "args": {"text": output("a")}, "needs": ["b"]},
            {"id": "p", "plan": "part@1.0.0", "args": {"text": "x"}, "needs": ["a"]},
        ),
        part,
        outer,
    )
    entries = Flows(compilation.contracts, compilation.parts).entries(made)
    named = {compilation.parts[name].name: entry for name, entry in entries.items()}

    assert named == {
        "outer": Entry(frozenset({"pii"}), frozenset({"crm.read@1", "pub.read@1"}), True),
        "part": Entry(frozenset({"pii"}), frozenset({"crm.read@1"}), True),
    }


# what surely comes before


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([call("a", "crm.read"), call("z", "us.store", "a")], ["crm.read@1"]),
        ([call("a", "crm.read"), call("z", "us.store")], []),
        (
            [call("a", "crm.read"), call("b", "hr.read", "a"), call("z", "us.store", "b")],
            ["crm.read@1", "hr.read@1"],
        ),
        ([call("a", "crm.read", when="true"), call("z", "us.store", "a")], []),
        (
            [
                call("a", "crm.read"),
                call("b", "hr.read"),
                call("z", "us.store", "a", "b", join="any"),
            ],
            [],
        ),
        (
            [
                call("a", "crm.read"),
                call("b", "hr.read", "a"),
                call("c", "pub.read", "a"),
                call("z", "us.store", "b", "c", join="any"),
            ],
            ["crm.read@1"],
        ),
        (
            [
                call("a", "crm.read", on_failed="f"),
                call("f", "hr.read"),
                call("z", "us.store", "a"),
            ],
            [],
        ),
        (
            [
                call("a", "crm.read", on_failed="f"),
                call("f", "crm.read"),
                call("z", "us.store", "a"),
            ],
            ["crm.read@1"],
        ),
        (
            [
                call("a", "crm.read"),
                call("z", "us.store", on_failed="f", needs=["a"]),
                call("f", "pub.read"),
            ],
            ["crm.read@1"],
        ),
    ],
)
def test_what_surely_comes_before(steps: list[JSONObject], expected: list[str]) -> None:
    """Not what may be skipped, may stand aside, or does not have to be waited for."""
    assert before(flow(plan(*steps)), "z") == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [(["x"], ["crm.read@1"]), ([], []), ("${inputs.list}", ["crm.read@1"])],
)
def test_a_loop_surely_calls_only_when_it_surely_has_items(
    items: JSON, expected: list[str]
) -> None:
    """Items that the inputs tell count; none are no call."""
    loop: JSONObject = {"items": items, "as": "one"}
    steps = [call("a", "crm.read", for_each=loop), call("z", "us.store", "a")]

    assert before(flow(plan(*steps, inputs={"list": ["x"]})), "z") == expected


def test_a_loop_over_an_output_may_call_nothing() -> None:
    """Only the run can tell whether there are items."""
    loop: JSONObject = {"items": "${steps.a.output.list}", "as": "one"}
    found = flow(
        plan(
            call("a", "pub.read"),
            call("b", "crm.read", "a", for_each=loop),
            call("z", "us.store", "b"),
        )
    )

    assert before(found, "z") == ["pub.read@1"]


def test_what_a_sub_plan_surely_does_comes_before_what_needs_it() -> None:
    """And what came before its caller comes before its steps."""
    part = sub_plan(call("x", "hr.read"), call("y", "pub.read", "x", when="true"))
    document = plan({"id": "p", "plan": "part@1.0.0"}, call("z", "us.store", "p"))
    made, compilation = compiled(document, {**part, "outputs": {}})
    flows = Flows(compilation.contracts, compilation.parts)
    [inside] = compilation.parts.values()

    assert before(flows.of(made, Entry()), "z") == ["hr.read@1"]
    entry = Entry(tools=frozenset({"crm.read@1"}))
    assert before(flows.of(inside, entry), "y") == ["crm.read@1", "hr.read@1"]


# what may fail behind


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([call("a", "crm.read")], []),
        ([call("a", "crm.read"), call("b", "crm.read", "a")], ["a"]),
        ([call("a", "crm.read"), call("b", "crm.read")], ["a", "b"]),
        (
            [
                call("a", "crm.read"),
                call("b", "crm.read"),
                call("z", "us.store", "a", "b"),
            ],
            ["a", "b"],
        ),
        (
            [
                call("a", "crm.read"),
                call("b", "crm.read"),
                call("z", "us.store", "a", "b", join="any"),
            ],
            ["a", "b"],
        ),
        ([call("a", "crm.read", on_failed="f"), call("f", "hr.read")], []),
        (
            [
                call("a", "crm.read", on_failed="f"),
                call("f", "hr.read"),
                call("z", "us.store", "a"),
            ],
            ["a", "f"],
        ),
    ],
)
def test_what_may_fail_behind(steps: list[JSONObject], expected: list[str]) -> None:
    """Whatever is not surely over, but what stands in for the step itself or it stands in for."""
    assert fallible(flow(plan(*steps))) == expected


def test_a_loser_of_a_quorum_ends_no_run() -> None:
    """The rest of a quorum may fail behind the step that joined: nobody waits for it."""
    found = flow(
        plan(
            call("a", "crm.read"),
            call("b", "crm.read"),
            call("z", "us.store", "a", "b", join="any"),
        )
    )

    assert not found.steps["z"].may_fail_behind


def test_a_sub_plans_steps_know_what_comes_behind_their_caller() -> None:
    """The last step of a sub-plan is not the last of the run."""
    document = plan(call("a", "crm.read"))

    assert fallible(flow(document)) == []
    assert fallible(flow(document, entry=Entry(may_fail_behind=True))) == ["a"]
