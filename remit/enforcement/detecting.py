"""Looking through data without holding up who waits for the event loop."""

import asyncio

from remit.canonical import JSON
from remit.data.detector import detect
from remit.data.findings import Detection
from remit.enforcement.subject import Subject

_QUICK = 500
"""Closer looks that take a few milliseconds; a value that asks for more is looked through in a
thread, where the interpreter lets others go on in between."""


async def look_through(value: JSON) -> Detection:
    """Return what is found in a value."""
    found = detect(value, _QUICK)
    return found if found.is_whole else await asyncio.to_thread(detect, value)


async def look_at(subject: Subject) -> Detection:
    """Return what is found in a call's arguments, which are looked through once."""
    if "detection" not in subject.__dict__:
        subject.__dict__["detection"] = await look_through(subject.arguments)
    return subject.detection
