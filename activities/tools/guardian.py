"""The parent of a process that a worker starts: nothing of it outlives its worker, or its bounds.

    python -I -S guardian.py WORKER_PID [BOUND=NUMBER…] [scratch=FOLDER] -- COMMAND [ARGUMENT…]

Starts the command as the leader of a process group of its own, with standard input, output and
error passed on and no other descriptor. When the worker dies, however it dies, or sends SIGTERM,
or the command ends, everything that the command started is killed: its group at once, then
whatever left that group, because orphans come to the guardian (Linux). Uses the standard library
alone, and is never imported.

With bounds it looks at the whole family several times a second, too (Linux), kills it when it takes
more, clears `scratch`, and writes as its last deed a line with `gone` to standard output: whoever
reads it knows that nothing is left. Bounds are `until_s` (of `time.monotonic()`, which is the same
in all processes), `grace_s` (between SIGTERM and SIGKILL), `cpu_s`, `memory`, `file` (bytes),
`processes`, `descriptors`.

Tried and dropped: a death signal on the command itself, which is cleared for its own children;
`/proc/PID/task/TID/children`, which not every kernel has; limits set between fork and exec in a
worker that has threads.
"""

import ctypes
import math
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LOOK_EVERY_S = 0.05
_LOOK_SHARE = 20
"""Looking takes one part in so many of the guardian's time, so that it looks less often where there
are many processes."""
_LOOK_LATEST_S = 0.25
"""But never less often than this, whatever it takes."""
_KILLING_S = 5.0
"""How long what cannot be killed, because it became another user's, is tried to be."""
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ON_LINUX = sys.platform == "linux"


class Family:
    """The command, and everything that it started."""

    def __init__(self, command: list[str], bounds: Mapping[str, float]) -> None:
        """Start it.

        Raises:
            OSError: there is no such program.
        """
        self._woken = _listen()
        made = subprocess.Popen(  # noqa: S603
            command, preexec_fn=lambda: _in_command(bounds), process_group=0
        )
        self.first = made.pid
        made.returncode = 0  # it is reaped here, with all others
        self.status: int | None = None
        """How the command ended; `None` while it lives."""
        self._bounds = bounds
        self._until = bounds.get("until_s", math.inf)
        self._grace_s = bounds.get("grace_s", 0.0)
        self._look_at = time.monotonic() if bounds else math.inf

    def watch(self) -> str:
        """Wait until it is over, and return why."""
        while True:
            if self._has_ended():
                return "cpu" if self.status == -signal.SIGXCPU else "ended"
            now = time.monotonic()
            if now >= self._until - self._grace_s:
                return "wall"
            if now >= self._look_at and (excess := self._excess()):
                return excess
            if self._is_told(min(self._until - self._grace_s, self._look_at) - now):
                return "stopped"

    def end(self, why: str) -> None:
        """Leave nothing of it; politely first, where there is time for that."""
        if why in ("wall", "stopped"):
            self._ask(min(self._until, time.monotonic() + self._grace_s))
        self._send(signal.SIGKILL)
        until = time.monotonic() + _KILLING_S
        while not self._is_gone() and time.monotonic() < until:
            for pid, _, _ in _descendants():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self._is_told(0.01)

    def _ask(self, until: float) -> None:
        if self._grace_s:
            self._send(signal.SIGTERM)
        while not self._has_ended() and (left := until - time.monotonic()) > 0:
            self._is_told(left)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.first, number)

    def _has_ended(self) -> bool:
        self._is_gone()
        return self.status is not None

    def _is_gone(self) -> bool:
        """Bury the dead; say whether nobody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self.first:
                self.status = os.waitstatus_to_exitcode(status)

    def _excess(self) -> str:
        """Look at the family; return the bound that it is over, if there is one."""
        begun = time.monotonic()
        alive = list(_descendants())
        now = time.monotonic()
        pause = max(_LOOK_EVERY_S, _LOOK_SHARE * (now - begun))
        self._look_at = now + min(_LOOK_LATEST_S, pause)
        buried = os.times()
        taken = {
            "processes": len(alive),
            "memory": sum(memory for _, _, memory in alive),
            "cpu": buried.children_user + buried.children_system + sum(cpu for _, cpu, _ in alive),
        }
        most = {"processes": "processes", "memory": "memory", "cpu": "cpu_s"}
        over = (
            each
            for each, amount in taken.items()
            if amount > self._bounds.get(most[each], math.inf)
        )
        return next(over, "")

    def _is_told(self, within_s: float) -> bool:
        """Wait for a signal; say whether it was SIGTERM."""
        timeout = None if math.isinf(within_s) else max(0.0, within_s)
        readable, _, _ = select.select([self._woken], [], [], timeout)
        return bool(readable) and signal.SIGTERM in os.read(self._woken, 4096)


def _listen() -> int:
    """Return a descriptor from which the signals that came can be read."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return readable


