"""The command line typed in this process: as told, with the same words and codes, much sooner.

What only a process of its own proves, a terminal, a shell and how it ends, has tests of its own
(`tests/cli/test_running_cli.py`, `tests/scenarios/test_walk.py`).
"""

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from threading import Lock

from remit.cli.main import main

_ONE_AT_A_TIME = Lock()
"""Output, folder and environment are the process's, of which there is one."""


def typed(
    arguments: Sequence[str | Path], *, folder: Path, variables: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run `remit` in `folder` with no other environment than `variables`."""
    words = [str(argument) for argument in arguments]
    with _ONE_AT_A_TIME, _standing(folder, variables), _captured() as (out, err):
        code = _run(words)
        return subprocess.CompletedProcess(words, code, _text(out), _text(err))


def _run(words: list[str]) -> int:
    """Commands have loops of their own, which cannot run inside of a test's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return main(words)
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(main, words).result()


@contextmanager
def _standing(folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    before, there = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(there)
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _captured() -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Catch output in streams that know bytes and an encoding, as a process's do; type nothing."""
    nothing, out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(3))
    typing = sys.stdin
    sys.stdin = nothing
    try:
        with redirect_stdout(out), redirect_stderr(err):
            yield out, err
    finally:
        sys.stdin = typing


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    held = stream.buffer
    assert isinstance(held, io.BytesIO)
    return held.getvalue().decode()
