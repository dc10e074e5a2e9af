"""Which process a pid means: a pid together with the moment its process began.

A pid alone is not a name: the system gives it to somebody else once its process is gone. Nothing
in this package signals a pid whose beginning does not match what was recorded.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
MARK = "REMIT_STACK_COMPONENT"
"""Environment variable that every process of a stack carries: `<.remit folder>:<component>`."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process, for ever: no later process equals it."""

    pid: int
    began: str
    """Opaque: boot and start time, as the system tells them."""

    def is_running(self) -> bool:
        """Say whether this very process runs (a zombie does not)."""
        return began(self.pid) == self.began

    def signal(self, number: signal.Signals) -> bool:
        """Send `number` to this very process; false when it no longer runs.

        Where the system has process descriptors the check and the signal cannot be torn apart.
        """
        if not hasattr(os, "pidfd_open"):
            return self.is_running() and _kill(self.pid, number)
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.is_running():
                return False
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)
        return True

    def kill_group(self) -> bool:
        """Kill this process and those that it started; false when it no longer runs.

        Only for leaders of a session of their own, as everything we start is.
        """
        if not self.is_running():
            return False
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return True


def began(pid: int) -> str | None:
    """Return when the process `pid` began; `None` when it does not run."""
    reap(pid)
    if sys.platform == "linux":
        return _began_linux(pid)
    return _began_posix(pid)


def reap(pid: int) -> None:
    """Collect `pid` if it is a child of ours that has ended."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def marked(mark: str) -> Iterator[tuple[str, ProcessId]]:
    """Yield (component, process) of every session leader that carries `mark`.

    These are our own starts, known by an exact environment entry, also when no state file names
    them: a start that was killed before it could be written down. Only Linux can tell.
    """
    if sys.platform != "linux":
        return
    prefix = f"{MARK}={mark}:".encode()
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (name := _marked_component(entry, prefix)) is not None:
            pid = int(entry.name)
            moment = began(pid)
            if moment is not None and _session(pid) == pid:
                yield name, ProcessId(pid, moment)


def _marked_component(entry: Path, prefix: bytes) -> str | None:
    try:
        entries = (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return next((e[len(prefix) :].decode() for e in entries if e.startswith(prefix)), None)


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _began_linux(pid: int) -> str | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    return None if fields[0] in {"Z", "X"} else f"{boot}:{fields[19]}"


def _began_posix(pid: int) -> str | None:
    listed = subprocess.run(
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        timeout=5,
        env={"LC_ALL": "C"},
    )
    state, _, moment = listed.stdout.strip().partition(" ")
    return None if not moment or state.startswith("Z") else moment.strip()


def _kill(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def pids_working_in(folder: Path) -> list[int]:
    """Return the processes whose working folder is `folder`. Only Linux can tell."""
    if sys.platform != "linux":
        return []
    found = []
    for entry in _PROC.iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
    return found
