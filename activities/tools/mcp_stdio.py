"""A server of a worker's own, spoken to through its standard input and output.

The client library has such a transport, too. This one bounds a line, a flood and the server's
environment, and leaves no process behind: see `mcp_guardian`. The server inherits no descriptor but
its three streams, and sees of the environment `PATH`, `HOME` and what its contract names.

What a server says unasked is counted, and dropped here unless the client has a use for it. What it
writes to standard error is kept in part, to tell why it does not start, and read slowly: a server
that floods it waits.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import SubprocessStreamProtocol
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import anyio
import anyio.abc
from mcp.shared.message import SessionMessage
from mcp_types import (
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)

from activities.tools.mcp_flow import MAX_MESSAGE_BYTES, Flow, FlowError

_GUARDIAN = Path(__file__).with_name("mcp_guardian.py")
_HEARD = frozenset(
    {
        "notifications/tools/list_changed",
        "notifications/cancelled",
        "notifications/subscriptions/acknowledged",
    }
)
"""Notifications that the client has a use for."""
_LEAVE_S = 2.0
"""How long a server may take to leave once its input is closed, in seconds."""
_TAIL = 2048
_PAUSE_S = 0.05


class Server:
    """One running server process, behind its guardian."""

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
        cls, command: list[str], environment: Mapping[str, str], folder: Path
    ) -> "Server":
        """Start `command` in `folder` with exactly this environment.

        Raises:
            OSError: there is no such folder, or no process can be made.
        """
        guardian = [sys.executable, "-I", "-S", str(_GUARDIAN), str(os.getpid())]
        loop = asyncio.get_running_loop()
        # What `create_subprocess_exec` does, which keeps the transport to itself.
        transport, protocol = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(MAX_MESSAGE_BYTES, loop),
            *guardian,
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
        """The guardian's process id, which is that of the group."""
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The end of what it wrote to standard error, in whole lines.

        A line whose beginning is gone could end with a part of a secret, which nobody would know.
        """
        whole = self._tail.partition(b"\n")[2] if self._is_cut else self._tail
        return whole.decode("utf-8", "replace")

    @property
    def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """What it says, and what it is told."""
        reader, writer = self._process.stdout, self._process.stdin
        if reader is None or writer is None:
            raise RuntimeError("a server is started with pipes")
        return reader, writer

    async def stop(self) -> None:
        """Close its input, give it a moment to leave, and kill what is left of its group."""
        _, writer = self.streams
        writer.close()
        try:
            async with asyncio.timeout(_LEAVE_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LEAVE_S):
                    await self._process.wait()
        finally:
            self.kill()
            self._drain.cancel()
            # A pipe of which nobody reads the rest does not close by itself when the process ends.
            self._transport.close()

    def kill(self) -> None:
        """Kill the group at once."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _keep_tail(self) -> None:
        stream = self._process.stderr
        while stream is not None and (chunk := await stream.read(65536)):
            kept = self._tail + chunk
            self._is_cut = self._is_cut or len(kept) > _TAIL
            self._tail = kept[-_TAIL:]
            await asyncio.sleep(_PAUSE_S)


class PipeTransport:
    """Carries messages between the client library and a `Server`; closing it stops no process."""

    def __init__(self, server: Server, flow: Flow) -> None:
        self._reader, self._writer = server.streams
        self._flow = flow
        self._asked: set[str | int] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closing = False

    async def __aenter__(
        self,
    ) -> tuple[
        anyio.abc.ObjectReceiveStream[SessionMessage | Exception],
        anyio.abc.ObjectSendStream[SessionMessage],
    ]:
        inward, read = anyio.create_memory_object_stream[SessionMessage | Exception](16)
        write, outward = anyio.create_memory_object_stream[SessionMessage](16)
        self._tasks = [
            asyncio.create_task(self._receive(inward)),
            asyncio.create_task(self._send(outward)),
        ]
        return read, write

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closing = True
        for task in self._tasks:
            task.cancel()

    async def _receive(
        self, inward: anyio.abc.ObjectSendStream[SessionMessage | Exception]
    ) -> None:
        """Hand on what the server says until it ends, breaks a bound or is given up."""
        try:
            while line := await self._line():
                message = self._taken(line)
                if message is not None:
                    await inward.send(SessionMessage(message))
        except FlowError:
            pass  # the flow tells why to whoever waits
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            pass
        finally:
            # Whoever lets go of a server knows the reason, such as a greeting that was none.
            if not self._is_closing:
                self._flow.end("TOOL-CONNECTION", "ended the connection")
            await inward.aclose()

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ValueError:
            most = MAX_MESSAGE_BYTES
            raise self._flow.broken(
                "TOOL-ANSWER-TOO-LARGE", f"sent more than {most} bytes at once"
            ) from None

    def _taken(
        self, line: bytes
    ) -> JSONRPCRequest | JSONRPCNotification | JSONRPCResponse | JSONRPCError | None:
        """Return the message on `line` if the client has a use for it."""
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            self._flow.unasked(len(line))
            return None
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id in self._asked:
            self._asked.discard(message.id)
            return message
        self._flow.unasked(len(line))
        if isinstance(message, JSONRPCRequest):
            self._flow.asks += 1
            return message
        if isinstance(message, JSONRPCNotification) and message.method in _HEARD:
            return message
        return None

    async def _send(self, outward: anyio.abc.ObjectReceiveStream[SessionMessage]) -> None:
        try:
            async for each in outward:
                message = each.message
                if isinstance(message, JSONRPCRequest):
                    self._asked.add(message.id)
                elif isinstance(message, JSONRPCNotification):
                    self._give_up(message)
                text = message.model_dump_json(by_alias=True, exclude_unset=True)
                self._writer.write(text.encode() + b"\n")
                await self._writer.drain()
        except (OSError, anyio.ClosedResourceError):
            self._flow.end("TOOL-CONNECTION", "takes no more messages")
        finally:
            await outward.aclose()

    def _give_up(self, message: JSONRPCNotification) -> None:
        """Forget a request that is cancelled; an answer to it is one that nobody asked for."""
        given_up = (message.params or {}).get("requestId")
        if message.method == "notifications/cancelled" and isinstance(given_up, str | int):
            self._asked.discard(given_up)
