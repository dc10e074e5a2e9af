"""The ASGI application: routes from declarations, the bearer token, start and stop."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from . import areas
from .answers import as_error, as_json, on_crash, on_http_exception
from .connections import Connections
from .contract import Operation
from .openapi import document
from .pipeline import Pipeline
from .refusals import UNAUTHORIZED, RefusedError
from .store import Store

HEALTH = "/health"
Answerer = Callable[[Operation, Request], Awaitable[Response]]


class BearerGuard:
    """Lets only requests with the token pass, and those that ask for health."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] != "http" or scope["path"] == HEALTH or self._admits(scope):
            await self._app(scope, receive, send)
            return
        answer = as_error(RefusedError(UNAUTHORIZED, "send Authorization: Bearer <token>"))
        answer.headers["WWW-Authenticate"] = "Bearer"
        await answer(scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        given = Headers(scope=scope).get("authorization", "")
        return hmac.compare_digest(given.encode("latin-1"), self._expected)


def _route(operation: Operation, answerer: Answerer) -> Route:
    async def endpoint(request: Request) -> Response:
        return await answerer(operation, request)

    says = operation.says
    return Route(says.path, endpoint, methods=[says.method], name=says.name)


def _fixed(path: str, name: str, body: bytes) -> Route:
    async def endpoint(request: Request) -> Response:
        return as_json(body)

    return Route(path, endpoint, methods=["GET"], name=name)


def build_app(store: Store, connections: Connections, *, token: str | None) -> Starlette:
    """Return the application.

    Args:
        store: Opened and seeded at start, closed at stop.
        connections: The server's open sockets, for faults that close one.
        token: The bearer token to ask for; None asks for none.
    """
    pipeline = Pipeline(store, connections)
    business, controls = list(areas.business()), list(areas.controls())
    described = document(business, controls, secured=token is not None)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await store.run(areas.prepare)
        await pipeline.refresh()
        yield
        await store.close()

    return Starlette(
        routes=[
            *(_route(operation, pipeline.business) for operation in business),
            *(_route(operation, pipeline.control) for operation in controls),
            _fixed(HEALTH, "health", b'{"status":"ok"}'),
            _fixed("/openapi.json", "openapi", json.dumps(described).encode()),
        ],
        middleware=[] if token is None else [Middleware(BearerGuard, token=token)],
        exception_handlers={HTTPException: on_http_exception, Exception: on_crash},
        lifespan=lifespan,
    )
