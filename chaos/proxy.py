"""A TCP proxy before the shop that loses, holds, halves and corrupts what goes through it.

One trouble at a time, for a while; whoever connects in peace is passed through. It sits in the
machine's own process, so that no fault hits the proxy itself.
"""

import asyncio
from contextlib import suppress
from typing import Literal

Trouble = Literal["", "cut", "delay", "half_close", "swallow", "corrupt"]
_CHUNK = 65536


class Proxy:
    """Passes connections on to a port of this machine."""

    def __init__(self) -> None:
        """Be ready to listen."""
        self.trouble: Trouble = ""
        self.delay_s = 0.0
        self.hits = 0
        """Connections that the present trouble has met."""
        self._target = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, target: int) -> int:
        """Listen before `target`; return our own port."""
        self._target = target
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop listening and cut everything."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def begin(self, trouble: Trouble, delay_s: float = 0.0) -> None:
        """Begin with a trouble; `cut` happens at once to all open connections, too."""
        self.trouble, self.delay_s, self.hits = trouble, delay_s, 0
        if trouble == "cut":
            self.hits += self.cut()

    def end(self) -> None:
        """Pass everything on again."""
        self.trouble = ""

    def cut(self) -> int:
        """Cut every open connection; return how many there were."""
        count = len(self._open)
        for writer in list(self._open):
            writer.transport.abort()
        return count // 2

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._open |= ends
        try:
            there = asyncio.create_task(self._pass(reader, far_writer, is_answer=False))
            back = asyncio.create_task(self._pass(far_reader, writer, is_answer=True))
            # As soon as one side is done, so is the exchange: nothing waits for a silent half.
            _, pending = await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        finally:
            self._open -= ends
            for end in ends:
                end.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_answer: bool
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                passed = await self._troubled(chunk, writer, is_answer)
                if passed is None:
                    return
                writer.write(passed)
                await writer.drain()

    async def _troubled(
        self, chunk: bytes, writer: asyncio.StreamWriter, is_answer: bool
    ) -> bytes | None:
        """Return what is passed on of a chunk; `None` ends the connection."""
        trouble = self.trouble
        if not trouble:
            return chunk
        if trouble == "delay":
            self.hits += 1
            await asyncio.sleep(self.delay_s)
            return chunk
        if trouble == "cut" and not is_answer:
            # Half of the request gets there, and nobody can tell how much was understood.
            self.hits += 1
            writer.write(chunk[: len(chunk) // 2])
            await writer.drain()
            return None
        if not is_answer or trouble == "cut":
            return chunk
        self.hits += 1
        if trouble == "swallow":
            return None
        if trouble == "half_close":
            # The head of the answer, then the end of this direction.
            writer.write(chunk[:20])
            await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
            return None
        return _corrupted(chunk)


def _corrupted(chunk: bytes) -> bytes:
    """Turn a body's first quote into a brace: the length stays, the JSON does not."""
    head, gap, body = chunk.partition(b"\r\n\r\n")
    return head + gap + body.replace(b'"', b"{", 1) if gap else chunk
