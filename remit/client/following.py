"""Watching a run: snapshots as they change, until it is over.

Asks more slowly the longer nothing changes, and at once when the run ends. A server that is away
for a while is waited for; the run does not depend on anybody watching it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress

from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from remit.client.errors import ClientCode, ClientError
from remit.client.snapshot import Snapshot, take_snapshot
from remit.client.submission import Handle

_FIRST_S = 0.2
_LONGEST_S = 3.0
_GROWTH = 1.5
PATIENCE_S = 60.0
"""How long an absent server is waited for."""


async def follow(
    handle: Handle, *, patience_s: float = PATIENCE_S
) -> AsyncGenerator[Snapshot, None]:
    """Yield the run's first snapshot, and a new one whenever it changed; the last is closed.

    Raises:
        ClientError: there is no such run, or the server stayed away longer than `patience_s`.
    """
    closing = asyncio.create_task(_closed(handle))
    pause, before = _FIRST_S, None
    last_seen = time.monotonic()
    try:
        while True:
            try:
                now = await take_snapshot(handle, before)
                last_seen = time.monotonic()
            except ClientError as error:
                is_away = error.diagnostic.code == ClientCode.UNREACHABLE
                if not is_away or time.monotonic() - last_seen > patience_s:
                    raise
                await asyncio.sleep(_LONGEST_S)
                continue
            pause = _FIRST_S if now != before else min(pause * _GROWTH, _LONGEST_S)
            if now != before:
                yield now
            if now.is_closed:
                return
            before = now
            await _rest(closing, pause)
    finally:
        closing.cancel()


async def _closed(handle: Handle) -> None:
    """Return when the run is over, or when the server cannot tell."""
    with suppress(WorkflowFailureError, RPCError):
        await handle.workflow.result()


async def _rest(closing: "asyncio.Task[None]", pause: float) -> None:
    if closing.done():
        await asyncio.sleep(pause)
    else:
        await asyncio.wait({closing}, timeout=pause)
