"""`make demo` as a stranger runs it, interrupted first; the ports everybody likes are taken."""

import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import pytest

from remit.cli.stack import stack
from tests.running import ROOT
from tests.scenarios.office import demo

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("demo"), pytest.mark.timeout(400)]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A copy of the example; whatever runs there in the end is stopped."""
    folder = tmp_path / "office"
    ignored = shutil.ignore_patterns(".remit", "__pycache__")
    shutil.copytree(ROOT / "examples" / "backoffice", folder, ignore=ignored)
    yield folder
    stack.down(folder, lambda line: None)


@pytest.fixture
def taken() -> Iterator[None]:
    """Take the ports of Temporal's dev server, unless somebody has them already."""
    with ExitStack() as held:
        for port in (7233, 8233):
            listener = held.enter_context(socket.socket())
            with suppress(OSError):
                listener.bind(("127.0.0.1", port))
                listener.listen()
        yield


def until(running: "subprocess.Popen[str]", words: str) -> str:
    """Read the narration up to a line with `words`; return all of it."""
    assert running.stdout is not None
    told = ""
    for line in running.stdout:
        told += line
        if words in line:
            return told
    raise AssertionError(told)


def test_demo_works_again_after_a_kill(taken: None, project: Path) -> None:
    """Killed while it waits, it leaves the stack up; the next one plays both acts, and stops it."""
    first = demo(project, "1")
    until(first, "It waits")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert stack.status(project).condition == "running"

    second = demo(project, "0")
    told = until(second, "Look at it: ")
    page = httpx2.get(told.split()[-1], timeout=10)
    told += second.communicate()[0]

    assert second.returncode == 0, told
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html")
    assert "the run completed" in told
    assert "each effect happened exactly once" in told
    assert "the company's books are where they were before" in told
    undone = re.findall(r"^ +undo +(\S+)", told, re.MULTILINE)
    assert undone == ["finance.entry", "erp.order", "finance.reservation"]
    typed = [line for line in told.splitlines() if line.startswith("$ temporal workflow signal")]
    assert len(typed) == 2
    assert "the evidence holds" in told
    assert re.search(r"EVIDENCE-EDITED +record \d+", told)
    assert "✗" not in told
    assert stack.status(project).condition == "stopped"
