"""Whether a process lives, and waiting until it does not."""

import asyncio
from pathlib import Path

from tests.waiting import until


async def gone(pid: int) -> None:
    """Wait until a process is no more; a zombie counts as gone."""
    await asyncio.to_thread(until, lambda: not is_alive(pid))


def is_alive(pid: int) -> bool:
    """Say whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
