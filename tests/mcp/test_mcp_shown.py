"""What an agent is shown of a run: in words that may be a tool's own."""

from collections.abc import Iterator

from remit.cli.mcp.shown import LONGEST, refusals_of, run_of
from remit.client.outcome import Outcome
from remit.client.snapshot import Snapshot, StepState, Waiting
from remit.plan.wire import Residue

LOUD = "answered 409 (\x1b[2J\u202eno\nsuch thing " + "x" * 5000 + ")"


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list() | tuple():
            for part in value:
                yield from _texts(part)
        case dict():
            for part in value.values():
                yield from _texts(part)


def test_words_of_others_are_one_bounded_line() -> None:
    """Of the run, its steps, what it waits for, and what could not be undone."""
    step = StepState("a", "lab.put@1", "failed", why=LOUD, policy=LOUD)
    wait = Waiting("a", "operator", "doubt", LOUD, "", "remit approve a")
    snapshot = Snapshot("failed", True, code="X", reason=LOUD, steps=[step], waits=[wait])
    residue = Residue(path="a", tool="lab.put@1", code="X", reason=LOUD, owner="team:lab")
    ended = Outcome(status="failed", code="X", reason=LOUD, residue=[residue])

    shown = [
        run_of("run-1", snapshot, None),
        run_of("run-1", snapshot, ended),
        refusals_of("run-1", snapshot, ended),
    ]

    texts = list(_texts(shown))
    assert sum("such thing" in text for text in texts) >= 10
    assert all(len(text) <= LONGEST for text in texts)
    assert all(text.isprintable() for text in texts)
    assert not any("remit approve" in text for text in texts)
