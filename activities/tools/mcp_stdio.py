"""A server of a worker's own, spoken to through its standard input and output.

The client library has such a transport, too. This one bounds a line, a flood and the server's
environment, and leaves no process behind: see `guarded`. The server sees of the environment `PATH`,
`HOME` and what its contract names. The end of what it writes to standard error tells why it does
not start.

What a server says unasked is counted, and dropped here unless the client has a use for it.
"""

import asyncio
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

from activities.tools.guarded import GuardedProcess
from activities.tools.mcp_flow import MAX_MESSAGE_BYTES, Flow, FlowError

_HEARD = frozenset(
    {
        "notifications/tools/list_changed",
        "notifications/cancelled",
        "notifications/subscriptions/acknowledged",
    }
)
"""Notifications that the client has a use for."""


class PipeTransport:
    """Carries messages between the client library and a server; closing it stops no process."""

    def __init__(self, server: GuardedProcess, flow: Flow) -> None:
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
