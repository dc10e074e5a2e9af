"""Heartbeats of one activity attempt, and what they carry: how far a long call came.

Temporal keeps what the last heartbeat carried and forgets what an earlier one did. So each of them
carries it, those that only say that the worker lives too. Those come three times as often as they
must, which is also how soon a call learns that it is cancelled.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from remit.canonical import JSON, Digest

_LONGEST_S = 5.0
"""A contract may let Temporal wait for minutes; whoever cancels does not."""


def _nobody(*details: object) -> None:
    return None


class Beats:
    """What one attempt tells Temporal. To be used on the event loop."""

    def __init__(
        self,
        send: Callable[..., None] = _nobody,
        details: Sequence[object] = (),
        within: timedelta | None = None,
    ) -> None:
        """Tell through `send`.

        Args:
            send: heartbeats, with what they carry.
            details: what an earlier attempt told last.
            within: how long Temporal waits for one before it takes this for dead; `None`: always.
        """
        self._send = send
        self._details = tuple(details)
        self._pause_s = min(within.total_seconds() / 3, _LONGEST_S) if within else _LONGEST_S

    def __call__(self) -> None:
        """Tell that the call lives."""
        self._send(*self._details)

    @contextmanager
    def kept_up(self) -> Iterator[None]:
        """Tell it again and again for as long as the block lasts; a short one tells nothing."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def beat() -> None:
            nonlocal timer
            timer = loop.call_later(self._pause_s, beat)
            self()

        timer = loop.call_later(self._pause_s, beat)
        try:
            yield
        finally:
            timer.cancel()

    def mark(self, of: Digest, value: JSON) -> None:
        """Tell how far the call with this enforced digest came."""
        self._details = ({"of": of, "value": value},)
        self()

    def last(self, of: Digest) -> JSON:
        """Return how far a call with this enforced digest came before; `None` when nobody said."""
        match self._details:
            case ({"of": str(named), "value": value},) if named == of:
                found: JSON = value
                return found
        return None

    def forget(self) -> None:
        """Let go of what was told: a call begins anew."""
        if self._details:
            self._details = ()
            self()
