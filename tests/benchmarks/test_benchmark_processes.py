"""CPU, memory and profiles of processes, held to processes whose doings are known."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import CpuMeter, cpu_s, peak_rss_mb, rss_mb
from benchmarks.profile import read, report

ROOT = Path(__file__).parents[2]
BUSY = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from benchmarks.sampler import Sampler

def burns():
    until = time.process_time() + 0.5
    while time.process_time() < until:
        sum(range(500))

def sleeps():
    time.sleep(0.5)

sampler = Sampler()
sampler.start()
sleeps()
burns()
sampler.stop()
sampler.write(Path(sys.argv[2]))
"""


def test_cpu_time_is_what_was_used() -> None:
    """A process that computes for half a second is charged for that, one that waits for nothing."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    idle = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        meter = CpuMeter.start({"busy": busy.pid, "idle": idle.pid})
        until = time.monotonic() + 30
        while cpu_s(busy.pid) < 0.5 and time.monotonic() < until:
            time.sleep(0.02)
        used = meter.used_s()
    finally:
        for child in (busy, idle):
            child.kill()
            child.wait()

    assert used["busy"] >= 0.4
    assert used["idle"] < 0.3


def test_memory_is_what_is_held() -> None:
    """A process with 100 MB more has 100 MB more."""
    plain, heavy = (
        subprocess.Popen(
            [sys.executable, "-c", f"x = b'1' * {size}; print(flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for size in (1, 100_000_000)
    )
    try:
        for child in (plain, heavy):
            assert child.stdout is not None
            child.stdout.readline()
        more = rss_mb(heavy.pid) - rss_mb(plain.pid)
        peak = peak_rss_mb(heavy.pid)
    finally:
        for child in (plain, heavy):
            child.kill()
            child.communicate()

    assert more == pytest.approx(100, abs=5)
    assert peak > 100


def test_a_profile_names_what_computes(tmp_path: Path) -> None:
    """Nearly all CPU is charged to the function that burns it, none to the one that sleeps."""
    found = tmp_path / "profile.txt"
    subprocess.run([sys.executable, "-c", BUSY, str(ROOT), str(found)], check=True, timeout=60)
    profile = read(found)
    burnt = profile.leaves["<string>: burns"]

    assert burnt > 0.8 * profile.total
    assert profile.leaves["<string>: sleeps"] < 0.1 * profile.total
    assert any("burns" in line for line in report(profile, steps=1))


def test_a_profile_charges_our_lines_for_the_library_calls_they_make(tmp_path: Path) -> None:
    """Time below one of our lines counts for that line, for its function and for those above."""
    ours, above = ROOT / "remit" / "canonical.py", ROOT / "workers" / "fleet.py"
    stacks = [f"run@{above}:7;digest@{ours}:9;dumps@/lib/json.py:3 4000", f"run@{above}:8 1000"]
    found = tmp_path / "profile.txt"
    found.write_text("\n".join(["# cpu 6000", *stacks]) + "\n")
    profile = read(found)

    assert profile.own == {"remit/canonical.py:9 digest": 4000, "workers/fleet.py:8 run": 1000}
    assert profile.with_calls == {"remit/canonical.py: digest": 4000, "workers/fleet.py: run": 5000}
    assert (profile.total, profile.python) == (6000, 5000)
