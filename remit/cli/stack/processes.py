"""Starting and stopping the stack's processes.

A process is started detached: a session of its own, no terminal, no shell, output into its log.
It is stopped by SIGTERM, and by SIGKILL after a grace time; only ever the very process that was
started (see `identity`).
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from remit.cli.stack.errors import StackCode, StackError
from remit.cli.stack.identity import ProcessId, began
from remit.cli.stack.logs import begin, tail

_KILL_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Command:
    """What to start."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    """The whole environment, not an addition to ours."""
    folder: Path
    """Working folder."""
    log: Path


@dataclass(frozen=True, slots=True)
class Started:
    """A process we began, and where its own lines in the log begin."""

    process: ProcessId
    log: Path
    log_offset: int


def start(command: Command) -> Started:
    """Start `command` detached and return at once; it need not be healthy yet.

    Raises:
        StackError: `STACK-START-FAILED` when the program cannot be executed.
    """
    offset = begin(command.log, command.name)
    with command.log.open("ab") as log:
        try:
            child = subprocess.Popen(
                command.argv,
                cwd=command.folder,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise _failed(command.name, f"cannot be executed: {error}", command.log) from error
    # A process that is gone already has no beginning; any text differs from what `began` says.
    moment = began(child.pid) or "ended"
    child.returncode = 0  # it outlives us on purpose: `identity` follows it, not this handle
    return Started(ProcessId(child.pid, moment), command.log, offset)


def await_healthy(
    name: str, started: Started, problem: Callable[[], str | None], *, within_s: float
) -> None:
    """Wait until `problem` returns `None`.

    Args:
        name: the component, for the message.
        started: its process.
        problem: says what is still missing, or `None`.
        within_s: how long it may take, in seconds.

    Raises:
        StackError: `STACK-START-FAILED` with the last lines of its log, when it ended or was
            not healthy in time. The process is left as it is.
    """
    until = time.monotonic() + within_s
    pause = 0.02
    while (missing := problem()) is not None:
        if not started.process.is_running():
            raise _failed(
                name, "its process ended" + tail(started.log, started.log_offset), started.log
            )
        if time.monotonic() >= until:
            said = tail(started.log, started.log_offset)
            raise _failed(name, f"not healthy within {within_s:g} s: {missing}{said}", started.log)
        time.sleep(pause)
        pause = min(0.1, pause * 1.5)


def stop(
    name: str,
    process: ProcessId,
    *,
    grace_s: float,
    number: signal.Signals = signal.SIGTERM,
) -> bool:
    """End `process`; return whether it still ran.

    Args:
        name: the component, for the message.
        process: never signalled if its pid means another process by now.
        grace_s: seconds between `number` and SIGKILL.
        number: what asks it to end.

    Raises:
        StackError: `STACK-STOP-FAILED` when it survives SIGKILL.
    """
    if not process.signal(number):
        return False
    if not _ended(process, grace_s):
        process.kill_group()
        if not _ended(process, _KILL_WAIT_S):
            raise StackError(
                StackCode.STOP_FAILED,
                f"{name} (pid {process.pid}) is still there {_KILL_WAIT_S:g} s after SIGKILL",
                hint=f"look at it with `ps -p {process.pid} -o pid,stat,wchan,args`",
            )
    return True


def _ended(process: ProcessId, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while process.is_running():
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


def _failed(name: str, why: str, log: Path) -> StackError:
    return StackError(
        StackCode.START_FAILED,
        f"{name} did not start: {why}",
        hint=f"its log is {str(log)!r}; put right what it says, then `remit up` again",
    )
