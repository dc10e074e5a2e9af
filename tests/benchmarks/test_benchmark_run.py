"""The benchmark from its command line, on the real stack."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("benchmark"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], str]:
    """What `--quick --only histories` writes, and what it prints."""
    out = tmp_path_factory.mktemp("bench") / "bench.json"
    before = _left()
    argv = [sys.executable, "-m", "benchmarks", "--quick", "--only", "histories", "--out", str(out)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    assert _left() <= before
    return json.loads(out.read_text()), done.stdout


def test_governance_adds_no_events_but_its_own(measured: tuple[dict[str, object], str]) -> None:
    """Beyond the bare run's events stand admission, its workflow task, and two upserts; no step
    has one event more."""
    history = measured[0]["history"]

    assert isinstance(history, dict)
    assert history["more"] == {
        "activity_task_completed": 1,
        "activity_task_scheduled": 1,
        "activity_task_started": 1,
        "upsert_workflow_search_attributes": 2,
        "workflow_task_completed": 1,
        "workflow_task_scheduled": 1,
        "workflow_task_started": 1,
    }
    assert history["events_per_step"] == {"governed": 6.0, "bare": 6.0}


def test_it_prints_a_table(measured: tuple[dict[str, object], str]) -> None:
    """The table stands on standard output, with the machine below it."""
    assert "history of 10 steps, governed" in measured[1]
    assert "cores, load" in measured[1]


def _left() -> set[Path]:
    """Return the folders of benchmarks that are over: each should have taken its own away."""
    folders = (ROOT / "build" / "bench").glob("*")
    return {folder for folder in folders if not Path(f"/proc/{folder.name}").exists()}
