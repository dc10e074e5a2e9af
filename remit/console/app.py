"""The console as a web application: its addresses, and who is let in to which.

Reads come from the ledger, opened so that the database refuses writes; the only thing that leaves
is a vote or an order, as a Temporal update.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from remit.client.errors import ClientError
from remit.console import commanding, deciding, listing, live, login, reviewing
from remit.console.guarding import HEALTH, Guard, TooLargeError, too_large
from remit.console.office import Office, office_of, see
from remit.console.rendering import STATIC, graph_style
from remit.ledger.errors import LedgerError, LedgerUnavailableError

Handler = Callable[[Request], Awaitable[Response]]


def make_app(office: Office, origin: str) -> ASGIApp:
    """Return the application.

    Args:
        office: what it works with.
        origin: under which address browsers reach it, `scheme://host:port`.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await office.watch.close()

    app = Starlette(
        routes=_routes(),
        lifespan=lifespan,
        exception_handlers={
            TooLargeError: _too_large,
            HTTPException: _refused,
            LedgerError: _unavailable,
            LedgerUnavailableError: _unavailable,
            ClientError: _unavailable,
        },
    )
    app.state.office = office
    origins = addresses_of(origin)
    hosts = [one.partition("//")[2] for one in origins]
    return Guard(app, hosts=hosts, origins=origins, is_secure=office.settings.console.is_secure)


def addresses_of(origin: str) -> list[str]:
    """Return the origins under which browsers may reach the console at `origin`."""
    scheme, _, host = origin.lower().rstrip("/").partition("://")
    port = host.rpartition(":")[2] if not host.endswith("]") else ""
    default = {"http": "80", "https": "443"}.get(scheme, "")
    plain = host.removesuffix(f":{default}")
    names = {host, plain}
    if plain.partition(":")[0] in ("127.0.0.1", "localhost") and port.isdecimal():
        # Both mean this machine, whatever a name server says.
        names |= {f"127.0.0.1:{port}", f"localhost:{port}"}
    return sorted(f"{scheme}://{name}" for name in names)


def _routes() -> list[Route | Mount]:
    return [
        Route("/", signed_in(listing.inbox)),
        Route("/gates/{root}/{number:int}/{path:path}", signed_in(reviewing.card)),
        Route(
            "/gates/{root}/{number:int}/{path:path}", signed_in(deciding.decide), methods=["POST"]
        ),
        Route("/alike", signed_in(deciding.decide_alike), methods=["POST"]),
        Route("/runs", signed_in(listing.runs)),
        Route("/runs/{root}", signed_in(reviewing.run)),
        Route("/runs/{root}", signed_in(commanding.order), methods=["POST"]),
        Route("/agents", signed_in(listing.agents)),
        Route("/tools", signed_in(listing.tools)),
        Route("/policies", signed_in(listing.policies)),
        Route("/events/{topic}", signed_in(live.events)),
        Route("/login", login.show),
        Route("/login", login.enter, methods=["POST"]),
        Route("/login/start", login.start),
        Route("/login/callback", login.come_back),
        Route("/logout", signed_in(login.leave), methods=["POST"]),
        Route(HEALTH, _health),
        Route("/static/graph.css", _graph_style),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


def signed_in(handler: Handler) -> Handler:
    """Return a handler that sends whoever is not signed in to the login."""

    @wraps(handler)
    async def handle(request: Request) -> Response:
        office = office_of(request)
        session = office.sessions.read(request)
        if session is None:
            if request.method == "GET" and not request.url.path.startswith("/events"):
                target = request.url.path
                query = f"?{request.url.query}" if request.url.query else ""
                return see(f"/login?to={quote(target + query, safe='/')}")
            return PlainTextResponse("Nobody is signed in, or no longer.\n", 401)
        request.state.viewer = await office.viewer(session)
        return await handler(request)

    return handle


async def _health(request: Request) -> Response:
    await office_of(request).store.lengths(["-"])
    return PlainTextResponse("ok\n")


async def _graph_style(request: Request) -> Response:
    headers = {"Cache-Control": "max-age=300"}
    return Response(graph_style(), media_type="text/css", headers=headers)


async def _too_large(request: Request, error: Exception) -> Response:
    return too_large()


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    told = error.detail if isinstance(error, HTTPException) else ""
    title = {404: "There is nothing here"}.get(status, "That did not work")
    words = {404: "Perhaps it is a run that you may not see, or the address is mistyped."}
    return office_of(request).page(
        request, "message.html", status, title=title, told=words.get(status, told)
    )


async def _unavailable(request: Request, error: Exception) -> Response:
    return office_of(request).page(
        request,
        "message.html",
        503,
        title="A part of the stack does not answer",
        told=f"{error} Nothing was changed. `remit status` tells what is down.",
    )
