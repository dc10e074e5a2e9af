"""Every code: where it points, and that nothing else is reported."""

import pytest

from remit.canonical import JSON
from remit.diagnostic import Diagnostic
from remit.plan.codes import Code
from remit.plan.reference import ENTRIES
from tests.plan.compiling import compiled, part, plan
from tests.plan.faulty_plans import CASES, MAIL, WARNINGS, Case, look


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.name}".strip())
def test_the_fault_is_found_where_it_is_and_alone(case: Case) -> None:
    """One fault gives one diagnostic, at the place of the fault, with a way out."""
    options = {"limits": case.limits} if case.limits else {}
    made = compiled(case.document, *case.library, **options)

    assert [(found.code, found.path) for found in made.diagnostics] == [(case.code, case.path)]
    (found,) = made.diagnostics
    assert made.compiled is None
    assert case.says in found.message + found.hint


@pytest.mark.parametrize(("code", "path", "document"), WARNINGS, ids=[c for c, _, _ in WARNINGS])
def test_what_may_go_wrong_is_a_warning(code: Code, path: str, document: JSON) -> None:
    """A warning does not keep a plan from compiling."""
    made = compiled(document)

    assert made.diagnostics == ()
    assert made.compiled is not None
    assert [(found.code, found.path) for found in made.warnings] == [(code, path)]


def test_every_code_has_a_case_and_an_entry_in_the_reference() -> None:
    """No code is left without a test and a paragraph.

    Those of reading text are tested there, those that need contracts of their own in
    `test_plan_majors.py`.
    """
    elsewhere = {Code.NOT_JSON, Code.DUPLICATE_KEY, Code.MORE}
    elsewhere |= {Code.UPCAST, Code.OLD_MAJOR, Code.MAY_BE_OUT_OF_RANGE}
    elsewhere |= {Code.ARGUMENT_UNIT, Code.ARGUMENT_CURRENCY, Code.ARGUMENT_RANGE}
    tested = {case.code for case in CASES} | {code for code, _, _ in WARNINGS} | elsewhere

    assert set(ENTRIES) == set(Code) == tested


def test_all_faults_are_reported_at_once_in_the_order_of_the_plan() -> None:
    """Faults of every kind come together, by place."""
    made = compiled(
        plan(
            look("a", needs=["zz"], timeout="PT0S"),
            look("b", tool="crm.nothing@1"),
            {**MAIL, "irreversible": False},
            inputs_schema={"type": "strng"},
            constraints={"max_steps": 1},
        )
    )

    assert [(str(found.code), found.path) for found in made.diagnostics] == [
        ("PLAN-MAX-STEPS", "/constraints/max_steps"),
        ("PLAN-INPUTS-SCHEMA", "/inputs_schema"),
        ("PLAN-UNKNOWN-STEP", "/steps/0/needs/0"),
        ("PLAN-DURATION", "/steps/0/timeout"),
        ("PLAN-UNKNOWN-TOOL", "/steps/1/tool"),
        ("PLAN-NO-COMPENSATION", "/steps/2"),
    ]


def test_a_step_is_told_of_another_and_not_of_itself() -> None:
    """The words for people and those for a program name the same step, which may be needed."""
    made = compiled(plan(look("orders", needs=["order"]), look("ordering")))

    (found,) = made.diagnostics
    assert (found.code, found.found) == ("PLAN-UNKNOWN-STEP", "order")
    assert (found.hint, found.did_you_mean) == ("did you mean 'ordering'?", "ordering")
    assert found.allowed == ("ordering",)


def test_at_most_two_hundred_findings_are_shown_and_the_rest_counted() -> None:
    """The list is bounded, and says what it leaves out."""
    made = compiled(plan(*[look(f"s{n}", args={}) for n in range(300)]))

    assert len(made.diagnostics) == 200
    assert made.diagnostics[-1] == Diagnostic(
        code="PLAN-MORE",
        path="",
        message="101 more findings are not shown",
        hint="put these right first, then check again",
    )


def test_faults_of_a_sub_plan_are_reported_where_it_is_used() -> None:
    """A broken plan of the catalogue names itself, its place inside, and its own code."""
    broken = {**part(), "steps": [look("read", tool="crm.nothing@1")]}
    made = compiled(plan({"id": "sub", "plan": "part@1.0.0", "args": {"who": "c"}}), broken)

    (found,) = made.diagnostics
    assert (found.code, found.path) == ("PLAN-UNKNOWN-TOOL", "/steps/0/plan")
    assert "in sub-plan part@1.0.0" in found.message
    assert "/steps/0/tool" in found.message
