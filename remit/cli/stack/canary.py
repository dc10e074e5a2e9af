"""The OPA that serves a canary's candidate beside the deciding one: started, looked at, ended.

It is healthy, and says the right revision, before the ledger names the canary; the ledger says that
the canary is over before its OPA goes.
"""

from pathlib import Path

from remit.canonical import Digest
from remit.cli.stack import stack
from remit.cli.stack.component import READY_S
from remit.cli.stack.errors import StackCode, StackError
from remit.cli.stack.health import OpaHealth
from remit.cli.stack.install import Report
from remit.cli.stack.layout import Layout
from remit.cli.stack.lock import hold
from remit.cli.stack.outline import CANARY
from remit.cli.stack.session import Session
from remit.cli.stack.state import load
from remit.stores.atomic import write_atomically

_LOCK_WAIT_S = 2 * READY_S


def scope_beside(scope: str) -> str:
    """Return what a candidate for `scope` is signed for: what decides for all never takes it."""
    return f"{scope}-canary"


def serve(project: Path, archive: bytes, scope: str, revision: Digest, report: Report) -> None:
    """Serve a signed bundle beside the deciding one of a running stack, in place of any other.

    Raises:
        StackError: the stack is not up, or OPA does not take the bundle; nothing is served then.
    """
    stack.environment(project)
    clear(project, report)
    layout = Layout(project.resolve())
    layout.canary.mkdir(mode=0o700, exist_ok=True)
    write_atomically(layout.canary_scope, scope.encode())
    write_atomically(layout.canary_bundle, archive)
    try:
        stack.up(project, report, only=(CANARY,))
        _check(layout, revision)
    except BaseException:
        clear(project, report)
        raise


def clear(project: Path, report: Report) -> bool:
    """Serve no candidate any more; return whether there was one."""
    layout = Layout(project.resolve())
    if not layout.canary_bundle.exists():
        return False
    with hold(layout.lock, wait_s=_LOCK_WAIT_S, report=report):
        # Without its bundle no `up` starts it again, even if we get no further.
        layout.canary_bundle.unlink(missing_ok=True)
        Session(layout, report).stop_all({CANARY})
    return True


def problem(project: Path) -> str:
    """Return why the candidate's OPA does not answer; empty when it does."""
    record = load(Layout(project.resolve()).state).components.get(CANARY)
    if record is None:
        return "its OPA is not started; `remit up` starts it"
    return record.problem() or ""


def _check(layout: Layout, revision: Digest) -> None:
    record = load(layout.state).components.get(CANARY)
    active = record.health.revision() if record and isinstance(record.health, OpaHealth) else None
    if active != revision:
        raise StackError(
            StackCode.START_FAILED,
            f"the candidate's OPA decides with {active}, not with {revision}",
            hint=f"its log is {str(layout.log(CANARY))!r}",
        )
