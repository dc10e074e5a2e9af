"""What stands before every page: whose requests are heard at all, how long they may be, and what
browsers are told to forbid.

Without a login the console trusts the machine it runs on, and a page of somebody else's, opened in
a browser there, must not reach it: not by a form (the origin is checked), not by a name that
suddenly means this machine (the host is checked).
"""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEALTH = "/health"
"""Where it is asked whether the console works."""
MOST_BYTES = 256 * 1024
"""Largest body of a request."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SAFE = ("GET", "HEAD")


class TooLargeError(Exception):
    """A request's body is longer than anything that we ask for."""


class Guard:
    """The outermost layer."""

    def __init__(
        self, app: ASGIApp, *, hosts: Collection[str], origins: Collection[str], is_secure: bool
    ) -> None:
        """Let pass what is addressed to one of `hosts` and, to change something, comes from here.

        Args:
            app: what is guarded.
            hosts: values of `Host`, with port.
            origins: values of `Origin`.
            is_secure: whether browsers come by https.
        """
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)
        self._is_secure = is_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request; answer it, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Whether it works may be asked under any name: the answer tells nothing.
        is_probe = scope["path"] == HEALTH and scope["method"] in _SAFE
        refusal = None if is_probe else self._refusal(scope["method"], Headers(scope=scope))
        told = self._telling(send)
        if refusal is not None:
            await refusal(scope, receive, told)
            return
        await self._app(scope, _bounded(receive), told)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        if headers.get("host", "").lower() not in self._hosts:
            return PlainTextResponse("This is not the console's address.\n", 421)
        if method in _SAFE:
            return None
        if method != "POST":
            return PlainTextResponse("Nothing here answers that.\n", 405)
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        is_ours = origin in self._origins if origin is not None else site == "same-origin"
        if not is_ours:
            return PlainTextResponse("The form was not sent by a page of the console.\n", 403)
        length = headers.get("content-length", "")
        return too_large() if length.isdecimal() and int(length) > MOST_BYTES else None

    def _telling(self, send: Send) -> Send:
        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["X-Frame-Options"] = "DENY"
                headers.setdefault("Cache-Control", "no-store")
                if self._is_secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        return tell


def too_large() -> PlainTextResponse:
    """Return the answer to a body that is too long."""
    return PlainTextResponse(f"At most {MOST_BYTES // 1024} KiB fit into a form.\n", 413)


def _bounded(receive: Receive) -> Receive:
    seen = 0

    async def take() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise TooLargeError
        return message

    return take
