"""How workers are made: one place, never without enforcement, workflows sandboxed."""

import ast
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from proposing.activity import Proposing
from remit.plan.wire import SYSTEM_ACTIVITIES
from remit.version import VERSION
from workers.builder import PLANNING, WORKFLOWS, registered, workflow_runner
from workflows.messages import MESSAGES
from workflows.orders import StopCalls, TendRun
from workflows.propose_plan import ProposePlan

ROOT = Path(__file__).parents[2]
ROOMS = ("remit", "workflows", "activities", "proposing", "workers")
COMMANDS = {"remit/decision/schema.py"}
"""Modules that are run, not imported: they write the files generated from their room."""
PURE = ("plan", "tool", "data", "decision", "approval", "saga", "ledger")
FORBIDDEN_IN_PURE = {
    "asyncio",
    "httpx2",
    "logging",
    "os",
    "pathlib",
    "random",
    "socket",
    "sqlalchemy",
    "sqlite3",
    "subprocess",
    "temporalio",
    "threading",
    "time",
    "uuid",
}


def sources(*rooms: str) -> list[Path]:
    """Return the modules of some rooms."""
    return [file for room in rooms for file in sorted((ROOT / room).rglob("*.py"))]


def imported(file: Path) -> set[str]:
    """Return the top-level names that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_only_the_builder_makes_workers() -> None:
    """`Worker(` stands in one module, so enforcement cannot be left out elsewhere."""
    makers = [
        str(file.relative_to(ROOT))
        for file in sources(*ROOMS)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Worker"
    ]

    assert makers == ["workers/builder.py"]


@pytest.mark.parametrize("kind", [*WORKFLOWS, *PLANNING], ids=lambda kind: str(kind.__name__))
def test_workflows_load_in_the_sandbox(kind: type) -> None:
    """Each workflow passes the sandbox that workers and replays use."""
    runner = workflow_runner()
    assert isinstance(runner, SandboxedWorkflowRunner)

    definition = workflow._Definition.must_from_class(kind)

    assert definition.name == kind.__name__
    # One order, or one wish: nobody tells it anything on its way.
    messages = set() if kind in (TendRun, StopCalls, ProposePlan) else set(MESSAGES)
    assert messages <= set(definition.signals) | {None}
    assert messages <= set(definition.updates)


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_do_no_io(room: str) -> None:
    """What the sandbox passes through unchecked imports nothing that reads a clock or the world."""
    found = {
        str(file.relative_to(ROOT)): sorted(imported(file) & FORBIDDEN_IN_PURE)
        for file in sources(f"remit/{room}")
        if file.relative_to(ROOT).as_posix() not in COMMANDS and imported(file) & FORBIDDEN_IN_PURE
    }

    assert found == {}


def test_workflow_code_imports_no_web_library() -> None:
    """A workflow module that imports a web library is imported again for every run."""
    allowed = {"temporalio", "remit", "workflows", "pydantic", "asyncio", "json", "datetime"}
    allowed |= {"collections", "dataclasses", "functools", "re", "typing"}

    for file in sources("workflows"):
        assert imported(file) <= allowed, file.name


def test_whoever_asks_planners_imports_nothing_that_calls_tools() -> None:
    """Planning and calling tools are packages apart; lint holds the same of what they import."""
    found = {
        file.name: sorted(imported(file) & {"activities", "workflows", "workers"})
        for file in sources("proposing")
    }

    assert found
    assert {name for name, rooms in found.items() if rooms} == set()


def test_a_worker_of_planners_has_that_one_activity() -> None:
    """No tool activity is registered, none of Remit's own, and no other role beside it."""
    nothing: Any = None
    planner = Proposing(cast("Any", SimpleNamespace(identity=None)), cast("Any", SimpleNamespace()))

    workflows, activities = registered(nothing, ["plan"], nothing, nothing, planner)

    assert workflows == PLANNING
    assert [one.__name__ for one in activities] == ["propose"]
    for roles in (["plan", "tools"], ["orchestrate", "plan"]):
        with pytest.raises(ValueError, match="no other role"):
            registered(nothing, cast("Any", roles), nothing, nothing, planner)
    with pytest.raises(ValueError, match="no other role"):
        registered(nothing, ["plan"], nothing, nothing, None)


def test_wire_names_stand() -> None:
    """Names that stand in recorded histories are not renamed."""
    assert SYSTEM_ACTIVITIES == (
        "remit.admit",
        "remit.admit_part",
        "remit.expand",
        "remit.settle",
        "remit.vote",
        "remit.close_gate",
        "remit.resolve_doubt",
        "remit.repair",
        "remit.order",
        "remit.amend",
        "remit.order_back",
        "remit.tend",
        "remit.stop",
        "remit.outputs",
        "remit.propose_plan",
    )
    assert [kind.__name__ for kind in PLANNING] == ["ProposePlan"]
    assert [kind.__name__ for kind in WORKFLOWS] == [
        "ExecutePlan",
        "ExecutePart",
        "UnwindPart",
        "RepairRun",
        "RollbackRun",
        "TendRun",
        "StopCalls",
    ]
    assert sorted(MESSAGES) == [
        "amend",
        "approve",
        "claim",
        "delegate",
        "edit",
        "hold",
        "reject",
        "release",
        "repair",
        "request_changes",
        "resolve_doubt",
        "resume",
        "rollback",
        "take_over",
    ]


def test_version_is_the_packages() -> None:
    """The version that workers carry is the package's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == VERSION
