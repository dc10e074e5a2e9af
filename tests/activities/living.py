"""Whether a process lives, and waiting until it does not."""

import asyncio
from pathlib import Path


async def gone(pid: int) -> None:
    """Wait until a process is no more; a zombie counts as gone."""
    async with asyncio.timeout(20):
        while is_alive(pid):  # noqa: ASYNC110  # other people's processes set no event of ours
            await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Say whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
