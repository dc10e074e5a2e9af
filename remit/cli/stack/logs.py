"""The stack's log files: one per component, readable at their end, and bounded.

Components append to a file they keep open, so a log is never moved away under them: what grew too
long is copied aside and then emptied in place.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

LIMIT_BYTES = 16 * 2**20
"""A log beyond this is kept as `<name>.log.1`, in place of an older one, and begins anew."""
_TAIL_BYTES = 8192
_TAIL_LINES = 20


def begin(log: Path, component: str) -> int:
    """Write a heading for a new start and return where its lines begin."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    with log.open("ab") as file:
        file.write(f"=== remit starts {component} at {moment}\n".encode())
        return file.tell()


def tail(log: Path, offset: int = 0) -> str:
    """Return the last lines of `log` written after `offset`, each on a line of its own."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(offset, size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()[-_TAIL_LINES:]
    except OSError:
        return ""
    return "".join(f"\n    {line}" for line in lines)


def bound(folder: Path) -> None:
    """Keep every log in `folder` within `LIMIT_BYTES`; a few lines written meanwhile may be lost.

    Raises:
        OSError: the disk is full or the folder is gone.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size > LIMIT_BYTES:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            with log.open("r+b") as file:
                file.truncate(0)
