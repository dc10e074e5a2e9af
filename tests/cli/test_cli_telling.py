"""A run in words and as a tree, from snapshots alone."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from remit.cli.live import PlainView, tree
from remit.cli.telling import changes, ending
from remit.client.outcome import Outcome
from remit.client.snapshot import Snapshot, StepState, Waiting
from remit.plan.wire import Residue

COMMAND = "temporal workflow signal --workflow-id 'x' --name approve --input '{}'"
GATE = Waiting("b", "operator", "gate", "it cannot be undone", "2026-11-21T10:00:00Z", COMMAND)
BEGUN = Snapshot(
    status="running",
    is_closed=False,
    is_live=True,
    total=2,
    counts={"done": 1, "running": 1},
    steps=(StepState("a", "lab.look@1", "done"), StepState("b", "lab.burn@1", "running")),
)
GATED = replace(BEGUN, status="awaiting_approval", waits=(GATE,))


def drawn(now: Snapshot, room: int = 20) -> str:
    """Return the tree as a terminal without colours shows it."""
    console = Console(file=io.StringIO(), width=100)
    console.print(tree(now, "lab 1.0.0", room))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_only_changes_are_told() -> None:
    """The same snapshot says nothing twice; a step that moved is one line."""
    after = replace(BEGUN, steps=(BEGUN.steps[0], replace(BEGUN.steps[1], state="done")))

    assert list(changes(BEGUN, BEGUN)) == []
    assert list(changes(BEGUN, after)) == ["  b  done  lab.burn@1"]


def test_a_wait_is_told_once_with_its_command_on_a_line_of_its_own() -> None:
    """Who is asked, until when, why, and what to type."""
    lines = list(changes(BEGUN, GATED))

    assert f"    {COMMAND}" in lines
    assert any("operator until 2026-11-21T10:00:00Z, then silence refuses" in x for x in lines)
    assert list(changes(GATED, GATED)) == []


def test_absent_workers_are_told() -> None:
    """Somebody who follows a run learns that nobody works on it."""
    lines = list(changes(BEGUN, Snapshot("running", is_closed=False)))

    assert lines == ["no worker answers; what follows is what Temporal itself keeps"]


def test_an_ending_names_residue_and_who_looks_after_it() -> None:
    """Status, code, step and reason in one line; then what was undone and what was not."""
    left = Residue(path="a", tool="lab.drop@1", code="LAB-STUCK", reason="no", owner="team:lab")
    end = Outcome(
        status="failed", code="LAB-REFUSED", step="b", reason="asked", undone=2, residue=(left,)
    )

    text = "\n".join(ending(end, "http://ui/x"))

    assert text.startswith("failed: LAB-REFUSED at b: asked\n  2 calls undone\n")
    assert "left behind: a (lab.drop@1), LAB-STUCK: no\n    team:lab must look after it" in text
    assert text.endswith("http://ui/x")


def test_the_tree_shows_every_step_with_its_state() -> None:
    """One line a step, below the plan's name, status and count."""
    lines = drawn(BEGUN).splitlines()

    assert lines[0].split() == ["lab", "1.0.0", "running", "1", "of", "2", "done"]
    assert [line.split()[2] for line in lines[1:]] == ["a", "b"]


def test_a_tall_tree_shows_first_what_is_at_work() -> None:
    """Where the terminal is short, finished steps make room, and the rest is counted."""
    steps = tuple(StepState(f"s{n}", "t@1", "done" if n < 90 else "running") for n in range(100))
    tall = replace(BEGUN, steps=steps, total=100, counts={"done": 90, "running": 10})

    text = drawn(tall, room=12)

    assert all(f"s{n} " in text for n in range(90, 100))
    assert "in all: 90 done, 10 running" in text
    assert len(text.splitlines()) < 20


def test_a_reason_cannot_paint_on_the_terminal() -> None:
    """Texts of tools and people are spelt out in tree and lines alike."""
    evil = replace(BEGUN, code="X", reason="\x1b[2J[bold]done[/bold]", waits=())

    assert "\x1b" not in drawn(evil)
    assert "[bold]done[/bold]" in drawn(evil)


def test_plain_lines_go_where_they_are_asked_to(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` progress is on stderr, else on stdout."""
    PlainView(to_stderr=True).show(BEGUN)
    PlainView(to_stderr=False).show(GATED)
    captured = capsys.readouterr()

    assert "b  running" in captured.err
    assert COMMAND in captured.out
    assert COMMAND not in captured.err
