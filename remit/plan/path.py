"""Step paths and step keys: the names under which things happen once (design.md §1, §7).

A path names one call inside a run, through sub-plans: `onboard/crm[3]~1@2` is item 3, iteration 1,
generation 2 of step `crm` inside the sub-plan step `onboard`. Defaults are left out. A step key is
the root chain id, a path and a direction; never the attempt.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

_SEGMENT = re.compile(
    r"^(?P<step>[a-z][a-z0-9_]{0,63})(\[(?P<item>\d+)\])?(~(?P<iteration>\d+))?(@(?P<generation>\d+))?$"
)


class Direction(StrEnum):
    """Whether a call does a step or undoes it."""

    DO = "do"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Segment:
    """One step on a path: which item, iteration and generation of it."""

    step: str
    item: int | None = None
    iteration: int = 0
    generation: int = 0

    def __str__(self) -> str:
        item = "" if self.item is None else f"[{self.item}]"
        iteration = f"~{self.iteration}" if self.iteration else ""
        generation = f"@{self.generation}" if self.generation else ""
        return f"{self.step}{item}{iteration}{generation}"

    @classmethod
    def parse(cls, text: str) -> "Segment":
        """Return the segment that `text` writes; `ValueError` otherwise."""
        match = _SEGMENT.match(text)
        if match is None:
            raise ValueError(f"{text!r} is not a step path segment")
        item = match["item"]
        return cls(
            match["step"],
            None if item is None else int(item),
            int(match["iteration"] or 0),
            int(match["generation"] or 0),
        )


def join_path(parent: str, segment: Segment) -> str:
    """Return the path of `segment` below `parent` (empty for the root plan)."""
    return f"{parent}/{segment}" if parent else str(segment)


def steps_on(path: str) -> str:
    """Return a path by its step ids alone: whichever item, iteration and generation it is of."""
    return "/".join(Segment.parse(part).step for part in path.split("/")) if path else ""


def callers(path: str) -> Sequence[str]:
    """Return the paths of the plans through which the one at `path` was called, the run's first."""
    segments = path.split("/") if path else []
    return ["/".join(segments[:length]) for length in range(len(segments))]


@dataclass(frozen=True, slots=True)
class StepKey:
    """The idempotency key of one effect."""

    root: str
    """Root chain id: first run id of the top-level run, handed down, never derived again."""
    parent: str
    """Path of the enclosing sub-plan; empty in the root plan."""
    segment: Segment
    direction: Direction = Direction.DO

    @property
    def path(self) -> str:
        """Path of the call within the run."""
        return join_path(self.parent, self.segment)

    def __str__(self) -> str:
        return f"{self.root}:{self.path}:{self.direction.value}"

    @classmethod
    def parse(cls, text: str) -> "StepKey":
        """Return the key that `text` writes; `ValueError` otherwise."""
        root, path, direction = text.split(":")
        parent, _, last = path.rpartition("/")
        return cls(root, parent, Segment.parse(last), Direction(direction))

    @property
    def undo(self) -> "StepKey":
        """The key of this call's compensation."""
        return replace(self, direction=Direction.UNDO)
