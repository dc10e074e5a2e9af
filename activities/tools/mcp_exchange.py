"""One exchange with an MCP server, from the connection to what it means for the call.

Whether anything was sent is not guessed: until a call's message is handed on, or its request's
first byte is written, a failure is certain to have had no effect. The call ends at its deadline,
whatever the server or the client library do; the server is told that it was given up.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace

from mcp import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    CallToolResult,
)

from activities.tools.mcp_answer import failed, interpret
from activities.tools.mcp_flow import End
from activities.tools.mcp_session import Call, DriftError, Link, Progress, Result, Session
from activities.tools.mcp_sessions import FullError, PausedError, Sessions
from remit.secrets.secrets import Secrets
from remit.tool.call import Refused, ToolAnswer, ToolCall, Unknown, withheld
from remit.tool.mcp import STEP_KEY_META, McpKind

_NOT_TAKEN = frozenset({INVALID_PARAMS, METHOD_NOT_FOUND})
"""Errors by which the protocol says that no tool was called."""
_MADE_HERE = {
    CONNECTION_CLOSED: "TOOL-CONNECTION",
    INVALID_REQUEST: "TOOL-PROTOCOL",
    PARSE_ERROR: "TOOL-PROTOCOL",
}
"""Errors that the client library makes itself of what it cannot read; a server's look the same."""
_REFUSED = frozenset({400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429})
_NO_SESSION = frozenset({400, 404})
_LATER = _NO_SESSION | {429}
"""HTTP statuses that certainly had no effect, as nobody came to the tool; how servers answer that
lost a session (404 by the protocol, 400 by the SDK's examples); and those that a later attempt may
not meet."""


class Exchanges:
    """The calls of one worker to MCP servers."""

    def __init__(self) -> None:
        self._sessions = Sessions()
        self._given_up: set[asyncio.Task[object]] = set()

    async def run(
        self,
        call: ToolCall,
        kind: McpKind,
        secrets: Secrets,
        key: str,
        make: Callable[[], Link],
    ) -> ToolAnswer:
        """Call once over the connection `key`, made with `make` if there is none."""
        ref = call.contract.ref
        try:
            session = self._sessions.get(key, make)
        except FullError:
            message = f"{ref}: every connection to a server is in use; nothing was called"
            return withheld("TOOL-BUSY", message, again=True)
        except PausedError as error:
            # Nobody was asked, so it is not one more failure.
            return replace(_unreached(ref, str(error), secrets), is_own=True)
        progress = Progress(deadline=call.deadline, asks=session.link.flow.asks)
        session.in_use += 1
        try:
            exchange = _exchange(session, _sent(call, kind), progress)
            ended = await self._within(exchange, call.deadline)
        finally:
            session.in_use -= 1
            session.used_at = asyncio.get_running_loop().time()
        if ended is None:
            session.is_silent = session.ready.done()
            return _late(ref, progress)
        session.is_silent = False
        return _meaning(call, kind, ended, progress, session, secrets)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._sessions.aclose()

    async def _within(
        self, work: "Coroutine[object, object, Result | Exception]", deadline: float
    ) -> Result | Exception | None:
        """Return what `work` ends with, or `None` at the deadline; it is not waited for then."""
        task = asyncio.create_task(work)
        try:
            left = deadline - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait({task}, timeout=max(0.0, left))
            return task.result() if done else None
        finally:
            if not task.done():
                # It tells the server, which may take a moment.
                self._given_up.add(task)
                task.add_done_callback(self._given_up.discard)
                task.cancel()


class NotReadyError(Exception):
    """The connection could not be made."""

    def __init__(self, end: End) -> None:
        self.end = end
        super().__init__(end.said)


async def _exchange(session: Session, call: Call, progress: Progress) -> Result | Exception:
    try:
        end = await asyncio.shield(session.ready)
        return NotReadyError(end) if end is not None else await session.call(call, progress)
    except Exception as error:
        return error


def _sent(call: ToolCall, kind: McpKind) -> Call:
    key = {} if kind.key_argument is None else {kind.key_argument: call.step_key}
    meta = {STEP_KEY_META: call.step_key}
    return Call(kind.tool, kind.schema_sha256, {**call.arguments, **key}, meta)


