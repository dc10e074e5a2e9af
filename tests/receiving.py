"""A real receiver of messages, on loopback: it keeps every byte that arrives."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from remit.canonical import JSONObject
from tests.serving import Asked, body_of, reply, serving


class Receiver:
    """What a webhook is to apprise."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        """Whole requests, head and body."""
        self.status = 200
        """What it answers."""
        self.hangs = threading.Event()
        """Set it to let a hanging answer go on."""
        self.hangs.set()
        self.port = 0

    @property
    def address(self) -> str:
        """What apprise calls it."""
        return f"json://127.0.0.1:{self.port}/hush-{self.port}"

    @property
    def bodies(self) -> list[JSONObject]:
        """What came, as apprise writes it."""
        return [json.loads(one.partition(b"\r\n\r\n")[2]) for one in self.raw]

    def about(self, word: str) -> list[JSONObject]:
        """Return the messages that hold a word."""
        return [one for one in self.bodies if word in json.dumps(one)]


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Receive for as long as the block lasts."""
    receiver = Receiver()

    def take(asked: Asked) -> None:
        """Keep it, and answer."""
        body = body_of(asked)
        receiver.hangs.wait(30)
        if receiver.status == 200:
            head = f"{asked.requestline}\r\n{asked.headers}".rstrip().encode()
            receiver.raw.append(head + b"\r\n\r\n" + body)
        reply(asked, status=receiver.status)

    with serving(take, port) as receiver.port:
        try:
            yield receiver
        finally:
            receiver.hangs.set()
