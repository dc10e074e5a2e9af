"""The live tree of `remit run` on a terminal; without one, the same as plain lines.

What must be copied, such as the command that answers a gate, is printed once above
the tree, unwrapped.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from remit.cli.output import clean, line, note
from remit.cli.telling import changes, waiting
from remit.client.snapshot import Snapshot, StepState

_KEPT_LINES = 8
"""Lines of the terminal that the tree leaves free."""
_FEWEST = 5
_STYLES = {
    "done": ("✓", "green"),
    "running": ("●", "cyan"),
    "undoing": ("↺", "magenta"),
    "replacing": ("↺", "magenta"),
    "failed": ("✗", "red"),
    "skipped": ("-", "dim"),
    "dropped": ("-", "dim"),
    "replaced": ("-", "dim"),
    "ready": ("○", "cyan"),
    "waits": ("◆", "yellow"),
}
_OTHER = ("○", "dim")
_AT_WORK = ("waits", "running", "failed", "undoing", "replacing", "ready")


class View(Protocol):
    """Something that shows snapshots."""

    def show(self, now: Snapshot) -> None:
        """Show how the run stands now."""


class PlainView:
    """Lines as things change: to stdout, or to stderr where stdout is for JSON."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._tell = note if to_stderr else line
        self._before: Snapshot | None = None

    def show(self, now: Snapshot) -> None:
        """Print what changed."""
        for words in changes(self._before, now):
            self._tell(words)
        self._before = now


class TreeView:
    """A tree that is drawn again in place."""

    def __init__(self, live: Live, console: Console, title: str) -> None:
        self._live = live
        self._console = console
        self._title = title
        self._told: set[str] = set()

    def show(self, now: Snapshot) -> None:
        """Draw `now`, and tell once of each wait what to type."""
        for wait in now.waits:
            if wait.step not in self._told:
                for words in waiting(wait):
                    self._console.print(Text(clean(words), style="yellow"), soft_wrap=True)
        self._told = {wait.step for wait in now.waits}
        room = max(_FEWEST, self._console.height - _KEPT_LINES)
        self._live.update(tree(now, self._title, room), refresh=True)


@contextmanager
def view(title: str, link: str, *, to_stderr: bool) -> Iterator[View]:
    """Give the view that fits where the output goes."""
    console = Console(highlight=False)
    if to_stderr or not console.is_terminal:
        yield PlainView(to_stderr=to_stderr)
        return
    console.print(Text(link, "dim"), soft_wrap=True)
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        yield TreeView(live, console, title)


def tree(now: Snapshot, title: str, room: int) -> Tree:
    """Return the run as a tree of at most about `room` lines."""
    done = now.counts.get("done", 0)
    head = Text.assemble((clean(title), "bold"), "  ", (now.status, _status_style(now.status)))
    if now.total:
        head.append(f"  {done} of {now.total} done", "dim")
    drawn = Tree(head, guide_style="dim")
    steps = _chosen(now.steps, room)
    width = max((len(step.id) for step in steps), default=0)
    for step in steps:
        drawn.add(_step(step, width))
    if len(steps) < len(now.steps) or (not now.steps and now.total):
        rest = ", ".join(f"{number} {state}" for state, number in now.counts.items())
        drawn.add(Text(f"in all: {rest}", "dim"))
    if not now.is_live and not now.is_closed:
        drawn.add(Text("no worker answers; the run waits for one", "yellow"))
    if now.code:
        drawn.add(Text(clean(f"{now.code}: {now.reason}"), "red"))
    return drawn


def _chosen(steps: Sequence[StepState], room: int) -> Sequence[StepState]:
    """Return the steps to show, in the plan's order: those at work first when room is scarce."""
    if len(steps) <= room:
        return steps
    by_need = sorted(range(len(steps)), key=lambda at: not steps[at].state.startswith(_AT_WORK))
    return [steps[at] for at in sorted(by_need[:room])]


def _step(step: StepState, width: int) -> Text:
    word = step.state.split(" ")[0].rstrip(":")
    sign, style = _STYLES.get(word, _OTHER)
    return Text.assemble(
        (f"{sign} ", style),
        (clean(f"{step.id:<{width}}"), "bold" if word == "running" else ""),
        (clean(f"  {step.tool}"), "dim"),
        (clean(f"  {step.state}"), style),
    )


def _status_style(status: str) -> str:
    if status == "completed":
        return "bold green"
    if status in ("running", "admitting"):
        return "bold cyan"
    if status in ("awaiting_approval", "held", "in_doubt", "unwinding", "needs_repair"):
        return "bold yellow"
    return "bold red"
