"""The machine's plans and faults: the same seed, the same machine; every plan a plan."""

from collections import Counter
from pathlib import Path

import pytest

from chaos.exhaustive import crashes
from chaos.plans import SHAPES, cases
from chaos.schedule import FULL_PLANS, POINTS, TIMED, WINDOWS, bound, missed, schedule
from remit.enforcement.faultpoints import Point
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.stores.project import Project, load_project
from tests.running import ROOT


@pytest.fixture(scope="module")
def project() -> Project:
    """The machine's own project."""
    return load_project(ROOT / "chaos" / "project")


@pytest.mark.parametrize("seed", [1, 2])
def test_every_generated_plan_compiles(project: Project, seed: int) -> None:
    """Whatever the machine finds wrong is not a wrong plan."""
    made = [*cases(seed, 3 * len(SHAPES)), *(crash.case for crash in crashes(seed))]
    for case in made:
        compilation = compile_plan(case.document, project.catalogue, _library(project))
        assert compilation.compiled is not None, (case.shape, compilation.diagnostics)


def test_a_seed_gives_the_same_plans_and_faults() -> None:
    """A failure can be had again by its seed; another seed is another machine."""
    assert cases(7, 50) == cases(7, 50)
    assert cases(7, 50)[:10] == cases(7, 10)
    assert cases(7, 50) != cases(8, 50)
    assert schedule(7, 50) == schedule(7, 50)
    assert schedule(7, 50) != schedule(8, 50)


def test_things_have_one_name_each() -> None:
    """A name is a business identity: no two steps of all plans share one."""
    named: Counter[object] = Counter()
    for case in cases(1, 60):
        steps = case.document["steps"]
        assert isinstance(steps, list)
        for step in steps:
            assert isinstance(step, dict)
            args = step["args"]
            assert isinstance(args, dict)
            if "for_each" not in step:
                named[args["name"]] += 1
    assert max(named.values()) == 1


def test_the_whole_machine_plans_twenty_faults_for_every_window() -> None:
    """At the full number of plans each window gets more than its twenty, and every kind comes."""
    planned = schedule(1, FULL_PLANS)
    windows = Counter(fault.window for fault in planned.at_points)

    assert bound(FULL_PLANS) == 20
    assert set(windows) == set(WINDOWS)
    assert min(windows.values()) > 20
    assert {fault.kind for fault in planned.timed} == set(TIMED)


def test_points_are_points() -> None:
    """What the schedule arms is what the pipeline names."""
    known = {point.value for point in Point}
    for points in POINTS.values():
        assert {point.partition(".")[2] for point in points} <= known


def test_every_point_has_its_crash() -> None:
    """The exhaustive mode leaves no instrumented point out."""
    met = {crash.fault.point.partition("@")[0].partition(".")[2] for crash in crashes(1)}

    assert met == {point.value for point in Point}


def test_a_short_window_and_an_absent_kind_are_told() -> None:
    """A run that did not try everything says so."""
    planned = schedule(1, FULL_PLANS)
    came = [(fault.kind, str(fault.window)) for fault in (*planned.at_points, *planned.timed)]
    assert missed(planned, came, FULL_PLANS) == ({}, [])

    without = [(kind, window) for kind, window in came if kind != "swallow" and window != "gate"]
    assert missed(planned, without, FULL_PLANS) == ({"gate": 0}, ["swallow"])


def _library(project: Project) -> Library:
    return Library(project.library_documents)


def test_the_project_is_a_project() -> None:
    """It stands where the machine copies it from."""
    assert (Path(ROOT) / "chaos" / "project" / "remit.toml").is_file()


def test_the_full_profile_adds_its_own_kinds_and_changes_no_other() -> None:
    """PostgreSQL dies and stands still there, in its turn and at points; `light` is as it was."""
    light, full = schedule(1, FULL_PLANS), schedule(1, FULL_PLANS, profile="full")

    assert full.kinds - light.kinds == {"kill_postgres", "pause_postgres"}
    assert {"kill_temporal", "pause_temporal"} <= {fault.kind for fault in full.timed}
    assert {"kill_postgres", "kill_temporal"} <= {fault.kind for fault in full.at_points}
    assert schedule(1, FULL_PLANS, profile="light") == light
