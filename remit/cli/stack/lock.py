"""One worker on a folder at a time: an advisory lock that dies with its process.

Held on a file of its own that is never deleted: deleting it would let two processes hold two
locks of one name.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from remit.cli.stack.errors import StackCode, StackError

_POLL_S = 0.1


@contextmanager
def hold(path: Path, *, wait_s: float, report: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock `path` for the length of the block.

    Args:
        path: the lock file; made if absent.
        wait_s: how long to wait for another holder, in seconds.
        report: told once when there is somebody to wait for.

    Raises:
        StackError: `STACK-LOCKED` when another process still holds it after `wait_s`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, path, wait_s, report)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, wait_s: float, report: Callable[[str], None]) -> None:
    until = time.monotonic() + wait_s
    told = False
    while not _try(descriptor):
        if time.monotonic() >= until:
            raise StackError(
                StackCode.LOCKED,
                f"another process has held {str(path)!r} for {wait_s:g} s",
                hint="wait for the other `remit` to end, or end it, then repeat the command",
            )
        if not told:
            report("waiting for another `remit` that works on the same folder")
            told = True
        time.sleep(_POLL_S)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
