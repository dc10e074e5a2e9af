"""What the keeper alone does is loaded in the keeper alone."""

import subprocess
import sys

from tests.running import ROOT


def test_other_workers_start_without_the_keepers_work() -> None:
    """They neither notify nor forget, and need nothing that reads policies."""
    code = (
        "import sys, workers.__main__; print(*(m for m in sys.modules if m.startswith('workers.')))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert "workers.builder" in done.stdout.split()
    assert {"workers.keeping", "workers.keeper", "workers.notifier"}.isdisjoint(done.stdout.split())
