"""Whole plans from text to verdict: compiled, looked at, judged by the real policies."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as given_by
from hypothesis import strategies as st

from remit.canonical import JSON, JSONObject
from remit.decision.decision import Decision
from remit.decision.facts import Facts
from remit.enforcement.planfacts import Outlook
from remit.plan.flow import Entry
from tests.plan.compiling import plan
from tests.plan.flowing import call, compiled, output, sub_plan
from tests.policies import given
from tests.policies.served import Served, serve

pytestmark = pytest.mark.opa

Found = set[tuple[str, str]]


@pytest.fixture(scope="module")
def strict() -> Iterator[Served]:
    """Policies of a project that holds plans to everything."""
    with serve(project=Path(__file__).parent / "plans") as served:
        yield served


def verdict(served: Served, document: JSONObject, *library: JSON) -> Found:
    """Return code and step of every reason to refuse a plan or a sub-plan of it."""
    made, compilation = compiled(document, *library)
    outlook = Outlook(compilation.contracts, compilation.parts)
    plans = [outlook.facts(made, Entry()), *(facts for _, facts in outlook.parts(made))]
    found: Found = set()
    for steps in plans:
        whole = given.PLAN.model_copy(
            update={"steps": steps, "steps_total": len(steps), "max_steps": None, "regions": None}
        )
        cost = made.constraints.cost
        budget = given.BUDGET.model_copy(update={"limit_micros": cost.micros if cost else None})
        who = given.PRINCIPAL.model_copy(update={"agent": "tester"})
        facts = Facts(
            kind="admission", principal=who, plan=whole, budget=budget, context=given.CONTEXT
        )
        decision = Decision.model_validate(served.ask(given.document(facts)))
        if decision.effect == "deny":
            found |= {(reason.code, reason.step or "") for reason in decision.reasons}
    return found


LOOK = call("look", "pub.read")
GATE: JSONObject = {"approval": {"role": "operator"}}
LIMIT: JSONObject = {"constraints": {"cost": {"micros": 100, "currency": "EUR"}}}


def stored(text: str, *needs: str, **more: JSON) -> JSONObject:
    """Return the last step of a plan, which stores a text in another region."""
    return call("store", "us.store", "look", *needs, text=text, **more)


def declaring(*classes: str) -> JSONObject:
    """Return the inputs of a plan that says of one of them which classes of data it holds."""
    text: JSONObject = {"type": "string"}
    properties: JSONObject = {"who": {**text, "x-data-classes": list(classes)}, "what": text}
    schema: JSONObject = {"type": "object", "properties": properties}
    return {"inputs": {"who": "x", "what": "y"}, "inputs_schema": schema}


@pytest.mark.parametrize(
    ("bad", "found", "mended"),
    [
        (
            plan(LOOK, call("a", "crm.read"), stored(output("a"), "a")),
            {("plan.flow", "store")},
            plan(LOOK, call("a", "crm.read"), stored(output("look"), "a")),
        ),
        (
            plan(
                LOOK,
                call("a", "crm.read"),
                call("b", "pub.read", "a", text=output("a")),
                stored(output("b"), "b"),
            ),
            {("plan.flow", "store")},
            plan(LOOK, call("a", "crm.read"), call("b", "pub.read", "a"), stored("x", "b")),
        ),
        (
            plan(call("a", "hr.read"), call("b", "mail.send", "a", text=output("a"))),
            {("plan.flow", "b")},
            plan(call("a", "hr.read"), call("b", "mail.send", "a", text="hello")),
        ),
        (
            plan(LOOK, stored("${inputs.who}"), **declaring("pii")),
            {("plan.flow", "store")},
            plan(LOOK, stored("${inputs.what}"), **declaring("pii")),
        ),
        (
            plan(call("a", "mail.send"), call("b", "pub.read", "a")),
            {("plan.irreversible_before_fallible", "a")},
            plan(call("b", "pub.read"), call("a", "mail.send", "b")),
        ),
        (
            plan(call("a", "mail.send"), call("b", "pub.read", "a")),
            {("plan.irreversible_before_fallible", "a")},
            plan(call("a", "mail.send", **GATE), call("b", "pub.read", "a")),
        ),
        (
            plan(call("a", "erp.print"), **LIMIT),
            {("plan.gate_missing", "a")},
            plan(call("a", "erp.print", **GATE), **LIMIT),
        ),
        (
            plan(call("store", "us.store", text="x")),
            {("plan.sequence", "store")},
            plan(LOOK, stored("x")),
        ),
        (
            plan(LOOK, call("a", "erp.print", "look", **GATE), stored("x", "a"), **LIMIT),
            {("plan.sequence", "store")},
            plan(LOOK, call("a", "mail.send", "look", **GATE), stored("x", "a"), **LIMIT),
        ),
        (
            plan({**call("a", "erp.pay_in"), "args": {"micros": 5, "currency": "${inputs.c}"}}),
            {("plan.currency", "a")},
            plan(
                {**call("a", "erp.pay_in"), "args": {"micros": 5, "currency": "${inputs.c}"}},
                inputs={"c": "EUR"},
            ),
        ),
        (
            plan(call("a", "data.buy", retry={"max_attempts": 21}), **LIMIT),
            {("plan.over_budget", "")},
            plan(call("a", "data.buy", retry={"max_attempts": 20}), **LIMIT),
        ),
    ],
)
def test_one_fault_and_the_plan_without_it(
    strict: Served, bad: JSONObject, found: Found, mended: JSONObject
) -> None:
    """Each plan is refused for its one fault, at its step; mended there, it is admitted."""
    if found == {("plan.currency", "a")}:
        bad = {**bad, "inputs": {"c": "USD"}}

    assert verdict(strict, bad) == found
    assert verdict(strict, mended) == set()


def test_a_cost_that_nothing_bounds(strict: Served) -> None:
    """What only the run can tell, in a plan without a limit; with one, the run keeps to it."""
    steps = [
        call("a", "pub.read"),
        {**call("b", "erp.pay_in", "a"), "args": {"micros": 5, "currency": output("a")}},
    ]

    assert verdict(strict, plan(*steps)) == {("plan.spend_unbounded", "b")}
    assert verdict(strict, plan(*steps, **LIMIT)) == set()


def test_data_that_leaves_in_a_sub_plan(strict: Served) -> None:
    """A sub-plan that is sound by itself is refused for what its caller gives it."""
    part = sub_plan(LOOK, call("x", "us.store", "look", text="${inputs.text}"), outputs={})
    inner: JSONObject = {"id": "p", "plan": "part@1.0.0", "needs": ["a"]}
    steps = [call("a", "crm.read"), {**inner, "args": {"text": output("a")}}]
    plain = [call("a", "crm.read"), {**inner, "args": {"text": "x"}}]

    assert verdict(strict, plan(*steps), part) == {("plan.flow", "x")}
    assert verdict(strict, plan(*plain), part) == set()


def test_the_last_step_of_a_sub_plan_is_not_the_last_of_the_run(strict: Served) -> None:
    """What comes behind the caller may fail when nothing undoes the sub-plan any more."""
    part = sub_plan(call("x", "mail.send"), outputs={})
    inner: JSONObject = {"id": "p", "plan": "part@1.0.0"}

    assert verdict(strict, plan(inner), part) == set()
    assert verdict(strict, plan(inner, call("b", "pub.read", "p")), part) == {
        ("plan.irreversible_before_fallible", "x")
    }


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given_by(st.randoms(use_true_random=False))
def test_a_plan_refused_stays_refused_however_it_is_written(strict: Served, random: Random) -> None:
    """The order of the text says nothing: the verdict is that of the graph."""
    steps = [
        LOOK,
        call("a", "crm.read"),
        call("b", "pub.read", "a", text=output("a")),
        stored(output("b"), "b"),
        call("c", "mail.send", "a"),
    ]
    mixed = list(steps)
    random.shuffle(mixed)

    assert verdict(strict, plan(*mixed)) == {
        ("plan.flow", "store"),
        ("plan.irreversible_before_fallible", "store"),
        ("plan.irreversible_before_fallible", "c"),
    }
