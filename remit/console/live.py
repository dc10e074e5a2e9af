"""Server-sent events: a page is told that it has aged, and fetches itself again."""

from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from remit.console.office import office_of, viewer_of
from remit.console.watching import INBOX, MOST_LISTENERS

_PING_S = 15


async def events(request: Request) -> Response:
    """Answer with a mark whenever the inbox, or a run, is no longer what it was."""
    office, viewer = office_of(request), viewer_of(request)
    topic = request.path_params["topic"]
    if topic != INBOX:
        run = await office.ledger.run(topic)
        if run is None or not viewer.sees(run.tenant):
            return PlainTextResponse("There is no such run.\n", 404)
    if office.watch.listeners >= MOST_LISTENERS:
        return PlainTextResponse("Too many pages listen; reload by hand.\n", 503)

    async def told() -> AsyncIterator[ServerSentEvent]:
        async for mark in office.watch.changes(topic):
            if office.sessions.read(request) is None:
                return
            yield ServerSentEvent(data=mark, event="changed")

    return EventSourceResponse(told(), ping=_PING_S)
