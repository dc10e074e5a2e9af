"""Named points of the pipeline at which the fault machine may end or stop this very process.

Off, and in production it is always off, a point costs one comparison with `None`. It is switched
on by `arm` alone, which refuses every profile but `light` and every environment but `chaos`.

A point fires when the folder holds a file `armed/<direction>.<point>`, or the same with `@<path>`
behind it (`/` written as `+`): whoever moves it away first has it, so that one arming fires once
whatever races. What fired is written to `fired/` before the process dies, so that it is counted.
Nothing here calls a tool, changes a value or swallows an error: it only takes time, or everything.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

ENVIRONMENT = "chaos"
"""The only `REMIT_ENVIRONMENT` in which points can be armed."""
REFUSED = "FAULT-POINTS-REFUSED"


class Point(StrEnum):
    """Every point, in the order in which a call passes them."""

    LOOKED = "looked"
    """The ledger was asked, nothing is decided."""
    DECIDED = "decided"
    """Allowed; no intent yet."""
    INTENT = "intent"
    """The intent is durable; nothing is sent."""
    SENDING = "sending"
    """Now the tool is called."""
    ANSWERED = "answered"
    """The tool answered; nothing is recorded."""
    JUDGED = "judged"
    """The answer is judged; nothing is recorded."""
    RECORDED = "recorded"
    """The outcome is durable; nobody was told."""
    REFUSAL = "refusal"
    """A refusal is durable; nobody was told."""
    UNKNOWN = "unknown"
    """That nobody knows is durable; nobody was told."""
    TAKEN = "taken"
    """A lost attempt was taken over; nothing is sent."""
    PROBED = "probed"
    """The probe answered; nothing is recorded."""
    DOUBTED = "doubted"
    """The question to a person is durable; nobody was told."""
    GATING = "gating"
    """Policy wants a person; no gate yet."""
    GATED = "gated"
    """The gate is durable; nobody was told."""
    VOTING = "voting"
    """A vote is judged; it is not recorded."""
    VOTED = "voted"
    """The vote is durable; nobody was told."""
    FENCED = "fenced"
    """The path is fenced; the undo list is not read."""
    LISTED = "listed"
    """The undo list is read; nobody was told."""


class FaultPointsRefusedError(ValueError):
    """Fault points were asked for where they must not be."""

    code = REFUSED


_fire: Callable[[str, str], None] | None = None


def reached(point: Point, key: object) -> None:
    """Say that the call of step key `key` has come to `point`."""
    if _fire is not None:
        _fire(point, str(key))


def arm(folder: Path, *, profile: str, environment: str) -> None:
    """Let points fire in this process as `folder` says.

    Raises:
        FaultPointsRefusedError: unless the profile is `light` and the environment `chaos`.
    """
    if profile != "light" or environment != ENVIRONMENT:
        raise FaultPointsRefusedError(
            f"{REFUSED}: fault points are for profile 'light' in environment {ENVIRONMENT!r}, "
            f"not for {profile!r} in {environment!r}; unset REMIT_FAULT_POINTS"
        )
    global _fire
    _fire = _Points(folder).reached


def disarm() -> None:
    """Let no point fire any more in this process."""
    global _fire
    _fire = None


class _Points:
    """The folder through which the driver and this process speak."""

    def __init__(self, folder: Path) -> None:
        self._armed = folder / "armed"
        self._fired = folder / "fired"

    def reached(self, point: str, key: str) -> None:
        _, path, direction = key.split(":")
        name = f"{direction}.{point}"
        for file in (f"{name}@{path.replace('/', '+')}", name):
            claimed = self._fired / f"{os.getpid()}-{time.time_ns()}"
            try:
                (self._armed / file).rename(claimed)
            except OSError:
                continue
            self._act(claimed, file, key)
            return

    def _act(self, claimed: Path, name: str, key: str) -> None:
        action, _, delay = claimed.read_text().partition(" ")
        told = {"point": name, "key": key, "pid": os.getpid(), "at_ms": time.time_ns() // 1_000_000}
        claimed.write_text(json.dumps(told))
        claimed.rename(claimed.with_suffix(".json"))
        number = signal.SIGSTOP if action == "stop" else signal.SIGKILL
        if delay:
            timer = threading.Timer(float(delay), os.kill, (os.getpid(), number))
            timer.daemon = True
            timer.start()
        else:
            os.kill(os.getpid(), number)