def _meaning(
    call: ToolCall,
    kind: McpKind,
    ended: Result | Exception,
    progress: Progress,
    session: Session,
    secrets: Secrets,
) -> ToolAnswer:
    ref = call.contract.ref
    match ended:
        case CallToolResult() if ended.is_error and session.link.flow.asks > progress.asks:
            return failed(call, kind, "TOOL-ASKED", "asked for what is not offered, and gave up")
        case CallToolResult():
            return interpret(call, kind, ended, secrets)
        case DriftError():
            return _drifted(ref, kind, ended)
        case NotReadyError() if ended.end.code == "TOOL-EGRESS":
            return withheld("TOOL-EGRESS", f"{ref}: {ended.end.said}")
        case NotReadyError():
            words = secrets.mask(session.link.last_words.strip())[-300:]
            said = f"{ended.end.said}: {words}" if words else ended.end.said
            return _unreached(ref, said, secrets)
        case Exception():
            return _fault(call, kind, ended, progress, session, secrets)
    return failed(call, kind, "TOOL-ASKED", "asks for more in place of an answer; nobody gives it")


def _fault(
    call: ToolCall,
    kind: McpKind,
    error: Exception,
    progress: Progress,
    session: Session,
    secrets: Secrets,
) -> Refused | Unknown:
    ref, end = call.contract.ref, progress.failure or session.link.flow.ended
    if not progress.began:
        return _not_begun(ref, end, session.link.flow.refusal, secrets)
    if progress.status in _REFUSED:
        if progress.status in _NO_SESSION:
            session.close()
        is_token_over = progress.status == 401 and secrets.has_kept_token
        again = progress.status in _LATER or is_token_over
        message = f"{ref} answered {progress.status}"
        return Refused("TOOL-REFUSED", message, again=again, is_unheard=True)
    if end is not None:
        return Unknown(end.code, f"{ref} {end.said}; it may have happened")
    if progress.status >= 400:
        return Unknown("TOOL-STATUS", f"{ref} answered {progress.status}; it may have happened")
    if isinstance(error, MCPError) and error.code in _MADE_HERE:
        said = secrets.shown(error.message)
        return Unknown(_MADE_HERE[error.code], f"{ref} broke off ({said}); it may have happened")
    if isinstance(error, MCPError):
        said = f"answered the error {error.code} ({secrets.shown(error.message)})"
        if error.code in _NOT_TAKEN:
            return Refused("TOOL-REFUSED", f"{ref} {said}", is_unheard=True)
        if error.code == HEADER_MISMATCH:
            return Refused("TOOL-REFUSED", f"{ref} {said}", again=True)
        return failed(call, kind, "TOOL-ERROR", said)
    name = type(error).__name__
    return Unknown(
        "TOOL-PROTOCOL", f"{ref} answered what is no answer ({name}); it may have happened"
    )


def _not_begun(ref: str, end: End | None, refusal: str, secrets: Secrets) -> Refused:
    if end is not None and end.code == "TOOL-EGRESS":
        return withheld("TOOL-EGRESS", f"{ref}: {end.said}")
    said = end.said if end else refusal or "could not be reached"
    return _unreached(ref, said, secrets)


def _drifted(ref: str, kind: McpKind, drift: DriftError) -> Refused:
    now = f"it is {drift.listed} now" if drift.listed else "it is not listed, or not once, now"
    message = f"{ref}: the server lists {kind.tool!r} otherwise than {kind.schema_sha256}: {now}"
    return withheld("TOOL-LISTING-CHANGED", f"{message}; nothing was called")


def _unreached(ref: str, said: str, secrets: Secrets) -> Refused:
    shown = secrets.shown(said, 500)
    return Refused("TOOL-UNREACHABLE", f"{ref}: the server {shown}; nothing was called", again=True)


def _late(ref: str, progress: Progress) -> Refused | Unknown:
    if progress.began:
        message = f"{ref} gave no answer before the deadline; it may have happened"
        return Unknown("TOOL-TIMEOUT", message)
    message = f"{ref} was not ready before the deadline; nothing was called"
    return Refused("TOOL-UNREACHABLE", message, again=True)
