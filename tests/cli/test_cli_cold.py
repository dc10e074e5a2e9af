"""What the command line does not import: a check must answer at once, stack or no stack."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ROOT

HEAVY = {
    "temporalio",
    "sqlalchemy",
    "alembic",
    "aiohttp",
    "opentelemetry",
    "prometheus_client",
    "structlog",
    "rich",
    "httpx",
    "httpx2",
    "pydantic_settings",
}
_SAY = """
import json, sys
from remit.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write(json.dumps([code, sorted(sys.modules)]))
"""


def imported(folder: Path, *arguments: str) -> tuple[int, set[str]]:
    """Run a command in a fresh process; return its exit code and every module it imported."""
    ran = subprocess.run(
        [sys.executable, "-c", _SAY, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    code, modules = json.loads(ran.stderr.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize(
    "arguments",
    [("validate", "plans/hello.yaml"), ("graph", "plans/hello.yaml"), ("tools",), ("schema",)],
    ids=lambda arguments: arguments[0],
)
def test_checking_waits_for_no_heavy_library(notes: Path, arguments: tuple[str, ...]) -> None:
    """Commands that need no stack import neither Temporal nor a database nor an HTTP client."""
    code, modules = imported(notes, *arguments)

    assert code == 0
    assert HEAVY & modules == set()


def test_help_waits_for_nothing(notes: Path) -> None:
    """A list of commands needs no models and no plans."""
    code, modules = imported(notes, "--help")

    assert code == 0
    assert {"pydantic", "yaml"} & modules == set()


@pytest.mark.parametrize(("call", "is_rare"), [("main()", True), ("main(sys.argv[1:])", False)])
def test_only_a_process_of_its_own_collects_garbage_rarely(call: str, is_rare: bool) -> None:
    """A command is over soon; whoever calls one from a process of theirs keeps their settings."""
    script = (
        "import gc, sys; from remit.cli.main import main; before = gc.get_threshold();"
        f" {call}; print(gc.get_threshold() > before)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )

    assert ran.stdout.splitlines()[-1] == str(is_rare)
