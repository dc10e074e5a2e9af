"""The connections of one worker to MCP servers: one for each server and its secrets.

A bounded number. One that nobody uses gives way to a new one; one that ended is made anew by the
next call, not at once and not for ever: after a connection could not be made, calls are refused
for a while that doubles with each failure, so that a server that cannot start costs little.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from activities.tools.mcp_flow import End
from activities.tools.mcp_session import Link, Session

MAX_SESSIONS = 16
"""Most connections of one worker at once."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""How long calls are refused after a connection could not be made: first, and at most."""
_CLOSING_S = 5.0
_MAX_PAUSES = 256


class FullError(Exception):
    """All connections are in use."""


class PausedError(Exception):
    """The server could not be reached a moment ago; the message says why."""


@dataclass(slots=True)
class _Pause:
    until: float
    seconds: float
    said: str


class Sessions:
    """The connections of one worker, by server."""

    def __init__(self) -> None:
        self._by_key: dict[str, Session] = {}
        self._pauses: dict[str, _Pause] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def get(self, key: str, make: Callable[[], Link]) -> Session:
        """Return the connection for `key`, made with `make` if there is none; it may not be ready.

        Raises:
            FullError: there are too many, and all are in use.
            PausedError: it could not be made a moment ago.
        """
        held = self._by_key.get(key)
        if held is not None:
            # One that did not answer is given up, unless others still wait for it; at once, because
            # what it was last asked for must not happen beside the next attempt.
            is_given_up = held.is_silent and not held.in_use
            if not held.is_over and not is_given_up:
                return held
            if is_given_up:
                held.link.kill()
            self._drop(key)
        now = asyncio.get_running_loop().time()
        pause = self._pauses.get(key)
        if pause is not None and now < pause.until:
            raise PausedError(pause.said)
        self._make_room()
        session = Session(make())
        session.ready.add_done_callback(lambda ready: self._became_ready(key, ready))
        self._by_key[key] = session
        return session

    async def aclose(self) -> None:
        """Close every connection, and leave no process."""
        for key in [*self._by_key]:
            self._drop(key)
        if self._ending:
            await asyncio.wait({*self._ending})

    def _make_room(self) -> None:
        for key, session in [*self._by_key.items()]:
            if session.is_over:
                self._drop(key)
        if len(self._by_key) < MAX_SESSIONS:
            return
        idle = [key for key, each in self._by_key.items() if not each.in_use and each.ready.done()]
        if not idle:
            raise FullError
        self._drop(min(idle, key=lambda key: self._by_key[key].used_at))

    def _drop(self, key: str) -> None:
        session = self._by_key.pop(key)
        session.close()
        ending = asyncio.create_task(session.closed(_CLOSING_S))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _became_ready(self, key: str, ready: asyncio.Future[End | None]) -> None:
        end = None if ready.cancelled() else ready.result()
        if end is None:
            self._pauses.pop(key, None)
            return
        before = self._pauses.pop(key, None)
        seconds = FIRST_PAUSE_S if before is None else min(2 * before.seconds, LONGEST_PAUSE_S)
        if len(self._pauses) >= _MAX_PAUSES:
            self._pauses.pop(next(iter(self._pauses)))
        until = asyncio.get_running_loop().time() + seconds
        self._pauses[key] = _Pause(until, seconds, end.said)
