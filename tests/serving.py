"""A real HTTP server of a test's own, on loopback, in a thread of its own."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Asked = BaseHTTPRequestHandler
"""One request, and the way back."""


def body_of(asked: Asked) -> bytes:
    """Return what was sent."""
    return asked.rfile.read(int(asked.headers["Content-Length"]))


def reply(
    asked: Asked, body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    """Answer in full."""
    asked.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        asked.send_header(name, value)
    asked.end_headers()
    asked.wfile.write(body)


@contextmanager
def serving(answer: Callable[[Asked], None], port: int = 0) -> Iterator[int]:
    """Answer every request by `answer` for as long as the block lasts; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_POST(self) -> None:
            answer(self)

        def do_PUT(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        # How often it looks whether to stop: by default every test would end half a second late.
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
