"""What is under way in the whole machine, and the commands that it is about to emit.

Owns the bookkeeping across steps: calls in flight, delays, and what waits for people. The order of
commands is part of recorded histories: several at once go in the order of the plan, so that a
restored machine, which has forgotten what came first, does the same.
"""

from collections.abc import Iterable
from typing import Literal

from remit.plan.event import (
    AbandonGate,
    Call,
    Command,
    Delay,
    DropDelay,
    Expand,
    Ref,
    StartChild,
    StopChild,
    UndoStep,
)

Kind = Literal["call", "child", "expand", "undo"]
"""What is in flight under a ref."""


class Traffic:
    """Calls in flight, delays and waits, by ref."""

    __slots__ = (
        "_out",
        "delays",
        "doubts",
        "flying",
        "gates",
        "is_closed",
        "is_leaving",
        "late",
        "stalled",
    )

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self.flying: dict[Ref, Kind] = {}
        self.delays: dict[Ref, None] = {}
        """Delays that were begun."""
        self.late: dict[Ref, float] = {}
        """Delays that begin when something may begin again, in seconds."""
        self.gates: dict[Ref, None] = {}
        self.doubts: dict[Ref, None] = {}
        self.stalled: dict[Ref, None] = {}
        self.is_closed = False
        """Nothing may begin now."""
        self.is_leaving = False
        """The run is stopping: nobody waits for people any more."""
        self._out: list[Command] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way that answers by itself."""
        return not self.flying and not self.delays

    @property
    def is_waiting(self) -> bool:
        """Whether anything will still go on: in flight, delayed, or waiting for people."""
        waits = self.late or self.gates or self.doubts or self.stalled
        return not self.is_idle or bool(waits)

    def take(self) -> list[Command]:
        """Return the commands gathered, and forget them."""
        out, self._out = self._out, []
        return out

    def emit(self, command: Command) -> None:
        """Emit a command; what it puts in flight stays so until `land`."""
        match command:
            case Call(ref):
                self.flying[ref] = "call"
            case StartChild(ref):
                self.flying[ref] = "child"
            case Expand(step):
                self.flying[Ref(step)] = "expand"
            case UndoStep(step):
                self.flying[Ref(step)] = "undo"
            case _:
                pass
        self._out.append(command)

    def land(self, ref: Ref) -> None:
        """Note that the ref has answered."""
        del self.flying[ref]

    def delay(self, ref: Ref, seconds: float) -> None:
        """Begin a delay, now or when something may begin again."""
        if self.is_closed:
            self.late[ref] = seconds
        else:
            self.delays[ref] = None
            self._out.append(Delay(ref, seconds))

    def begin_late(self) -> None:
        """Begin the delays that had to wait."""
        late, self.late = self.late, {}
        for ref in in_order(late):
            self.delay(ref, late[ref])

    def drop_delay(self, ref: Ref) -> None:
        """Forget a delay that nobody needs any more."""
        self.late.pop(ref, None)
        if ref in self.delays:
            del self.delays[ref]
            self._out.append(DropDelay(ref))

    def abandon(self, ref: Ref) -> None:
        """Close an open gate that nobody needs any more."""
        if ref in self.gates:
            del self.gates[ref]
            self._out.append(AbandonGate(ref))

    def stop_child(self, ref: Ref) -> None:
        """Ask a child to stop, if that is what is in flight there."""
        if self.flying.get(ref) == "child":
            self._out.append(StopChild(ref))

    def leave(self) -> None:
        """Give up everything that need not be drained: gates, doubts, delays; stop children."""
        self.is_leaving = self.is_closed = True
        for ref in in_order(self.gates):
            self.abandon(ref)
        for ref in in_order([*self.delays, *self.late]):
            self.drop_delay(ref)
        self.doubts.clear()
        self.stalled.clear()
        for ref in in_order(self.flying):
            self.stop_child(ref)


def in_order(refs: Iterable[Ref]) -> list[Ref]:
    """Return `refs` in the order of the plan."""
    return sorted(refs, key=_place)


def _place(ref: Ref) -> tuple[int, int, int, int]:
    return ref.step, -1 if ref.item is None else ref.item, ref.iteration, ref.generation
