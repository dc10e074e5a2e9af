"""Starting, watching and stopping real processes, and never a stranger's."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remit.cli.stack.errors import StackError
from remit.cli.stack.identity import MARK, ProcessId, began, marked
from remit.cli.stack.processes import Command, Started, await_healthy, start, stop
from tests.waiting import until

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start Python code as a component; it is killed in the end."""
    begun: list[Started] = []

    def begin(code: str, **variables: str) -> Started:
        command = Command(
            name="tried",
            argv=(sys.executable, "-c", code),
            environment={**os.environ, **variables},
            folder=tmp_path,
            log=tmp_path / "tried.log",
        )
        begun.append(start(command))
        return begun[-1]

    yield begin
    for started in begun:
        started.process.kill_group()


def test_a_process_is_detached_and_logs(run: Callable[..., Started]) -> None:
    """It leads a session of its own and its output goes to its log."""
    started = run("import os, time; print(os.getsid(0), flush=True); time.sleep(60)")
    own_session = f"\n{started.process.pid}\n"

    until(lambda: own_session in started.log.read_text())


def test_sigterm_comes_before_sigkill(run: Callable[..., Started]) -> None:
    """A process may end in its own way within its grace time."""
    code = "import signal, sys, time\n"
    code += "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye', flush=True)))\n"
    started = run(code + "print('up', flush=True)\ntime.sleep(60)")
    until(lambda: "up\n" in started.log.read_text())

    assert stop("tried", started.process, grace_s=60)
    assert "bye" in started.log.read_text()


def test_a_stubborn_process_is_killed_with_its_children(run: Callable[..., Started]) -> None:
    """After the grace time nothing of the process is left."""
    started = run(STUBBORN)
    until(lambda: started.log.read_text().splitlines()[1:])
    child = int(started.log.read_text().splitlines()[1])

    assert stop("tried", started.process, grace_s=0.2)
    assert not started.process.is_running()
    until(lambda: began(child) is None)


def test_a_recycled_pid_is_not_signalled(run: Callable[..., Started]) -> None:
    """A pid that now means another process is left alone."""
    started = run("import time; time.sleep(60)")
    stranger = ProcessId(started.process.pid, "another boot:1")

    assert not stop("tried", stranger, grace_s=0.1)
    assert not stranger.signal(signal.SIGKILL)
    assert not stranger.kill_group()
    assert started.process.is_running()


def test_a_dead_child_does_not_count_as_running() -> None:
    """A process that ended but was not collected is not running."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    process = ProcessId(child.pid, began(child.pid) or "")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert not process.is_running()
    child.wait()


def test_a_forgotten_process_is_found_by_its_mark(run: Callable[..., Started]) -> None:
    """Of all processes with the mark only session leaders count, under their component's name."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; "
    code += "print(1, flush=True); time.sleep(60)'])"
    started = run(code, **{MARK: "/some/where:opa"})
    run("import time; time.sleep(60)", **{MARK: "/some/where-else:opa"})

    assert list(marked("/some/where")) == [("opa", started.process)]


def test_a_start_that_fails_shows_its_own_last_lines(run: Callable[..., Started]) -> None:
    """The message holds what this start said, and nothing of an earlier one."""
    earlier = run("print('old words')")
    until(lambda: not earlier.process.is_running())
    started = run("import sys; sys.exit('no such database')")
    with pytest.raises(StackError) as caught:
        await_healthy("tried", started, lambda: "not there", within_s=10)

    assert caught.value.diagnostic.code == "STACK-START-FAILED"
    assert "no such database" in caught.value.diagnostic.message
    assert "old words" not in caught.value.diagnostic.message


def test_a_start_that_never_gets_healthy_ends_at_its_deadline(run: Callable[..., Started]) -> None:
    """The message says what was missing."""
    started = run("import time; time.sleep(60)")
    with pytest.raises(StackError, match=r"not healthy within 0\.2 s: nobody answers"):
        await_healthy("tried", started, lambda: "nobody answers", within_s=0.2)


def test_a_program_that_is_not_there_is_a_coded_error(tmp_path: Path) -> None:
    """A missing program is told at once."""
    command = Command("tried", ("/nowhere/program",), {}, tmp_path, tmp_path / "log")
    with pytest.raises(StackError, match=r"STACK-START-FAILED.*cannot be executed"):
        start(command)
