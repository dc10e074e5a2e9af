"""Tests of one stack share a worker, whatever pytest and pytest-xdist make of their mark."""

import os
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT

CONFTEST = "from tests.conftest import pytest_xdist_make_scheduler\n"
MODULE = """import os
from pathlib import Path

import pytest

pytestmark = [pytest.mark.xdist_group("{group}")]


@pytest.mark.parametrize("number", range(3))
def test_it(number: int) -> None:
    with Path("{group}").open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + chr(10))
"""


def test_a_group_runs_on_one_worker(tmp_path: Path) -> None:
    """Two groups in four files on two workers: each group stays together, and all of it runs."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for group in ("one", "two"):
        for number in (1, 2):
            (tmp_path / f"test_{group}{number}.py").write_text(MODULE.format(group=group))

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "2",
            "--dist",
            "loadgroup",
            "-p",
            "no:cacheprovider",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert done.returncode == 0, done.stdout
    workers = [(tmp_path / group).read_text().split() for group in ("one", "two")]
    assert [(len(each), len(set(each))) for each in workers] == [(6, 1), (6, 1)]
