"""Which paths of a run are barred to new calls: by a fence or by a higher generation.

A barrier stands at a path without iterations and generations, and names the lowest generation that
may still begin there and below. Pure functions; a store keeps the barriers of a run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from remit.ledger.errors import LedgerError
from remit.plan.path import Segment, StepKey

FENCED = 2**31 - 1
"""Generation of a barrier that nothing passes."""


def barrier_paths(key: StepKey) -> Sequence[tuple[str, int]]:
    """Return the paths whose barriers stop `key`, each with its generation there.

    Iteration and generation are left out of the paths; a segment with an item also stands without
    it, because a barrier may speak of the whole step.
    """
    paths = [("", 0)]
    above = ""
    for segment in (*_segments(key.parent), key.segment):
        step = f"{above}/{segment.step}" if above else segment.step
        paths.append((step, segment.generation))
        above = step
        if segment.item is not None:
            above = f"{step}[{segment.item}]"
            paths.append((above, segment.generation))
    return paths


def new_barriers(key: StepKey) -> Mapping[str, int]:
    """Return the barriers that beginning `key` puts up: path to lowest generation let through."""
    found: dict[str, int] = {}
    above = ""
    for segment in (*_segments(key.parent), key.segment):
        above = f"{above}/{segment.step}" if above else segment.step
        if segment.item is not None:
            above = f"{above}[{segment.item}]"
        if segment.generation:
            found[above] = segment.generation
    return found


def fence_path(parent: str, step: str) -> str:
    """Return the barrier path of a fence: `parent` without iterations and generations, `step`."""
    bare = [str(replace(one, iteration=0, generation=0)) for one in _segments(parent)]
    return "/".join([*bare, step] if step else bare)


def check_generation(key: StepKey, barriers: Mapping[str, int]) -> None:
    """Refuse a key that a higher generation, or an amendment, has taken the place of."""
    for path, generation in barrier_paths(key):
        lowest = barriers.get(path, 0)
        if generation < lowest != FENCED:
            raise LedgerError("STEP-SUPERSEDED", f"{key}: generation {lowest} is in its place")


def check_barriers(key: StepKey, barriers: Mapping[str, int]) -> None:
    """Refuse a `do` that stands behind a fence or below a higher generation of its path."""
    for path, generation in barrier_paths(key):
        lowest = barriers.get(path, 0)
        if lowest == FENCED:
            raise LedgerError("STEP-FENCED", f"{key}: {path or 'the run'!s} is being unwound")
        if generation < lowest:
            raise LedgerError("STEP-SUPERSEDED", f"{key}: generation {lowest} has begun")


def _segments(path: str) -> Sequence[Segment]:
    return [Segment.parse(part) for part in path.split("/")] if path else []
