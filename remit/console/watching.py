"""Tells open pages that something changed: one look at the ledger a second for all of them.

What travels is a number per topic, no content: the page fetches itself again, under the rights of
whoever looks at it. Nobody looks, nothing is asked.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from remit.canonical import digest
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.inbox import InboxStore

EVERY_S = 1.0
MOST_LISTENERS = 200
INBOX = "inbox"
_log = logging.getLogger(__name__)


class CrowdedError(Exception):
    """More pages listen than the console serves."""


class Watch:
    """Everybody who listens, and the one task that looks."""

    def __init__(self, store: InboxStore, every_s: float = EVERY_S) -> None:
        """Look through `store` every `every_s` seconds while somebody listens."""
        self._store = store
        self._every_s = every_s
        self._marks: dict[str, str] = {}
        self._listeners: dict[asyncio.Event, Sequence[str]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    async def changes(self, topic: str) -> AsyncIterator[str]:
        """Yield the mark of a topic, the first one at once, then each that differs.

        Args:
            topic: `inbox`, or a run's root chain id.

        Raises:
            CrowdedError: too many listen already.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise CrowdedError
        event = asyncio.Event()
        self._listeners[event] = (topic,)
        last = self._marks.get(topic, "")
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            if last:
                yield last
            while True:
                await event.wait()
                event.clear()
                mark = self._marks.get(topic, "")
                if mark != last:
                    last = mark
                    yield mark
        finally:
            del self._listeners[event]

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _look(self) -> None:
        while self._listeners:
            try:
                await self._once()
            except (LedgerError, LedgerUnavailableError) as error:
                _log.warning("console_watch_failed", extra={"why": str(error)[:200]})
            await asyncio.sleep(self._every_s)
        self._marks.clear()

    async def _once(self) -> None:
        wanted = {topic for topics in self._listeners.values() for topic in topics}
        found = dict(self._marks)
        if INBOX in wanted:
            found[INBOX] = digest(await self._store.pulse())
        roots = sorted(wanted - {INBOX})
        for root, length in (await self._store.lengths(roots)).items():
            found[root] = str(length)
        changed = {topic for topic in found if found[topic] != self._marks.get(topic)}
        self._marks = {topic: mark for topic, mark in found.items() if topic in wanted}
        for event, topics in self._listeners.items():
            if changed.intersection(topics):
                event.set()
