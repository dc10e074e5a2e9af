"""Decrypts for Temporal's own tools: `python -m remit.cli.stack.codec_server`.

The protocol is Temporal's: `POST /decode` and `/encode` take and return `Payloads` as JSON. Whoever
asks proves that they may read the stack's secrets: the command line by the token in a header, a
browser by a cookie that it got for a link of `remit codec`. It listens on loopback, answers to its
own name alone, and lets no page but the web UI's read what it says. It keeps and logs nothing.
"""

import argparse
import asyncio
import hashlib
import hmac
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from temporalio.api.common.v1 import Payloads

from remit.cli.stack.ports import LOOPBACK
from remit.client.codec import SealingCodec, load_codec
from remit.client.errors import ClientError

SETTINGS = "CODEC-SETTINGS"
"""Code of settings under which it does not start."""
_COOKIE = "remit-codec"
_ENTER, _STAY = "enter", "stay"
ENTER_S = 300
"""How long a link lets a browser in."""
_STAY_S = 8 * 3600
_LARGEST = 16 * 1024 * 1024
_HEADERS = "authorization, content-type, x-namespace"


class Pass:
    """Short texts that only whoever knows the token can make, each with an end."""

    def __init__(self, token: str, clock: Callable[[], float] = time.time) -> None:
        """Sign with `token`; `clock` gives seconds of Unix time."""
        self._token = token.encode()
        self._clock = clock

    def link(self, endpoint: str) -> str:
        """Return an address that lets whoever opens it in, for some minutes."""
        return f"{endpoint}/enter?pass={self.made(_ENTER, ENTER_S)}"

    def made(self, purpose: str, lasts_s: float) -> str:
        """Return a pass for a purpose."""
        until = int(self._clock() + lasts_s)
        return f"{until}.{self._mac(purpose, until)}"

    def is_good(self, purpose: str, text: str) -> bool:
        """Whether a pass was made for this purpose, and is not over."""
        until, _, mac = text.partition(".")
        if not until.isascii() or not until.isdecimal() or len(until) > 12:
            return False
        is_ours = hmac.compare_digest(self._mac(purpose, int(until)).encode(), mac.encode())
        return is_ours and int(until) > self._clock()

    def is_token(self, header: str) -> bool:
        """Whether an `Authorization` header holds the token itself."""
        return hmac.compare_digest(header.encode(), b"Bearer " + self._token)

    def _mac(self, purpose: str, until: int) -> str:
        said = f"remit-codec/{purpose}\n{until}".encode()
        return hmac.new(self._token, said, hashlib.sha256).hexdigest()


class CodecServer:
    """Answers requests."""

    def __init__(self, codec: SealingCodec, passes: Pass, port: int, ui: str) -> None:
        """Serve at `port` for the web UI at `ui`."""
        self._codec = codec
        self._passes = passes
        self._ui = ui
        self._hosts = (f"{LOOPBACK}:{port}", f"localhost:{port}")
        self._origins = (ui, ui.replace(LOOPBACK, "localhost"))

    def app(self) -> web.Application:
        """Return the application."""
        made = web.Application(client_max_size=_LARGEST, middlewares=[self._guard])
        made.router.add_get("/health", _health)
        made.router.add_get("/enter", self._enter)
        for name in ("encode", "decode"):
            made.router.add_route("OPTIONS", f"/{name}", _preflight)
        made.router.add_post("/encode", self._encode)
        made.router.add_post("/decode", self._decode)
        return made

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if request.host not in self._hosts or origin not in (None, *self._origins):
            # Another name for this address, or another site's page.
            return web.Response(status=403, text="This is for the web UI of the stack alone.\n")
        try:
            answer = await handler(request)
        except web.HTTPException as error:
            answer = web.Response(status=error.status, text=error.text)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if origin is not None:
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Allow-Credentials"] = "true"
            answer.headers["Vary"] = "Origin"
        return answer

    async def _enter(self, request: web.Request) -> web.Response:
        if not self._passes.is_good(_ENTER, request.query.get("pass", "")):
            return web.Response(status=403, text="The link is over; `remit codec` makes another.\n")
        answer = web.Response(status=303, headers={"Location": self._ui})
        answer.set_cookie(
            _COOKIE,
            self._passes.made(_STAY, _STAY_S),
            max_age=_STAY_S,
            httponly=True,
            samesite="Strict",
        )
        return answer

    async def _encode(self, request: web.Request) -> web.Response:
        given = await self._given(request)
        return _told(Payloads(payloads=await self._codec.encode(given.payloads)))

    async def _decode(self, request: web.Request) -> web.Response:
        given = await self._given(request)
        try:
            return _told(Payloads(payloads=await self._codec.decode(given.payloads)))
        except ClientError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error

    async def _given(self, request: web.Request) -> Payloads:
        header = request.headers.get("Authorization", "")
        is_known = self._passes.is_good(_STAY, request.cookies.get(_COOKIE, ""))
        if not is_known and not self._passes.is_token(header):
            raise web.HTTPUnauthorized(text="`remit codec` tells how to be let in.\n")
        try:
            return Parse(await request.text(), Payloads())
        except (ParseError, UnicodeDecodeError, RecursionError) as error:
            raise web.HTTPBadRequest(text="These are no payloads.\n") from error


def _told(payloads: Payloads) -> web.Response:
    return web.Response(text=MessageToJson(payloads), content_type="application/json")


async def _health(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _preflight(_: web.Request) -> web.Response:
    headers = {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": _HEADERS,
        "Access-Control-Max-Age": "600",
    }
    return web.Response(status=204, headers=headers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m remit.cli.stack.codec_server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ui", required=True, help="base address of Temporal's web UI")
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--keys", required=True, help="as REMIT_PAYLOAD_KEYS")
    told = parser.parse_args(arguments)
    try:
        codec = load_codec(told.keys, os.environ)
        token = told.token_file.read_text(encoding="ascii").strip()
    except (ClientError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    if codec is None or not token:
        print(f"{SETTINGS}: no key, or no token", file=sys.stderr)
        return 2
    server = CodecServer(codec, Pass(token), told.port, told.ui)
    asyncio.run(serve(server.app(), told.port))
    return 0


async def serve(app: web.Application, port: int) -> None:
    """Serve on loopback until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
