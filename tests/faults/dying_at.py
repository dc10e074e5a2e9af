"""`python -m tests.faults.dying_at POINT`: a worker that kills itself when a call comes to a point.

Only the call of the step `step` counts. Its loss is noticed soon: its calls have a short heartbeat
timeout, and it keeps no run to itself.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta

from remit.enforcement import faultpoints
from remit.plan.compiled import Limits
from tests.in_process import working
from tests.running import Running
from workers.builder import connect
from workers.settings import WorkerSettings
from workflows import desk, driver
from workflows.options import ActivityOptions, call_options, system_options

_NOTICED_AFTER = timedelta(seconds=8)
"""Longer than three heartbeats of whoever takes the call over."""


def calls(
    limits: Limits, deadline_ms: int, timeout_s: float, heartbeat_s: float | None
) -> ActivityOptions:
    """Return the usual options, with a heartbeat timeout that a test can wait for."""
    options = call_options(limits, deadline_ms, timeout_s, heartbeat_s)
    return {**options, "heartbeat_timeout": _NOTICED_AFTER}


def votes() -> ActivityOptions:
    """Return the same of Remit's own activities."""
    return {**system_options(), "heartbeat_timeout": _NOTICED_AFTER}


async def main(point: str) -> None:
    """Work until it dies."""

    def die(where: str, key: str) -> None:
        if where == point and key.endswith(":step:do"):
            os.kill(os.getpid(), signal.SIGKILL)

    driver.call_options = calls
    desk.system_options = votes  # type: ignore[assignment]
    faultpoints._fire = die
    settings = WorkerSettings(max_cached_workflows=0)
    client = await connect(settings)
    async with working(Running(settings.project), client, settings):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
