"""`docs/walk.md` typed as it stands, in one shell; what it says will appear, appears."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.cli.stack import stack
from tests.running import ROOT

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("walk"), pytest.mark.timeout(500)]

WALK = ROOT / "docs" / "walk.md"
LOOKS = (
    *("remit explain", "remit dry-run", "remit validate", "remit status"),
    *("temporal workflow list", "journal "),
)
"""How commands begin that only look, so that whoever came too early can look again."""
PATIENCE_S = 90
PAUSE_S = 1
"""Between two looks; each starts a Python, which costs as much as what it waits for."""
END = "walk-block-ended"


def blocks() -> list[tuple[str, list[str]]]:
    """Return each block of commands with the lines that must appear."""
    text = WALK.read_text()
    found = re.findall(r"```sh\n(.*?)```\n(?:```text\n(.*?)```)?", text, re.DOTALL)
    assert len(found) == text.count("```sh")
    return [(commands, shown.splitlines()) for commands, shown in found]


class Shell:
    """A shell that somebody types into."""

    def __init__(self, folder: Path) -> None:
        """Start it in the checkout, with `remit` on its PATH and `folder` for its own files."""
        remit = folder / "bin" / "remit"
        remit.parent.mkdir()
        remit.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m remit "$@"\n')
        remit.chmod(0o755)
        variables = {
            "PATH": f"{remit.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(folder),
        }
        self._running = subprocess.Popen(
            ["sh"],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, commands: str) -> tuple[str, int]:
        """Type a block; return what it printed and the last exit code."""
        typed, printed = self._running.stdin, self._running.stdout
        assert typed is not None
        assert printed is not None
        typed.write(f"{commands}\ncode=$?; echo; echo {END} $code\n")
        typed.flush()
        output = ""
        for line in printed:
            if line.startswith(END):
                return output, int(line.split()[1])
            output += line
        raise AssertionError(f"the shell ended: {output}")

    def close(self) -> None:
        """End it."""
        self._running.communicate("exit\n", timeout=60)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell; the stack that was started in it is stopped."""
    shell = Shell(tmp_path)
    yield shell
    shell.close()
    for settings in tmp_path.glob("*/remit.toml"):
        stack.down(settings.parent, lambda line: None)


def missing(shown: list[str], output: str) -> list[str]:
    """Return the lines that do not appear in `output`, in their order; `…` is anything."""
    rest = output
    for number, line in enumerate(shown):
        pattern = ".*".join(re.escape(part) for part in line.strip().split("…"))
        found = re.search(pattern, rest)
        if found is None:
            return shown[number:]
        rest = rest[found.end() :]
    return []


def test_walk_works_as_it_is_written(shell: Shell) -> None:
    """Each block of the walk, in order, shows what the walk says."""
    for commands, shown in blocks():
        output, code = shell.type(commands)
        until = time.monotonic() + PATIENCE_S
        looks = all(line.startswith(LOOKS) for line in commands.splitlines())
        while looks and missing(shown, output) and time.monotonic() < until:
            time.sleep(PAUSE_S)
            output, code = shell.type(commands)

        assert missing(shown, output) == [], f"{commands}\n{output}"
        assert looks or code == 0, f"{commands}\n{output}"
