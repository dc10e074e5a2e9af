"""Which faults come, in which order: the same seed and number of plans give the same schedule.

Two lanes. Faults of a *window* wait for a worker to come to a named point between two durable
steps, and end or stop it right there. The others come when enough plans have begun. When a fault
is due depends on plans begun, not on the clock, so that a slow machine has the same schedule.
"""

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from remit.cli.stack.state import Profile

FULL_PLANS = 300
WINDOW_FAULTS = 20
"""At this many plans every window must get this many faults; fewer plans, fewer faults."""

Window = Literal[
    "decide-intent", "intent-send", "send-outcome", "outcome-answer", "unwind", "gate", "any"
]
POINTS: Mapping[Window, tuple[str, ...]] = {
    "decide-intent": ("do.decided",),
    "intent-send": ("do.intent",),
    "send-outcome": ("do.sending", "do.answered", "do.judged"),
    "outcome-answer": ("do.recorded",),
    "unwind": (
        "undo.decided",
        "undo.intent",
        "undo.sending",
        "undo.answered",
        "undo.judged",
        "undo.recorded",
        "undo.fenced",
        "undo.listed",
    ),
    "gate": ("do.gating", "do.gated", "do.voting", "do.voted"),
}
WINDOWS: tuple[Window, ...] = tuple(POINTS)

AT_POINTS = (
    "kill_worker", "kill_worker", "kill_worker", "pause_worker", "kill_shop", "kill_worker",
    "kill_opa", "kill_worker", "pause_worker", "cut",
)  # fmt: skip
"""What happens at a point, in turn. All but `kill_worker` happen while the worker stands still."""

TIMED: Mapping[str, int] = {
    "kill_opa": 4, "kill_shop": 6, "kill_keeper": 4, "kill_temporal": 4, "kill_worker": 6,
    "pause_worker": 6, "pause_opa": 4, "pause_shop": 4, "pause_temporal": 4, "pause_keeper": 2,
    "cut": 8, "delay": 8, "half_close": 8, "swallow": 8, "corrupt": 10, "disk_full": 4,
    "skew": 3, "long_pause": 3,
}  # fmt: skip
"""How often each kind comes without a window, at `FULL_PLANS`."""
OF_PROFILE: Mapping[Profile, Mapping[str, int]] = {
    "light": TIMED,
    "full": {**TIMED, "kill_postgres": 4, "pause_postgres": 4},
}
"""The same by profile. In `full` it is the server that `kill_temporal` means."""
AT_POINTS_OF: Mapping[Profile, tuple[str, ...]] = {
    "light": AT_POINTS,
    "full": (*AT_POINTS, "kill_postgres", "kill_temporal"),
}
LONG_PAUSE_S = 9.0
"""Longer than any lease of the shop's tools (3 s timeout, 2 s settle, 1 s slack)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned fault."""

    number: int
    kind: str
    window: Window = "any"
    point: str = ""
    """Where a worker must be; empty for a fault that only waits for its turn."""
    seconds: float = 0.0
    """How long it lasts, where it lasts."""
    delay_s: float = 0.0
    """How long after its point a kill comes: then it meets a call in flight."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The two lanes."""

    at_points: tuple[Fault, ...]
    timed: tuple[Fault, ...]

    @property
    def kinds(self) -> set[str]:
        """Every planned kind."""
        return {fault.kind for fault in (*self.at_points, *self.timed)}


def bound(plans: int) -> int:
    """Return how many faults each window must get."""
    return max(1, round(WINDOW_FAULTS * min(plans, FULL_PLANS) / FULL_PLANS))


def schedule(
    seed: int, plans: int, without: Sequence[str] = (), profile: Profile = "light"
) -> Schedule:
    """Return the faults for a seed and a number of plans, leaving some kinds out."""
    # Not for secrets: the same seed must give the same faults.
    rng = random.Random(f"faults:{seed}:{plans}")  # noqa: S311
    turns = AT_POINTS_OF[profile]
    at_points = [
        fault for window in WINDOWS for fault in _of_window(rng, window, bound(plans), turns)
    ]
    rng.shuffle(at_points)
    share = min(plans, FULL_PLANS) / FULL_PLANS
    timed = [
        Fault(0, kind, seconds=_seconds(rng, kind))
        for kind, count in OF_PROFILE[profile].items()
        if kind not in without
        for _ in range(max(1, round(count * share)))
    ]
    rng.shuffle(timed)
    return Schedule(_numbered(at_points, 0), _numbered(timed, len(at_points)))


def missed(
    planned: Schedule, fired: Iterable[tuple[str, str]], plans: int
) -> tuple[dict[str, int], list[str]]:
    """Return windows with too few faults (and how many they got), and kinds that never fired.

    Args:
        planned: What was to come.
        fired: Kind and window of each fault that came.
        plans: How many plans there were.
    """
    came = list(fired)
    windows = Counter(str(window) for _, window in came)
    kinds = {kind for kind, _ in came}
    short = {str(w): windows[w] for w in WINDOWS if windows[w] < bound(plans)}
    return short, sorted(planned.kinds - kinds)


def _of_window(rng: random.Random, window: Window, least: int, turns: Sequence[str]) -> list[Fault]:
    points = POINTS[window]
    faults = []
    # Two in five more: a point that nobody comes to in time is not a fault.
    for number in range(least + math.ceil(least * 0.4)):
        kind = turns[(number + len(window)) % len(turns)]
        point = points[number % len(points)]
        in_flight = point.endswith(".sending") and kind == "kill_worker"
        delay_s = round(rng.uniform(0.005, 0.06), 3) if in_flight else 0.0
        faults.append(Fault(0, kind, window, point, _seconds(rng, kind), delay_s))
    return faults


def _seconds(rng: random.Random, kind: str) -> float:
    if kind == "long_pause":
        return LONG_PAUSE_S
    if kind == "disk_full":
        return round(rng.uniform(1.0, 2.5), 2)
    if kind == "skew":
        return round(rng.choice((-0.8, 0.8)), 2)
    if kind == "delay":
        return round(rng.uniform(0.3, 1.2), 2)
    return round(rng.uniform(0.2, 1.5), 2)


def _numbered(faults: Sequence[Fault], start: int) -> tuple[Fault, ...]:
    return tuple(
        Fault(start + n, f.kind, f.window, f.point, f.seconds, f.delay_s)
        for n, f in enumerate(faults)
    )
