"""Points at which the fault machine ends a process: nowhere else, and once per arming."""

import json
import signal
import subprocess
import sys
import time
import timeit
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.enforcement import faultpoints
from remit.enforcement.faultpoints import FaultPointsRefusedError, Point, reached
from tests.running import ROOT
from workers.fleet import run_fleet
from workers.settings import WorkerSettings

KEY = "root:a/b[1]:do"
_CHILD = """
import sys
from pathlib import Path
from remit.enforcement import faultpoints
faultpoints.arm(Path(sys.argv[1]), profile="light", environment="chaos")
faultpoints.reached(faultpoints.Point.INTENT, sys.argv[2])
print("lives")
"""


@pytest.fixture(autouse=True)
def off() -> Iterator[None]:
    """Leave this process unarmed."""
    yield
    faultpoints.disarm()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder through which points are armed."""
    for name in ("armed", "fired"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("profile", "environment"),
    [("full", "chaos"), ("full", "prod"), ("light", "dev"), ("light", "prod"), ("light", "")],
)
def test_production_settings_arm_nothing(folder: Path, profile: str, environment: str) -> None:
    """Only a light stack in the machine's own environment can be armed."""
    with pytest.raises(FaultPointsRefusedError, match="FAULT-POINTS-REFUSED"):
        faultpoints.arm(folder, profile=profile, environment=environment)

    reached(Point.INTENT, KEY)


async def test_a_worker_of_another_profile_does_not_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable alone, set in production, ends the worker before it connects anywhere."""
    monkeypatch.setenv("REMIT_FAULT_POINTS", str(folder))
    monkeypatch.setenv("REMIT_PROFILE", "full")
    monkeypatch.setenv("REMIT_ENVIRONMENT", "chaos")
    monkeypatch.setenv("REMIT_LEDGER_URL", f"sqlite:///{folder / 'ledger.db'}")

    assert await run_fleet(WorkerSettings(), ["orchestrate"]) == 1


def test_an_armed_point_ends_the_process_and_says_where(folder: Path) -> None:
    """Whoever comes to an armed point is dead at once; what fired is on disk."""
    (folder / "armed" / "do.intent").write_text("kill")

    assert _child(folder).returncode == -signal.SIGKILL

    (fired,) = (folder / "fired").glob("*.json")
    told = json.loads(fired.read_text())
    assert (told["point"], told["key"]) == ("do.intent", KEY)
    assert not list((folder / "armed").iterdir())


def test_one_arming_fires_once(folder: Path) -> None:
    """The second one that comes by lives."""
    (folder / "armed" / "do.intent").write_text("kill")

    assert _child(folder).returncode == -signal.SIGKILL
    assert _child(folder).stdout == "lives\n"


def test_a_point_of_one_step_lets_others_pass(folder: Path) -> None:
    """With a path behind it, an arming waits for that step alone."""
    (folder / "armed" / "do.intent@other").write_text("kill")
    assert _child(folder).stdout == "lives\n"

    (folder / "armed" / "do.intent@a+b[1]").write_text("kill")
    assert _child(folder).returncode == -signal.SIGKILL


def test_off_it_costs_nothing_to_speak_of() -> None:
    """A point that is off is a comparison: far below a thousandth of a step's few milliseconds."""
    count = 100_000
    # The thread's own time: who else uses the machine meanwhile says nothing of the cost.
    measured = timeit.Timer(lambda: reached(Point.INTENT, KEY), timer=time.thread_time)
    seconds = min(measured.repeat(repeat=3, number=count))

    assert seconds / count < 2e-6


def _child(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _CHILD, str(folder), KEY],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
