"""Processes that a worker starts, each behind its guardian: `activities.tools.guardian`.

Nothing of a process outlives its worker. It inherits no descriptor but its three streams and sees
exactly the environment that it is given. What it writes to standard error is kept in part and read
slowly: one that floods it waits.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import SubprocessStreamProtocol
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_GUARDIAN = Path(__file__).with_name("guardian.py")
_LEAVE_S = 2.0
"""How long a process may take to leave once its input is closed, in seconds."""
_TAIL = 2048
_PAUSE_S = 0.05


class GuardedProcess:
    """One running process, behind its guardian."""

    def __init__(
        self, process: asyncio.subprocess.Process, transport: asyncio.SubprocessTransport
    ) -> None:
        self._process = process
        self._transport = transport
        self._tail = b""
        self._is_cut = False
        self._drain = asyncio.create_task(self._keep_tail())

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        line_bytes: int,
        bounds: Mapping[str, int | float | str] | None = None,
    ) -> "GuardedProcess":
        """Start `command` in `folder` with exactly this environment.

        Args:
            command: the program and its arguments.
            environment: all variables that it sees.
            folder: where it starts.
            line_bytes: the longest line of it that can be read.
            bounds: what the guardian holds it to.

        Raises:
            OSError: there is no such folder, or no process can be made.
        """
        given = [f"{name}={value}" for name, value in (bounds or {}).items()]
        loop = asyncio.get_running_loop()
        # What `create_subprocess_exec` does, which keeps the transport to itself.
        transport, protocol = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(line_bytes, loop),
            *(sys.executable, "-I", "-S", str(_GUARDIAN), str(os.getpid()), *given, "--"),
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        return cls(asyncio.subprocess.Process(transport, protocol, loop), transport)

    @property
    def pid(self) -> int:
        """The guardian's process id."""
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The end of what it wrote to standard error; whole lines where its beginning is gone.

        Half a line could hold half a secret, which nobody would know to mask.
        """
        tail = self._tail.partition(b"\n")[2] if self._is_cut else self._tail
        return tail.decode("utf-8", "replace")

    @property
    def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """What it says, and what it is told."""
        reader, writer = self._process.stdout, self._process.stdin
        if reader is None or writer is None:
            raise RuntimeError("a process is started with pipes")
        return reader, writer

    async def stop(self, leave_s: float = _LEAVE_S) -> None:
        """Close its input, give it a moment to leave, and end what is left of it."""
        _, writer = self.streams
        writer.close()
        try:
            if not await self._is_gone(leave_s):
                self.end()
                if not await self._is_gone(_LEAVE_S):
                    self._kill()
            # Nobody writes any more; what was written is read to its end, unless it is too much.
            await asyncio.wait({self._drain}, timeout=_LEAVE_S)
        finally:
            self.end()
            self._drain.cancel()
            self._close()

    def end(self) -> None:
        """Have its guardian end all of it."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def _kill(self) -> None:
        """End a guardian that does not; the command dies with it."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _close(self) -> None:
        """Close the pipes: one of which nobody reads the rest does not close by itself.

        Not by closing the transport, which would kill the guardian before it has killed the others.
        """
        for descriptor in (0, 1, 2):
            pipe = self._transport.get_pipe_transport(descriptor)
            if pipe is not None:
                pipe.close()

    async def _is_gone(self, within_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._process.wait()
        return self._process.returncode is not None

    async def _keep_tail(self) -> None:
        stream = self._process.stderr
        while stream is not None and (chunk := await stream.read(65536)):
            kept = self._tail + chunk
            self._is_cut = self._is_cut or len(kept) > _TAIL
            self._tail = kept[-_TAIL:]
            await asyncio.sleep(_PAUSE_S)
