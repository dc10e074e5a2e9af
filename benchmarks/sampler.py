"""A sampling profiler of one process: where its threads spend CPU time, seen from inside.

A timer of CPU time interrupts the main thread every few milliseconds; its handler looks at what
every thread is at, and charges the CPU time that the thread has used since the last look to that
place. So idle threads cost nothing, and time in native threads (the SDK's core), which has no
Python place, is told apart. A sampling thread would not do: it sees the others where they give up
the interpreter lock, which is where they do not work.
"""

import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

_EVERY_S = 0.002
_DEPTH = 60
Place = tuple[str, str, int]
"""File, function, line."""


class Sampler:
    """Samples this process from `start` on; `write` tells what was found."""

    def __init__(self) -> None:
        """Prepare."""
        self._stacks: Counter[tuple[Place, ...]] = Counter()
        self._used: dict[int, int] = {}
        self._began_ns = 0

    def start(self) -> None:
        """Begin to sample; called in the main thread."""
        self._began_ns = time.process_time_ns()
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_S, _EVERY_S)

    def stop(self) -> None:
        """Stop sampling."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def write(self, file: Path) -> None:
        """Write one line per stack: `frame;frame;… microseconds`, outermost first."""
        total = (time.process_time_ns() - self._began_ns) // 1000
        lines = [f"# cpu {total}"]
        for stack, used in self._stacks.most_common():
            named = ";".join(f"{name}@{path}:{line}" for path, name, line in reversed(stack))
            lines.append(f"{named} {used // 1000}")
        file.write_text("\n".join(lines) + "\n")

    def _look(self, signum: int, frame: FrameType | None) -> None:
        main = threading.get_ident()
        for thread, seen in sys._current_frames().items():
            spent = self._spent_ns(thread)
            if spent > 0:
                self._stacks[_stack(frame if thread == main else seen)] += spent

    def _spent_ns(self, thread: int) -> int:
        """Return the CPU time that `thread` has used since the last look."""
        try:
            now = time.clock_gettime_ns(time.pthread_getcpuclockid(thread))
        except OSError:
            return 0  # it has just ended
        before = self._used.get(thread)
        self._used[thread] = now
        return now - before if before is not None else 0


def _stack(frame: FrameType | None) -> tuple[Place, ...]:
    found: list[Place] = []
    while frame is not None and len(found) < _DEPTH:
        code = frame.f_code
        found.append((code.co_filename, code.co_qualname, frame.f_lineno))
        frame = frame.f_back
    return tuple(found)
