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

    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup"),
            *("-p", "no:cacheprovider"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert done.returncode == 0, done.stdout
    ran = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    by_group = {group: [worker for name, worker in ran if name == group] for group, _ in ran}
    counted = {group: len(workers) for group, workers in by_group.items()}
    assert counted == {"one": 6, "two": 6, "alpha": 3, "beta": 3, "gamma": 3}
    assert all(len(set(workers)) == 1 for workers in by_group.values())
    first = {worker: name for name, worker in reversed(ran)}
    assert sorted(first.values()) == ["one", "two"]
