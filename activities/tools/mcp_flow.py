"""How much a server may say, and why a connection ended.

One `Flow` belongs to one connection. Whoever carries its messages reports what came; the session
looks here for the reason when the connection is over.
"""

import asyncio
from dataclasses import dataclass, field

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Largest single message; a text answer stands in it up to twice, and escaped."""
MAX_UNASKED = 2000
MAX_UNASKED_BYTES = 4 * 1024 * 1024
WINDOW_S = 10.0
"""What a server may say unasked in so many seconds."""


class FlowError(Exception):
    """The server broke a bound; `Flow.ended` says which."""


@dataclass(frozen=True, slots=True)
class End:
    """Why a connection is over."""

    code: str
    said: str
    """Continues a sentence that begins with the tool."""


@dataclass(slots=True)
class Flow:
    """What one server said unasked, and how the connection ended."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    ended: End | None = None
    asks: int = 0
    """How often the server asked the client for something."""
    status: int = 0
    """HTTP status by which it refused what was last asked besides calls; 0: it did not."""
    _since: float = -WINDOW_S
    _messages: int = 0
    _bytes: int = 0

    def unasked(self, size: int) -> None:
        """Count a message that nobody asked for.

        Raises:
            FlowError: it is one too many.
        """
        now = asyncio.get_running_loop().time()
        if now - self._since > WINDOW_S:
            self._since, self._messages, self._bytes = now, 0, 0
        self._messages += 1
        self._bytes += size
        if self._messages > MAX_UNASKED or self._bytes > MAX_UNASKED_BYTES:
            raise self.broken("TOOL-FLOOD", "sent more unasked than is listened to")

    def broken(self, code: str, said: str) -> FlowError:
        """End the connection because a bound is broken, and return what to raise."""
        self.end(code, said)
        return FlowError(said)

    @property
    def refusal(self) -> str:
        """What `status` says, as `End.said`; empty when it says nothing."""
        if not self.status:
            return ""
        hint = ": it wants other credentials" if self.status in (401, 403) else ""
        return f"answered {self.status} when it was greeted or asked what it lists{hint}"

    def end(self, code: str, said: str) -> None:
        """End the connection; the first reason stays."""
        if self.ended is None:
            self.ended = End(code, said)
        self.over.set()
