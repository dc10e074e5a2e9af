"""Makes planned faults happen, and notes when and where each one did.

A fault of a window is armed at its point; when a worker has come there it is dead, or stands still
until the fault has happened to somebody else. What did not happen is not counted.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from chaos.arena import Arena
from chaos.evidence import Key
from chaos.fleet import Fleet, Worker
from chaos.proxy import Proxy, Trouble
from chaos.schedule import Fault
from remit.canonical import JSONObject

_POLL_S = 0.02
_FIRES_WITHIN_S = 12.0
_ONE_STEP_S = 90.0
"""A point of one step alone is waited for longer: its plan may have to recover first."""
_CALM_S = 0.3
"""How long a component's fault lasts before it is mended, at least."""
TROUBLES = frozenset({"cut", "delay", "half_close", "swallow", "corrupt"})


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that came."""

    fault: Fault
    at_ms: int
    until_ms: int
    key: Key | None = None
    """The call that it met, where it waited for one."""
    hits: int = 1


@dataclass(slots=True)
class Injector:
    """Everything that faults are made of."""

    place: Arena
    fleet: Fleet
    proxy: Proxy
    say: Callable[[str], None]
    came: list[Injected] = field(default_factory=list)
    _busy: dict[str, asyncio.Lock] = field(default_factory=dict)
    _turn: int = 0

    async def inject(self, fault: Fault) -> bool:
        """Make a fault happen; return whether it did."""
        done = await (self._at_point(fault) if fault.point else self._timed(fault))
        if done is not None:
            self.came.append(done)
        self.say(f"fault {fault.number}: {fault.kind} {fault.point or ''} {'' if done else '-'}")
        return done is not None

    # at a point

    async def _at_point(self, fault: Fault) -> Injected | None:
        await self.fleet.any_ready()
        armed = self.place.points / "armed" / fault.point
        if armed.exists():
            return None
        kills = fault.kind == "kill_worker"
        # Whole or not at all: a worker may claim it the moment it is there.
        draft = self.place.points / f"draft-{fault.number}"
        draft.write_text(f"{'kill' if kills else 'stop'} {fault.delay_s or ''}".strip())
        draft.rename(armed)
        within_s = _ONE_STEP_S if "@" in fault.point else _FIRES_WITHIN_S
        told = await self._fired(fault.point, within_s)
        if told is None:
            with suppress(FileNotFoundError):
                armed.unlink()
                return None
            # It was claimed in this very moment.
            told = await self._fired(fault.point, 1.0)
            if told is None:
                return None
        began, pid = int(str(told["at_ms"])), int(str(told["pid"]))
        if not kills:
            try:
                await self._elsewhere(fault)
            finally:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        return Injected(fault, began, _now_ms(), Key.parse(str(told["key"])))

    async def _fired(self, point: str, within_s: float) -> JSONObject | None:
        """Return what a worker wrote when it came to the point."""
        until = time.monotonic() + within_s
        folder = self.place.points / "fired"
        while time.monotonic() < until:
            for file in folder.glob("*.json"):
                told: JSONObject = json.loads(file.read_text())
                if told["point"] == point:
                    file.unlink()
                    return told
            await asyncio.sleep(_POLL_S)
        return None

    async def _elsewhere(self, fault: Fault) -> None:
        """Hit somebody else while a worker stands still."""
        if fault.kind.startswith("kill_"):
            await self._kill(fault.kind.removeprefix("kill_"))
        elif fault.kind == "cut":
            self.proxy.cut()
        else:
            await asyncio.sleep(fault.seconds)

    # in its turn

    async def _timed(self, fault: Fault) -> Injected | None:
        began, hits = _now_ms(), 1
        kind = fault.kind
        if kind in TROUBLES:
            hits = await self._trouble(cast("Trouble", kind), fault.seconds)
        elif kind == "disk_full":
            await self._alone("disk", lambda: self._fill_disk(fault.seconds))
        elif kind == "skew":
            await self._skew(int(fault.seconds * 1000))
        elif kind == "long_pause":
            await self._pause("worker", fault.seconds)
        elif kind.startswith("kill_"):
            await self._kill(kind.removeprefix("kill_"))
        else:
            await self._pause(kind.removeprefix("pause_"), fault.seconds)
        return Injected(fault, began, _now_ms(), hits=hits) if hits else None

    async def _trouble(self, kind: Trouble, seconds: float) -> int:
        """Trouble connections until it has met some, or nobody calls."""
        lock = self._busy.setdefault("proxy", asyncio.Lock())
        async with lock:
            self.proxy.begin(kind, seconds)
            until = time.monotonic() + 10
            await asyncio.sleep(min(seconds, 0.5))
            while not self.proxy.hits and time.monotonic() < until:
                await asyncio.sleep(_POLL_S)
            self.proxy.end()
            return self.proxy.hits

    async def _kill(self, component: str) -> None:
        if component == "worker":
            self._next_worker().kill()
        elif component == "keeper":
            self.fleet.keeper.kill()
        else:
            await self._alone(component, lambda: self._kill_part(component))

    async def _kill_part(self, component: str) -> None:
        os.kill(self.place.pid(component), signal.SIGKILL)
        await asyncio.sleep(_CALM_S)
        await asyncio.to_thread(self.place.up, component)

    async def _pause(self, component: str, seconds: float) -> None:
        worker = self._next_worker() if component == "worker" else None
        if component == "keeper":
            worker = self.fleet.keeper
        if worker is not None:
            await _stopped((worker.pid,), seconds)
            return
        await self._alone(component, lambda: _stopped(self._processes(component), seconds))

    def _processes(self, component: str) -> tuple[int, ...]:
        place = self.place
        return place.pids(component) if component == "postgres" else (place.pid(component),)

    async def _fill_disk(self, seconds: float) -> None:
        """Leave the ledger's file system without a byte."""
        ballast = self.place.ledger.parent / "ballast"
        try:
            await asyncio.to_thread(_fill, str(ballast))
            await asyncio.sleep(seconds)
        finally:
            ballast.unlink(missing_ok=True)

    async def _skew(self, milliseconds: int) -> None:
        """Let a worker's successor run with another clock, until it dies in its turn."""
        worker = self._next_worker()
        before = worker.extra
        worker.change([*before, "--skew-ms", str(milliseconds)])
        worker.kill()
        await asyncio.sleep(_CALM_S)
        await worker.ready()
        worker.change(before)

    async def _alone(self, component: str, work: Callable[[], Awaitable[None]]) -> None:
        """One fault at a time for one component: what is dead cannot be paused."""
        async with self._busy.setdefault(component, asyncio.Lock()):
            await work()

    def _next_worker(self) -> Worker:
        self._turn += 1
        return self.fleet.workers[self._turn % len(self.fleet.workers)]


async def _stopped(pids: Sequence[int], seconds: float) -> None:
    """Let processes stand still; the first is the one that starts the others."""
    for pid in filter(None, pids):
        _signal(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds if any(pids) else 0)
    for pid in filter(None, reversed(pids)):
        _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _fill(path: str) -> None:
    with open(path, "wb", buffering=0) as file, suppress(OSError):
        chunk = b"\0" * 65536
        while True:
            file.write(chunk)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
