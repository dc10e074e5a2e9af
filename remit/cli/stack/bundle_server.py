"""Serves the last good bundle to OPA over HTTP, with long polling.

OPA reads a `file://` bundle once and never again (checked on 1.22), so there is a server. Its
content is public and signed: it needs no secret and gives none away. Two paths, GET alone:
`/bundles/remit.tar.gz` and `/health`.
"""

import json
import re
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler
from socket import socket
from socketserver import BaseServer, ThreadingTCPServer

from remit.cli.stack.bundle_store import BundleStore
from remit.cli.stack.opa import BUNDLE_RESOURCE
from remit.cli.stack.ports import LOOPBACK

_BUNDLE_TYPE = "application/vnd.openpolicyagent.bundles"
"""Tells OPA that long polling is understood."""
_MAX_WAIT_S = 60.0
_MAX_CONNECTIONS = 32
_WAIT = re.compile(r"\bwait=(\d{1,4})\b")


class BundleServer(ThreadingTCPServer):
    """The publisher's HTTP server; `serve_forever` in a thread, `shutdown` to end it."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, port: int, store: BundleStore, host: str = LOOPBACK) -> None:
        """Listen on `port`; raises `OSError` when it is taken."""
        free = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        super().__init__((host, port), partial(_Handler, store=store, free=free))


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    timeout = _MAX_WAIT_S + 10
    """Seconds a connection may be idle."""

    def __init__(
        self,
        request: socket,
        client_address: tuple[str, int],
        server: BaseServer,
        *,
        store: BundleStore,
        free: threading.BoundedSemaphore,
    ) -> None:
        self._store = store
        self._free = free
        super().__init__(request, client_address, server)  # answers before it returns

    def handle(self) -> None:
        """Answer, unless too many connections are busy."""
        if not self._free.acquire(blocking=False):
            return
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True  # OPA went away while it waited
        finally:
            self._free.release()

    def do_GET(self) -> None:
        """Answer a GET; the name is `http.server`'s."""
        if self.path == f"/{BUNDLE_RESOURCE}":
            self._bundle()
        elif self.path == "/health":
            status = self._store.status
            ready = 503 if status.revision is None else 200
            self._answer(ready, status.model_dump_json().encode())
        else:
            self._answer(404, _problem("NOT-FOUND", "no such path"))

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a line per poll would fill the log."""

    def _bundle(self) -> None:
        asked = _WAIT.search(self.headers.get("Prefer", ""))
        known = self.headers.get("If-None-Match")
        wait_s = min(float(asked[1]), _MAX_WAIT_S) if asked and known else 0.0
        found = self._store.wait(known, wait_s)
        if found is None:
            self._answer(404, _problem("NOT-READY", "no bundle yet"))
            return
        bundle, digest = found
        if digest == known:
            self._answer(304, b"", _BUNDLE_TYPE, etag=digest)
        else:
            self._answer(200, bundle.content, _BUNDLE_TYPE, etag=digest)

    def _answer(
        self, status: int, body: bytes, kind: str = "application/json", *, etag: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()
        self.wfile.write(body)


def _problem(code: str, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()
