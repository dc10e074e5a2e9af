"""The example's plans through the real compiler."""

import copy
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.library import Library
from remit.stores.project import Project, load_project

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "backoffice"
PARTS = (
    "data-request-raw",
    "onboarding-access",
    "onboarding-account",
    "onboarding-billing",
    "onboarding-data",
    "pilot-hypothesis",
)
WHOLE = (
    "credit-risk",
    "crm-update",
    "data-request",
    "delete-record",
    "nightly-report",
    "onboarding",
    "pilot",
    "purchase-laptops",
)


@pytest.fixture(scope="module")
def project() -> Project:
    """The example."""
    return load_project(FOLDER)


def _compile(project: Project, document: JSONObject, *, as_part: bool = False) -> Compilation:
    library = Library(project.library_documents)
    return compile_plan(document, project.catalogue, library, as_part=as_part)


def test_these_are_the_plans(project: Project) -> None:
    """Every file of the folder is one of the plans tested here."""
    assert set(project.library_documents) == {f"{name}@1.0.0" for name in (*PARTS, *WHOLE)}


@pytest.mark.parametrize("name", [*PARTS, *WHOLE])
def test_compiles_without_a_finding(project: Project, name: str) -> None:
    """Each plan compiles, without so much as a warning."""
    document = project.library_documents[f"{name}@1.0.0"]

    made = _compile(project, document, as_part=name in PARTS)

    assert (made.diagnostics, made.warnings) == ((), ())
    assert made.compiled is not None


@pytest.mark.parametrize("name", WHOLE)
def test_can_be_started_by_name(project: Project, name: str) -> None:
    """`{"plan": name@version}` with other inputs is the same plan with these inputs."""
    document = project.library_documents[f"{name}@1.0.0"]
    inputs = document["inputs"]

    made = _compile(project, {"plan": f"{name}@1.0.0", "inputs": inputs})

    assert made.diagnostics == ()


def test_wrong_inputs_are_refused(project: Project) -> None:
    """A mistyped and an unknown input is each a finding."""
    reference: JSONObject = {
        "plan": "delete-record@1.0.0",
        "inputs": {"record": 77, "force": True},
    }

    made = _compile(project, reference)

    assert made.compiled is None
    assert [each.code for each in made.diagnostics].count("PLAN-INPUTS") == 2


def test_more_than_the_plan_may_cost_is_refused(project: Project) -> None:
    """An order that costs more than the plan's constraint allows is found before it runs."""
    document = copy.deepcopy(project.library_documents["purchase-laptops@1.0.0"])
    document["constraints"] = {"cost": {"micros": 1, "currency": "EUR"}}
    steps = document["steps"]
    assert isinstance(steps, list)
    order = steps[2]
    assert isinstance(order, dict)
    assert isinstance(order["args"], dict)
    order["args"]["total_micros"] = 4200000000

    made = _compile(project, document)

    assert "PLAN-OVER-BUDGET" in {each.code for each in made.diagnostics}
