"""A sampling profiler of one process: where its threads spend CPU time, seen from inside.

Every few milliseconds a thread looks at what every other thread is at, and charges the CPU time
that the thread has used since the last look to that place. So idle threads cost nothing in the
profile, and a thread that waits for the interpreter lock is not mistaken for one that works. Time in
native threads (the SDK's core) has no Python place and is told apart.
"""

import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

_EVERY_S = 0.004
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
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        self._began_ns = time.process_time_ns()
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling."""
        self._stopping.set()
        self._thread.join()

    def write(self, file: Path) -> None:
        """Write one line per stack: `frame;frame;… microseconds`, outermost first."""
        total = (time.process_time_ns() - self._began_ns) // 1000
        lines = [f"# cpu {total}"]
        for stack, used in self._stacks.most_common():
            named = ";".join(f"{name}@{path}:{line}" for path, name, line in reversed(stack))
            lines.append(f"{named} {used // 1000}")
        file.write_text("\n".join(lines) + "\n")

    def _run(self) -> None:
        own = threading.get_ident()
        while not self._stopping.wait(_EVERY_S):
            frames = sys._current_frames()
            for thread, frame in frames.items():
                spent = self._spent_ns(thread)
                if spent > 0 and thread != own:
                    self._stacks[_stack(frame)] += spent

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
