"""The open sockets, so that an injected fault can close one without an answer.

ASGI has no word for dropping a connection: an application that sends nothing gets a 500 sent
in its name. So the protocol class notes each transport under its peer's address.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

Peer = tuple[str, int]


class Connections:
    """Transports by the address of their peer."""

    def __init__(self) -> None:
        self._open: dict[Peer, asyncio.Transport] = {}

    def add(self, peer: Peer, transport: asyncio.Transport) -> None:
        """Note a connection that was made."""
        self._open[peer] = transport

    def discard(self, peer: Peer) -> None:
        """Forget a connection that is lost."""
        self._open.pop(peer, None)

    def close(self, peer: Peer) -> None:
        """Close a connection at once, whatever its client is waiting for."""
        transport = self._open.get(peer)
        if transport is not None:
            transport.close()


def tracking(connections: Connections) -> type[H11Protocol]:
    """Return the HTTP/1.1 protocol class that keeps `connections` up to date."""

    class Tracking(H11Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            if not isinstance(transport, asyncio.Transport):
                raise TypeError(f"not a stream: {transport!r}")
            super().connection_made(transport)
            if self.client is not None:
                connections.add(self.client, transport)

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client is not None:
                connections.discard(self.client)
            super().connection_lost(exc)

    return Tracking
