"""Tests of one stack share a worker, whatever pytest and pytest-xdist make of their mark."""

import os
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT

CONFTEST = "from tests.grouping import pytest_xdist_make_scheduler\n"
MODULE = """import os
from pathlib import Path

import pytest

{mark}

@pytest.mark.parametrize("number", range(3))
def test_it(number: int) -> None:
    with Path("ran").open("a") as file:
        file.write("{group} " + os.environ["PYTEST_XDIST_WORKER"] + chr(10))
"""
MARK = 'pytestmark = [pytest.mark.xdist_group("{group}")]\n'
STACK_CONFTEST = """from pathlib import Path

import pytest

from tests.grouping import (
    STACKS,
    pytest_runtest_setup,
    pytest_runtest_teardown,
    pytest_xdist_make_scheduler,
)


def tell(what: str) -> None:
    with Path("ran").open("a") as file:
        file.write(what + chr(10))


class Stack:
    def up(self) -> None:
        tell("up")

    def down(self) -> None:
        tell("down")


@pytest.fixture(scope="session")
def stack() -> Stack:
    STACKS["stack"] = Stack()
    STACKS["stack"].up()
    return STACKS["stack"]
"""
STACK_MODULE = """from conftest import tell

import pytest

{mark}

def test_it({wants}) -> None:
    tell("{name}")
"""


def test_a_stack_stops_behind_its_groups_last_test(tmp_path: Path) -> None:
    """It stands as long as its group goes on, and is brought up again for whoever wants it."""
    (tmp_path / "conftest.py").write_text(STACK_CONFTEST)
    mark, wants = MARK.format(group="one"), "stack"
    modules = {"a": (mark, wants), "b": (mark, ""), "c": (mark, wants)}
    modules |= {"d": ("", ""), "e": ("", wants)}
    for name, (its_mark, wanted) in modules.items():
        module = STACK_MODULE.format(name=name, mark=its_mark, wants=wanted)
        (tmp_path / f"test_{name}.py").write_text(module)

    done = ran(tmp_path, "1")

    assert done.returncode == 0, done.stdout
    told = (tmp_path / "ran").read_text().split()
    assert told == ["up", "a", "b", "c", "down", "d", "up", "e"]


def ran(folder: Path, workers: str) -> "subprocess.CompletedProcess[str]":
    """Run the tests of a folder as `make test` does, on some workers."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", "loadgroup"),
            *("-p", "no:cacheprovider"),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_a_group_runs_on_one_worker_and_before_the_rest(tmp_path: Path) -> None:
    """Two groups in four files, and files of their own, on two workers: each stays together."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for group in ("one", "two"):
        for number in (1, 2):
            mark = MARK.format(group=group)
            module = MODULE.format(group=group, mark=mark)
            (tmp_path / f"test_{group}{number}.py").write_text(module)
    for alone in ("alpha", "beta", "gamma"):
        (tmp_path / f"test_{alone}.py").write_text(MODULE.format(group=alone, mark=""))

    done = ran(tmp_path, "2")

    assert done.returncode == 0, done.stdout
    lines = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    by_group = {group: [worker for name, worker in lines if name == group] for group, _ in lines}
    counted = {group: len(workers) for group, workers in by_group.items()}
    assert counted == {"one": 6, "two": 6, "alpha": 3, "beta": 3, "gamma": 3}
    assert all(len(set(workers)) == 1 for workers in by_group.values())
    first = {worker: name for name, worker in reversed(lines)}
    assert sorted(first.values()) == ["one", "two"]
