"""How an injected fault looks on the wire.

Owns the spoilt answers. By the time they are made the effect has happened or not; nothing
here can change that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic import JsonValue
from pydantic_core import from_json, to_json
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from .answers import as_error, as_json
from .connections import Connections
from .faults import Fault
from .refusals import INTERNAL, UNAVAILABLE, RefusedError

CHUNK = 64 * 1024


class Dropped(Response):
    """No answer: the connection is closed."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the socket and wait until the server has noticed, lest it answers with a 500."""
        self._connections.close(scope["client"])
        while (await receive())["type"] != "http.disconnect":
            pass


async def _huge(size: int) -> AsyncIterator[bytes]:
    head, tail = b'{"filler": "', b'"}'
    yield head
    left = max(0, size - len(head) - len(tail))
    while left:
        chunk = min(left, CHUNK)
        yield b"x" * chunk
        left -= chunk
    yield tail


def _drifted(answer: Response) -> Response:
    """The answer without its first field and with one that nobody declared."""
    if answer.status_code >= 400:
        return answer
    fields = from_json(bytes(answer.body))
    fields.pop(next(iter(fields)))
    return as_json(to_json({**fields, "drifted": True}), answer.status_code)


def laid_over(fields: JsonValue, instead: JsonValue) -> JsonValue:
    """Return `fields` with those of `instead` in their places, members of members too."""
    if not isinstance(fields, dict) or not isinstance(instead, dict):
        return instead
    return {**fields, **{name: laid_over(fields.get(name), instead[name]) for name in instead}}


def _asked_of(fields: JsonValue, instead: JsonValue, asked: JsonValue) -> JsonValue:
    """Return `fields` with what was asked for wherever something else was done."""
    if not isinstance(fields, dict) or not isinstance(instead, dict) or not isinstance(asked, dict):
        return asked
    told = {
        name: _asked_of(fields[name], instead[name], asked[name])
        for name in instead
        if name in fields and name in asked
    }
    return {**fields, **told}


def _as_asked(answer: Response, instead: JsonValue, asked: JsonValue) -> Response:
    if answer.status_code >= 400:
        return answer
    told = _asked_of(from_json(bytes(answer.body)), instead, asked)
    return as_json(to_json(told), answer.status_code)


def _crashed(fault: Fault, connections: Connections) -> Response:
    if fault.crash == "close":
        return Dropped(connections)
    return as_error(RefusedError(INTERNAL, "injected: failed after the effect"))


def disguise(
    fault: Fault, answer: Response, connections: Connections, asked: dict[str, JsonValue]
) -> Response:
    """Return what the client, who `asked`, gets in place of `answer`."""
    match fault.mode:
        case "delay" | "lie":
            return answer
        case "alter":
            return _as_asked(answer, fault.instead, asked)
        case "status_503":
            return as_error(RefusedError(UNAVAILABLE, "injected: not available"))
        case "crash_after_effect":
            return _crashed(fault, connections)
        case "drop_answer":
            return Dropped(connections)
        case "html":
            return HTMLResponse("<!doctype html><title>Proxy</title><h1>It works!</h1>")
        case "huge":
            return StreamingResponse(_huge(fault.size), media_type="application/json")
        case "redirect":
            return RedirectResponse(fault.url, status_code=302)
        case "bad_schema":
            return _drifted(answer)
