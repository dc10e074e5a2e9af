"""The machine itself: in miniature it finds nothing, and a broken worker does not escape it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.schedule import TIMED
from remit.canonical import JSONObject
from tests.running import ROOT

_KEPT = frozenset({"kill_shop", "swallow", "corrupt"})
_WITHOUT = [word for kind in TIMED if kind not in _KEPT for word in ("--without", kind)]


@pytest.mark.stack
@pytest.mark.large
@pytest.mark.timeout(600)
def test_in_miniature_nothing_is_wrong(tmp_path: Path) -> None:
    """A few plans under a fault in every window: all tried, nothing doubled, lost or left."""
    code, found, said = _run(tmp_path, "--plans", "10", *_WITHOUT)

    assert found["violation_list"] == []
    assert (found["missed_windows"], found["missed_kinds"]) == ({}, [])
    assert code == 0, said
    assert (found["plans"], found["seed"]) == (10, 1)
    assert "violations             0" in said


@pytest.mark.stack
@pytest.mark.large
@pytest.mark.timeout(600)
def test_a_broken_effect_once_is_caught(tmp_path: Path) -> None:
    """With another key for every attempt, lost answers become second effects, and are reported."""
    code, found, said = _run(tmp_path, "--plans", "8", "--break-effect-once", *_WITHOUT)

    assert code == 1, said
    violations = found["violation_list"]
    assert isinstance(violations, list)
    assert any(isinstance(one, dict) and one["invariant"] == "I2" for one in violations)
    assert "WRONG I2" in said


def _run(folder: Path, *words: str) -> tuple[int, JSONObject, str]:
    out = folder / "chaos.json"
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "--out", str(out), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert out.exists(), done.stderr[-3000:]
    return done.returncode, json.loads(out.read_text()), done.stdout
