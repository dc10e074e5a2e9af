"""What is measured is what it claims to be."""

import json

import pytest

from benchmarks.arena import PROJECT
from benchmarks.bare import ACTIVITY
from benchmarks.compiling import SIZES
from benchmarks.connecting import described
from benchmarks.load import UnexpectedEndError, sequences
from benchmarks.plans import TOOL, fan_out, realistic, sequence
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.stores.project import Project, load_project
from remit.tool.openapi.operations import import_openapi
from remit.tool.openapi.wanted import Wanted


@pytest.fixture(scope="module")
def project() -> Project:
    """The benchmark's project."""
    return load_project(PROJECT)


def test_plans_compile_to_their_size(project: Project) -> None:
    """Every plan is one that would be admitted, with as many steps as its name says."""
    for size in SIZES:
        compiled = compile_plan(realistic(size), project.catalogue, Library({})).compiled
        assert compiled is not None
        assert len(compiled.steps) == size
    for plan, steps in ((sequence(10), 10), (fan_out(100), 1)):
        compiled = compile_plan(plan, project.catalogue, Library({})).compiled
        assert compiled is not None
        assert len(compiled.steps) == steps


def test_the_compilers_plan_is_not_a_flattering_one(project: Project) -> None:
    """Most steps need others, refer to their outputs, and carry conditions before and after."""
    compiled = compile_plan(realistic(100), project.catalogue, Library({})).compiled
    assert compiled is not None
    later = [step for step in compiled.steps if step.needs]

    assert len(later) == 90
    assert all(step.require and step.ensure and len(step.needs) == 2 for step in later)


def test_both_sides_call_the_same_thing(project: Project) -> None:
    """The governed tool is a write with an undo, and the bare activity has its name."""
    contract = project.catalogue.find(TOOL)

    assert contract is not None
    assert contract.operation.value == "write"
    assert contract.compensation is not None
    assert ACTIVITY == TOOL


def test_a_run_that_fell_short_is_no_measurement() -> None:
    """Only a run that made all its steps counts."""
    work = sequences(10)
    work["governed"].check({"status": "completed"})
    work["bare"].check(10)

    with pytest.raises(UnexpectedEndError):
        work["governed"].check({"status": "refused"})
    with pytest.raises(UnexpectedEndError):
        work["bare"].check(9)


def test_the_large_document_is_imported_whole() -> None:
    """What the benchmark imports and loads are all of its operations, reads and writes."""
    content = json.dumps(described(20)).encode()
    made = import_openapi(content, Wanted(("large",), "team:large", "large.json"))

    assert (len(made.tools), made.left_out) == (20, ())
    assert {str(tool["operation"]) for tool in made.tools} == {"read", "write"}
