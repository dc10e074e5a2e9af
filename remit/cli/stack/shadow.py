"""A candidate for the policies, served beside those that decide: put there, looked at, taken away.

The order keeps workers from asking about a candidate that is not served: its OPA is healthy, and
says the right revision, before it is announced; the announcement goes before its OPA does.
"""

from dataclasses import dataclass
from pathlib import Path

from remit.cli.stack import stack
from remit.cli.stack.errors import StackCode, StackError
from remit.cli.stack.health import OpaHealth
from remit.cli.stack.install import Report
from remit.cli.stack.layout import Layout
from remit.cli.stack.lock import hold
from remit.cli.stack.outline import SHADOW
from remit.cli.stack.session import Session
from remit.cli.stack.state import load
from remit.decision.shadow import Announcement
from remit.stores.atomic import write_atomically
from remit.stores.shadow import announce, announced, withdraw

_LOCK_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a shadow is."""

    announcement: Announcement | None
    """What workers were told; `None` when there is no shadow."""
    problem: str
    """Why its OPA does not answer; empty when it does, or when there is none."""


def scope_beside(scope: str) -> str:
    """Return what a candidate for `scope` is signed for: what decides there never takes it."""
    return f"{scope}-shadow"


def begin(
    project: Path, archive: bytes, scope: str, announcement: Announcement, report: Report
) -> None:
    """Serve a signed bundle in the shadow of a running stack, in place of any other.

    Args:
        project: the folder with `remit.toml`.
        archive: the bundle.
        scope: what it is signed for.
        announcement: what workers are told once it is served.
        report: told, a line at a time, what is done.

    Raises:
        StackError: the stack is not up, or OPA does not take the bundle; nothing is announced then.
    """
    stack.environment(project)
    end(project, report)
    layout = Layout(project.resolve())
    layout.shadow.mkdir(mode=0o700, exist_ok=True)
    write_atomically(layout.shadow_scope, scope.encode())
    write_atomically(layout.shadow_bundle, archive)
    try:
        stack.up(project, report, only=(SHADOW,))
        _check(layout, announcement)
        announce(layout.shadow, announcement)
    except BaseException:
        end(project, report)
        raise


def end(project: Path, report: Report) -> bool:
    """Take the candidate away; return whether there was one. What was found about it stays."""
    layout = Layout(project.resolve())
    was = layout.shadow_bundle.exists() or announced(layout.shadow) is not None
    if not was:
        return False
    withdraw(layout.shadow)
    with hold(layout.lock, wait_s=_LOCK_WAIT_S, report=report):
        # Without its bundle no `up` starts it again, even if we get no further.
        layout.shadow_bundle.unlink(missing_ok=True)
        Session(layout, report).stop_all({SHADOW})
    return True


def standing(project: Path) -> Standing:
    """Return how the shadow of a project's stack is."""
    layout = Layout(project.resolve())
    told = announced(layout.shadow)
    if told is None:
        return Standing(None, "")
    record = load(layout.state).components.get(SHADOW)
    if record is None:
        return Standing(told, "its OPA is not started; `remit up` starts it")
    return Standing(told, record.problem() or "")


def _check(layout: Layout, announcement: Announcement) -> None:
    record = load(layout.state).components.get(SHADOW)
    active = record.health.revision() if record and isinstance(record.health, OpaHealth) else None
    if active != announcement.revision:
        raise StackError(
            StackCode.START_FAILED,
            f"the candidate's OPA decides with {active}, not with {announcement.revision}",
            hint=f"its log is {str(layout.log(SHADOW))!r}",
        )
