"""What a run shows of itself: counts, what runs and waits, what failed last, the last lines.

Bounded whatever the plan's size; the full table is asked for apart.
"""

from dataclasses import dataclass

from remit.canonical import JSONObject
from remit.plan.compiled import Schedule
from remit.plan.event import Ref
from remit.plan.path import Segment

SHOWN = 20
"""Most entries of each list."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    total: int
    """Number of steps, fallbacks included."""
    counts: dict[str, int]
    """Steps by status, in words; those that no step has are left out."""
    running: list[str]
    """Calls in flight, at most 20, oldest first."""
    waiting: list[str]
    """Calls that wait for people, at most 20, each with what it waits for."""
    failed: list[str]
    """Steps that failed last, at most 20, each with its code."""
    last: list[str]
    """The last 20 events, oldest first."""

    def markdown(self) -> list[str]:
        """Return the same as paragraphs of Markdown."""
        counted = ", ".join(f"{number} {label}" for label, number in self.counts.items())
        lines = [f"{self.total} steps: {counted}"]
        for title, names in (("Running", self.running), ("Failed", self.failed)):
            if names:
                lines.append(f"{title}: " + ", ".join(f"`{name}`" for name in names))
        if self.last:
            lines.append("\n".join(f"- {line}" for line in self.last))
        return lines

    def model(self) -> JSONObject:
        """Return the same as JSON."""
        return {
            "total": self.total,
            "counts": dict(self.counts),
            "running": list(self.running),
            "waiting": list(self.waiting),
            "failed": list(self.failed),
            "last": list(self.last),
        }


def name_of(schedule: Schedule, ref: Ref) -> str:
    """Return the path segment of a call, as people and ledgers write it."""
    step = schedule.steps[ref.step].id
    return str(Segment(step, ref.item, ref.iteration, ref.generation))
