"""What processes cost, as Linux tells it in `/proc`: CPU time and resident memory."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used so far, its threads included."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def rss_mb(pid: int) -> float:
    """Return a process's resident memory now, in MB of 10^6 bytes."""
    return _status_mb(pid, "VmRSS")


def peak_rss_mb(pid: int) -> float:
    """Return the most resident memory that a process ever had, in MB of 10^6 bytes."""
    return _status_mb(pid, "VmHWM")


def _status_mb(pid: int, name: str) -> float:
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024 / 1e6
    raise LookupError(f"/proc/{pid}/status has no {name}")


@dataclass(frozen=True, slots=True)
class CpuMeter:
    """CPU time of several processes since a moment."""

    pids: dict[str, int]
    began: dict[str, float]

    @classmethod
    def start(cls, pids: dict[str, int]) -> "CpuMeter":
        """Begin to count."""
        return cls(pids, {name: cpu_s(pid) for name, pid in pids.items()})

    def used_s(self) -> dict[str, float]:
        """Return the CPU seconds of each process since the start."""
        return {name: cpu_s(pid) - self.began[name] for name, pid in self.pids.items()}
