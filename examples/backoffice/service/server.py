"""The process: arguments, socket, ready line, clean stop.

Prints one JSON line to standard output when it listens, and nothing else there. SIGTERM and
SIGINT end it with code 0 once the requests at work are answered, or after five seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from .app import build_app
from .connections import Connections, tracking
from .store import Store

SECURED_BY = "BACKOFFICE_TOKEN"
"""Environment variable with the bearer token; it is never logged."""


class Announcing(uvicorn.Server):
    """A server that says on standard output where it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then print the ready line."""
        await super().startup(sockets)
        if sockets and self.started:
            line = json.dumps({"ready": True, "port": sockets[0].getsockname()[1]})
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="backoffice", description="The example back office.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8090, help="0 picks a free one")
    parser.add_argument("--db", type=Path, required=True, help="SQLite file; made if absent")
    return parser.parse_args(argv)


def _listen(host: str, port: int) -> socket.socket:
    # Not `socket.create_server`: it leaves the protocol open, and asyncio then leaves Nagle's
    # algorithm on, which holds every answer back for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def _server(db: Path) -> Announcing:
    connections = Connections()
    app = build_app(Store(db), connections, token=os.environ.get(SECURED_BY) or None)
    config = uvicorn.Config(
        app,
        http=tracking(connections),
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        # A fault closes the socket of its client by the client's address: the real one.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=5,
    )
    return Announcing(config)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop; return the exit code."""
    asked = _arguments(argv)
    server = _server(asked.db)

    def stop(signum: int, frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn raises the signal again after a clean stop, for these handlers to see: without
    # them a clean stop would look like a kill.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        listener = _listen(asked.host, asked.port)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {asked.host}:{asked.port}: {error}\n")
        return 2
    with listener:
        server.run(sockets=[listener])
    return 0 if server.started else 1
