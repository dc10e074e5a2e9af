"""A candidate for the policies, served by an OPA of its own beside the deciding one.

Started, looked at, ended. Its part of the stack has the name of its folder, in which its bundle
lies: without that no `up` starts it.
"""

from pathlib import Path

from remit.canonical import Digest
from remit.cli.stack import stack
from remit.cli.stack.bundle import Bundle
from remit.cli.stack.errors import StackCode, StackError
from remit.cli.stack.health import OpaHealth
from remit.cli.stack.install import Report
from remit.cli.stack.layout import ARCHIVE, SCOPE, Layout
from remit.cli.stack.lock import hold
from remit.cli.stack.session import Session
from remit.cli.stack.state import load
from remit.stores.atomic import write_atomically


def scope_beside(scope: str, name: str) -> str:
    """Return what a candidate for `scope` is signed for: what decides there never takes it."""
    return f"{scope}-{name}"


def serve(project: Path, name: str, bundle: Bundle, scope: str, report: Report) -> None:
    """Serve a signed bundle beside the deciding one of a running stack, in place of any other.

    Args:
        project: the folder with `remit.toml`.
        name: `SHADOW` or `CANARY`.
        bundle: the candidate.
        scope: what it is signed for.
        report: told, a line at a time, what is done.

    Raises:
        StackError: the stack is not up, or OPA does not take the bundle; nothing is served then.
    """
    stack.environment(project)
    clear(project, name, report)
    layout = Layout(project.resolve())
    folder = layout.candidate(name)
    folder.mkdir(mode=0o700, exist_ok=True)
    write_atomically(folder / SCOPE, scope.encode())
    write_atomically(folder / ARCHIVE, bundle.content)
    try:
        stack.up(project, report, only=(name,))
        _check(layout, name, bundle.revision)
    except BaseException:
        clear(project, name, report)
        raise


def clear(project: Path, name: str, report: Report) -> bool:
    """Serve no such candidate any more; return whether there was one."""
    layout = Layout(project.resolve())
    archive = layout.candidate(name) / ARCHIVE
    if not archive.exists():
        return False
    with hold(layout.lock, wait_s=stack.LOCK_WAIT_S, report=report):
        # Without its bundle no `up` starts it again, even if we get no further.
        archive.unlink(missing_ok=True)
        Session(layout, report).stop_all({name})
    return True


def problem(project: Path, name: str) -> str:
    """Return why the candidate's OPA does not answer; empty when it does."""
    record = load(Layout(project.resolve()).state).components.get(name)
    if record is None:
        return "its OPA is not started; `remit up` starts it"
    return record.problem() or ""


def _check(layout: Layout, name: str, revision: Digest) -> None:
    record = load(layout.state).components.get(name)
    active = record.health.revision() if record and isinstance(record.health, OpaHealth) else None
    if active != revision:
        raise StackError(
            StackCode.START_FAILED,
            f"the candidate's OPA decides with {active}, not with {revision}",
            hint=f"its log is {str(layout.log(name))!r}",
        )
