"""Sends a message to a channel by apprise. Addresses are secrets: nothing here logs one.

Apprise is an extra (`remit[notify]`) and imported when something is sent; so is nothing else heavy.
What it says of a failure may repeat an address, so its own log is shut.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from remit.notify.message import Message
from remit.notify.settings import NotifyError, secret

DEADLINE_S = 10.0
"""Longest that a message waits for one channel's answer."""
_SOCKET_S = 4.0


class Channel:
    """One address, with a thread of its own: one that hangs keeps no other waiting."""

    def __init__(self, name: str, kept: str, project: Path) -> None:
        """Send to the address kept at `kept`."""
        self.name = name
        self._kept = kept
        self._project = project
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"notify-{name}")

    async def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            NotifyError: it was not taken, or nobody answered in time.
        """
        address = secret(self._kept, self._project)
        sending = asyncio.get_running_loop().run_in_executor(
            self._thread, _deliver, address, message
        )
        try:
            taken = await asyncio.wait_for(sending, DEADLINE_S)
        except TimeoutError as error:
            raise NotifyError(f"no answer within {DEADLINE_S:.0f} s") from error
        if not taken:
            raise NotifyError("it was not taken")

    def close(self) -> None:
        """Let go of the thread; what it does is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _deliver(address: str, message: Message) -> bool:
    service = _service(address)
    try:
        return bool(service.notify(title=message.title, body=message.body))
    except Exception as error:
        # A plugin may raise whatever it likes, and may say the address in it.
        raise NotifyError(f"it failed with {type(error).__name__}") from None


def _service(address: str) -> Any:
    try:
        from apprise import Apprise
    except ImportError as error:
        raise NotifyError("apprise is not installed: `pip install 'remit[notify]'`") from error
    logging.getLogger("apprise").disabled = True
    # It tells of every request at its lowest level, and of the path with it.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    service = Apprise.instantiate(address, suppress_exceptions=True)
    if service is None:
        raise NotifyError("what is kept there is no address that apprise knows")
    service.socket_connect_timeout = service.socket_read_timeout = _SOCKET_S
    return service
