"""Answers of models that a worker keeps for whoever asks the same again, in its memory alone.

Nothing of it is written anywhere or leaves the process. What is kept goes at the moment that its
contract states, counted from when it was given; being asked for again prolongs nothing. Bounded in
entries and bytes: the oldest goes first. Questions are held as digests.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

from remit.canonical import Digest, JSONObject, canonical

_MOST = 1000
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Entry:
    written: bytes
    until: float
    """Moment of the loop's clock."""
    timer: asyncio.TimerHandle


class Kept:
    """Outputs by what was asked; one per worker, on one event loop."""

    def __init__(self, most: int = _MOST, most_bytes: int = _MOST_BYTES) -> None:
        """Hold at most so many outputs, and so many bytes of them written as JSON."""
        self._most, self._most_bytes = most, most_bytes
        self._entries: dict[Digest, _Entry] = {}
        self._bytes = 0
        self._asked: dict[Digest, asyncio.Event] = {}

    def __len__(self) -> int:
        """Return how many outputs are held."""
        return len(self._entries)

    def find(self, asked: Digest) -> JSONObject | None:
        """Return the output that is kept for a question, a copy of its own."""
        entry = self._entries.get(asked)
        # The timer of a busy loop may be late; the moment counts.
        if entry is None or asyncio.get_running_loop().time() >= entry.until:
            return None
        return cast("JSONObject", json.loads(entry.written))

    def keep(self, asked: Digest, output: JSONObject, for_s: float) -> None:
        """Keep an output for so many seconds, unless it alone is larger than all may be."""
        written = canonical(output)
        self._drop(asked)
        if len(written) > self._most_bytes:
            return
        while self._entries and self._is_full(len(written)):
            self._drop(next(iter(self._entries)))
        loop = asyncio.get_running_loop()
        timer = loop.call_later(for_s, self._drop, asked)
        self._entries[asked] = _Entry(written, loop.time() + for_s, timer)
        self._bytes += len(written)

    async def settled(self, asked: Digest, until: float) -> None:
        """Wait while somebody asks the same, at most until a moment of the loop's clock."""
        answered = self._asked.get(asked)
        if answered is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await answered.wait()

    @contextmanager
    def asking(self, asked: Digest) -> Iterator[None]:
        """Have those who ask the same wait; of several who had to ask after all, the first."""
        if asked in self._asked:
            yield
            return
        answered = self._asked[asked] = asyncio.Event()
        try:
            yield
        finally:
            del self._asked[asked]
            answered.set()

    def clear(self) -> None:
        """Drop everything."""
        for asked in list(self._entries):
            self._drop(asked)

    def _is_full(self, more: int) -> bool:
        return len(self._entries) >= self._most or self._bytes + more > self._most_bytes

    def _drop(self, asked: Digest) -> None:
        entry = self._entries.pop(asked, None)
        if entry is not None:
            entry.timer.cancel()
            self._bytes -= len(entry.written)
