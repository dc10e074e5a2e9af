"""A candidate that looks on beside the policies that decide: put there, looked at, taken away.

The order keeps workers from asking about a candidate that is not served: its OPA is healthy, and
says the right revision, before it is announced; the announcement goes before its OPA does.
"""

from dataclasses import dataclass
from pathlib import Path

from remit.cli.stack import candidate, stack
from remit.cli.stack.bundle import Bundle
from remit.cli.stack.install import Report
from remit.cli.stack.layout import SHADOW, Layout
from remit.decision.shadow import Announcement
from remit.stores.shadow import announce, announced, withdraw


@dataclass(frozen=True, slots=True)
class Standing:
    """How a shadow is."""

    announcement: Announcement | None
    """What workers were told; `None` when there is no shadow."""
    problem: str
    """Why its OPA does not answer; empty when it does, or when there is none."""


def begin(
    project: Path, bundle: Bundle, scope: str, announcement: Announcement, report: Report
) -> None:
    """Serve a signed bundle in the shadow of a running stack, in place of any other.

    Args:
        project: the folder with `remit.toml`.
        bundle: the candidate.
        scope: what it is signed for.
        announcement: what workers are told once it is served.
        report: told, a line at a time, what is done.

    Raises:
        StackError: the stack is not up, or OPA does not take the bundle; nothing is announced then.
    """
    stack.environment(project)
    end(project, report)
    candidate.serve(project, SHADOW, bundle, scope, report)
    try:
        announce(Layout(project.resolve()).candidate(SHADOW), announcement)
    except BaseException:
        end(project, report)
        raise


def end(project: Path, report: Report) -> bool:
    """Take the candidate away; return whether there was one. What was found about it stays."""
    folder = Layout(project.resolve()).candidate(SHADOW)
    was = announced(folder) is not None
    withdraw(folder)
    return candidate.clear(project, SHADOW, report) or was


def standing(project: Path) -> Standing:
    """Return how the shadow of a project's stack is."""
    told = announced(Layout(project.resolve()).candidate(SHADOW))
    return Standing(told, "" if told is None else candidate.problem(project, SHADOW))