def _descendants() -> Iterator[tuple[int, float, int]]:
    """Yield the living processes below this one: id, seconds of processor, bytes of memory."""
    below: dict[int, list[tuple[int, float, int]]] = {}
    for name in os.listdir("/proc") if _ON_LINUX else ():
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                told = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        cpu = sum(int(ticks) for ticks in told[11:15]) * _TICK_S
        memory = -1 if told[0] == b"Z" else int(told[21]) * _PAGE
        below.setdefault(int(told[1]), []).append((int(name), cpu, memory))
    left = [os.getpid()]
    while left:
        for each in below.get(left.pop(), ()):
            left.append(each[0])
            if each[2] >= 0:
                yield each


def _in_command(bounds: Mapping[str, float]) -> None:
    """Between fork and exec; the guardian has no threads, so this is safe."""
    # For the case that somebody kills the guardian itself.
    _on_this_process(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if not bounds:
        return
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, int(bounds["cpu_s"]), kill_at=int(bounds["cpu_s"]) + 1)
    _limit(resource.RLIMIT_NOFILE, int(bounds["descriptors"]))
    _limit(resource.RLIMIT_FSIZE, int(bounds["file"]))
    if _ON_LINUX:
        _limit(resource.RLIMIT_AS, int(bounds["memory"]))


def _limit(which: int, most: int, kill_at: int | None = None) -> None:
    hard = resource.getrlimit(which)[1]
    ends = (most, most if kill_at is None else kill_at)
    if hard != resource.RLIM_INFINITY:
        ends = (min(ends[0], hard), min(ends[1], hard))
    resource.setrlimit(which, ends)


def _on_this_process(option: int, value: int) -> None:
    if _ON_LINUX:
        ctypes.CDLL(None).prctl(option, value)


def _clear(folder: str) -> None:
    """Remove a folder; what cannot be removed stays."""
    with suppress(OSError, RecursionError):
        for place, folders, files in os.walk(folder, topdown=False):
            for name in files + folders:
                path = os.path.join(place, name)
                is_folder = name in folders and not os.path.islink(path)
                with suppress(OSError):
                    (os.rmdir if is_folder else os.unlink)(path)
        os.rmdir(folder)


def _tell(why: str, status: int | None) -> None:
    code = "null" if status is None else str(status)
    with suppress(OSError):
        os.write(1, f'\n{{"gone": {{"by": "{why}", "status": {code}}}}}\n'.encode())


def main(argv: list[str]) -> int:
    """Start the command, and end everything when it or the worker ends."""
    cut = argv.index("--")
    worker, command = int(argv[1]), argv[cut + 1 :]
    given = dict(each.split("=", 1) for each in argv[2:cut])
    scratch = given.pop("scratch", "")
    bounds = {name: float(value) for name, value in given.items()}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _on_this_process(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        family = Family(command, bounds)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    _on_this_process(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # Only the command holds the pipes now: when it closes them, the worker sees it.
    os.close(0)
    if not bounds:
        os.close(1)
    why = "stopped" if os.getppid() != worker else family.watch()
    family.end(why)
    if scratch:
        _clear(scratch)
    if bounds:
        _tell(why, family.status)
    return 0


if __name__ == "__main__":
    os._exit(main(sys.argv))
