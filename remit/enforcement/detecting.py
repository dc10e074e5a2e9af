"""Looking through data without holding up who waits for the event loop."""

import asyncio
from typing import Protocol

from remit.canonical import JSON
from remit.data.detector import detect, texts
from remit.data.findings import Detection, Read
from remit.enforcement.subject import Subject

_QUICK = 500
"""Closer looks that take a few milliseconds; a value that asks for more is looked through in a
thread, where the interpreter lets others go on in between."""


class Reader(Protocol):
    """Whoever reads texts beside the default detector."""

    async def read(self, texts: list[str]) -> Read:
        """Return what is found in those texts that could be read; ends in time, raises nothing."""


class Detecting:
    """Looks through arguments and answers, and has somebody else read them too."""

    def __init__(self, reader: Reader | None = None) -> None:
        """Join what `reader` finds, if there is one, to what the default detector does."""
        self._reader = reader

    async def read(self, value: JSON) -> Read | None:
        """Return what the further reader finds in a value; `None`: there is none."""
        if self._reader is None:
            return None
        return await self._reader.read(texts(value))

    async def look_through(self, value: JSON) -> Detection:
        """Return what is found in a value."""
        read = await self.read(value)
        found = detect(value, _QUICK, read)
        return found if found.is_whole else await asyncio.to_thread(detect, value, read=read)

    async def look_at(self, subject: Subject) -> Detection:
        """Return what is found in a call's arguments, which are looked through once."""
        if "detection" not in subject.__dict__:
            subject.__dict__["detection"] = await self.look_through(subject.arguments)
        return subject.detection
