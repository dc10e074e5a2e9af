"""CPU and memory of processes, held to processes whose doings are known."""

import subprocess
import sys

import pytest

from benchmarks.processes import CpuMeter, cpu_s, peak_rss_mb, rss_mb
from tests.waiting import until


def test_cpu_time_is_what_was_used() -> None:
    """A process that computes for half a second is charged for that, one that waits for nothing."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    idle = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        meter = CpuMeter.start({"busy": busy.pid, "idle": idle.pid})
        until(lambda: cpu_s(busy.pid) >= 0.5)
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
