"""Names to addresses, off the event loop: one look-up at a time for each name, and few at once.

The system's resolver blocks, knows no deadline, and cannot be cancelled; so each look-up has a
thread of its own that nothing waits for at the end of the process, and whoever asks for a name that
is being looked up waits for that. A name whose server is silent holds one thread, however often it
is called. Not the loop's own executor: its few threads would be gone with a few dead names.

An answer is good for as long as an idle connection is kept. That is safe, because it is addresses
that are checked, for each call, and connected to: an answer from before is checked again too.
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Lookup = Callable[[str], Sequence[str]]
"""From a host name to its addresses, best first; blocks; raises `OSError`."""

KEPT_S = 2.0
_MOST_AT_ONCE = 32
_MOST_KEPT = 1024


def system_lookup(host: str) -> list[str]:
    """Ask the system's resolver."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(slots=True)
class Resolver:
    """Looks names up; one per worker, used on one event loop."""

    lookup: Lookup = system_lookup
    kept_s: float = KEPT_S
    """How long an answer is used again, in seconds."""
    _kept: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    _asking: dict[str, "asyncio.Future[tuple[str, ...]]"] = field(default_factory=dict)

    async def __call__(self, host: str) -> tuple[str, ...]:
        """Return the addresses of `host`, best first.

        Raises:
            OSError: it has none, or too many names are being looked up already.
        """
        kept = self._kept.get(host)
        if kept is not None and time.monotonic() - kept[0] < self.kept_s:
            return kept[1]
        asked = self._asking.get(host)
        if asked is None:
            if len(self._asking) >= _MOST_AT_ONCE:
                raise OSError("too many names are being looked up")
            asked = self._ask(host)
        # Who gives up does not end the look-up for the others.
        return await asyncio.shield(asked)

    def forget(self, host: str) -> None:
        """Ask anew next time: what was answered last did not lead to anything."""
        self._kept.pop(host, None)

    def _ask(self, host: str) -> "asyncio.Future[tuple[str, ...]]":
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[tuple[str, ...]] = loop.create_future()
        self._asking[host] = asked

        def answer(found: tuple[str, ...] | OSError) -> None:
            self._asking.pop(host, None)
            if isinstance(found, OSError):
                asked.set_exception(found)
                asked.exception()  # nobody may be waiting any more; that is no fault to report
                return
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[host] = (time.monotonic(), found)
            asked.set_result(found)

        def work() -> None:
            found: tuple[str, ...] | OSError
            try:
                found = tuple(self.lookup(host)) or OSError("no address")
            except OSError as error:
                found = error
            except Exception as error:  # such as UnicodeError for a label of 64 letters
                found = OSError(type(error).__name__)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(answer, found)

        threading.Thread(target=work, name=f"resolve {host}", daemon=True).start()
        return asked
