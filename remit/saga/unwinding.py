"""One batch of undos at work: which may begin now, which wait, and what people settle.

Pure: the driver says how an undo ended, and is told what to begin. An undo begins when all that it
comes after are over: done, marked as done, or handed over to a person. A failed one holds up only
what comes after it; everything else goes on.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum, auto

from remit.plan.wire import Residue, Undo


class _State(Enum):
    WAITING = auto()
    READY = auto()
    RUNNING = auto()
    FAILED = auto()
    OVER = auto()


class Unwinding:
    """The undos of one batch, by position."""

    def __init__(self, undos: Sequence[Undo], parallel: int) -> None:
        """Run at most `parallel` undos at a time; each `after` points backwards."""
        self._paths = {undo.path: position for position, undo in enumerate(undos)}
        self._room = max(1, parallel)
        self._left = [len(undo.after) for undo in undos]
        self._behind: list[list[int]] = [[] for _ in undos]
        for position, undo in enumerate(undos):
            for earlier in undo.after:
                self._behind[earlier].append(position)
        self._states = [_State.WAITING if left else _State.READY for left in self._left]
        self._ready = deque(position for position, left in enumerate(self._left) if not left)
        self._running = 0
        self._over = 0
        self._residue: dict[int, Residue] = {}

    def start(self) -> list[int]:
        """Return the undos to begin first."""
        return self._begin()

    def done(self, position: int) -> list[int]:
        """Take a success; return what begins next."""
        if self._states[position] is not _State.RUNNING:
            return []
        self._running -= 1
        self._end(position)
        return self._begin()

    def failed(self, position: int, residue: Residue) -> list[int]:
        """Take a failure; what comes after it waits, the rest goes on."""
        if self._states[position] is not _State.RUNNING:
            return []
        self._running -= 1
        self._states[position] = _State.FAILED
        self._residue[position] = residue
        return self._begin()

    @property
    def finished(self) -> bool:
        """Whether every undo is over."""
        return self._over == len(self._states)

    @property
    def parked(self) -> bool:
        """Whether nothing goes on any more until a person settles a failed undo."""
        return not (self._running or self._ready or self.finished)

    @property
    def residue(self) -> list[Residue]:
        """What failed and is not settled, or was handed over; in the order of failing."""
        return list(self._residue.values())

    @property
    def waiting(self) -> list[int]:
        """Undos that wait behind others, in order."""
        return [i for i, state in enumerate(self._states) if state is _State.WAITING]

    def retry(self, path: str) -> list[int]:
        """Try a failed undo again; return what begins next."""
        position = self._failed_at(path)
        if position is None:
            return []
        del self._residue[position]
        self._states[position] = _State.READY
        self._ready.append(position)
        return self._begin()

    def mark_done(self, path: str) -> list[int]:
        """Take a person's word that a failed undo is done; return what begins next."""
        position = self._failed_at(path)
        if position is None:
            return []
        del self._residue[position]
        self._end(position)
        return self._begin()

    def hand_over(self, path: str) -> list[int]:
        """Leave a failed undo to a person: it stays residue; return what begins next."""
        position = self._failed_at(path)
        if position is None:
            return []
        self._end(position)
        return self._begin()

    def _failed_at(self, path: str) -> int | None:
        position = self._paths.get(path)
        if position is None or self._states[position] is not _State.FAILED:
            return None
        return position

    def _end(self, position: int) -> None:
        self._states[position] = _State.OVER
        self._over += 1
        for behind in self._behind[position]:
            self._left[behind] -= 1
            if not self._left[behind]:
                self._states[behind] = _State.READY
                self._ready.append(behind)

    def _begin(self) -> list[int]:
        begun: list[int] = []
        while self._ready and self._running < self._room:
            position = self._ready.popleft()
            self._states[position] = _State.RUNNING
            self._running += 1
            begun.append(position)
        return begun
