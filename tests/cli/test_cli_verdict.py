"""What a dry run concludes from the decisions."""

import pytest

from remit.enforcement.rehearsal.asking import Answer
from remit.enforcement.rehearsal.rehearsing import Rehearsed
from remit.enforcement.rehearsal.stage import Scene


def said(effect: str) -> Answer:
    """Return a decision."""
    return Answer(effect, (), (), (), "low", "r", "d")


def scene(effect: str, turn: str = "1", falls_back: bool = False) -> Scene:
    """Return a step of which policy says `effect`."""
    return Scene(turn, "a", "lab.put@1", said(effect), falls_back=falls_back)


@pytest.mark.parametrize(
    ("admission", "scenes", "verdict"),
    [
        ("allow", [], "would_run"),
        ("allow", [scene("allow"), scene("require_approval")], "would_wait"),
        ("allow", [scene("require_approval"), scene("deny")], "would_be_refused"),
        ("deny", [scene("allow")], "would_be_refused"),
        ("require_approval", [scene("allow")], "would_be_refused"),
        ("allow", [scene("deny", falls_back=True), scene("allow", turn="")], "would_run"),
        ("allow", [scene("allow"), scene("deny", turn="")], "would_run"),
        ("allow", [scene("deny", turn="-.1")], "would_run"),
        ("allow", [Scene("1", "a", "lab.put@1", None)], "would_run"),
    ],
)
def test_the_worst_needed_decision_counts(
    admission: str, scenes: list[Scene], verdict: str
) -> None:
    """Fallbacks, and refusals that have one, do not refuse a run; only an allow admits a plan."""
    assert Rehearsed(said(admission), scenes).verdict == verdict
