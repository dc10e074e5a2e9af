"""Tools of kind `http`: one request, one answer, no second try.

Owns a connection pool of the worker. Keeps no cookies, follows no redirect, reads a bounded body,
and gives up at the call's deadline.
"""

import asyncio

import httpx2

from activities.tools.adapter import Adapter
from activities.tools.egress import EgressError, is_encoded, reaching
from activities.tools.http_answer import Received, interpret
from activities.tools.http_artifact import Parcel, prepare_parcel, take_in
from activities.tools.http_request import Outgoing, prepare
from activities.tools.outside import Outside
from activities.tools.sending import Sending
from activities.tools.tunnel import ProxyRefusedError
from activities.tools.unsent import UNSENT, too_late, unsent
from remit.secrets.secrets import Secrets
from remit.tool.call import Refused, ToolAnswer, ToolCall, Unknown
from remit.tool.kinds import HttpKind
from remit.tool.reach import Reach

CONNECT_S = 10.0
"""Longest wait for a connection, in seconds, when the deadline is later."""
_LIMITS = httpx2.Limits(
    max_connections=256,
    max_keepalive_connections=64,
    # Shorter than servers commonly keep a silent connection (5 s): a request on one that the
    # server is just closing is lost, and nobody can tell how far it came.
    keepalive_expiry=2.0,
)
_MAX_ERROR_BYTES = 16 * 1024


class HttpTool(Adapter):
    """Calls tools over HTTP; one per worker."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._transport = outside.transport(_LIMITS)

    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Send the request that the contract describes."""
        kind = call.contract.call
        if not isinstance(kind, HttpKind):
            raise TypeError(f"{call.contract.ref} is not of kind http")
        if late := too_late(call):
            return late
        secrets = self._outside.secrets(call)
        try:
            await secrets.read(kind.headers.values(), call.deadline)
            outgoing = prepare(call, kind, self._outside.environ, secrets)
        except UNSENT as error:
            return unsent(call, error)
        parcel = await prepare_parcel(call, kind, self._outside.artifacts)
        if isinstance(parcel, Refused):
            return parcel
        try:
            return await self._send(call, kind, outgoing, parcel, secrets)
        finally:
            await parcel.close()

    async def _send(
        self, call: ToolCall, kind: HttpKind, outgoing: Outgoing, parcel: Parcel, secrets: Secrets
    ) -> ToolAnswer:
        sending = Sending()
        try:
            async with asyncio.timeout_at(call.deadline):
                received = await self._exchange(call, outgoing, sending, kind, parcel, secrets)
        except TimeoutError:
            return _failed(call, sending, "TOOL-TIMEOUT", "gave no answer before the deadline")
        except (EgressError, ProxyRefusedError) as error:
            return unsent(call, error)
        except Exception as error:
            # Whatever the client raises: `sending` knows whether anything was sent.
            name = type(error).__name__
            return _failed(call, sending, "TOOL-CONNECTION", f"lost the connection ({name})")
        return interpret(call, kind, received, secrets)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _exchange(
        self,
        call: ToolCall,
        outgoing: Outgoing,
        sending: Sending,
        kind: HttpKind,
        parcel: Parcel,
        secrets: Secrets,
    ) -> Received:
        waits = {"connect": CONNECT_S, "read": None, "write": None, "pool": None}
        headers = dict(outgoing.headers)
        if parcel.upload is not None:
            headers |= {
                "content-type": parcel.upload.media_type,
                "content-length": str(parcel.upload.size),
            }
        request = httpx2.Request(
            outgoing.method,
            outgoing.url,
            headers=headers,
            content=parcel.upload or outgoing.content or None,
            extensions={
                "timeout": waits,
                "trace": sending,
                **reaching(Reach.of(call.contract)),
            },
        )
        response = await self._transport.handle_async_request(request)
        try:
            if kind.artifact is not None and 200 <= response.status_code < 300:
                taken = await take_in(call, kind, response, parcel, secrets)
                return Received(response.status_code, artifact=taken)
            return await _receive(response, kind)
        finally:
            await response.aclose()


async def _receive(response: httpx2.Response, kind: HttpKind) -> Received:
    if 200 <= response.status_code < 300:
        body = await _read(response, kind.max_bytes)
    else:
        # The status says all that counts; what becomes of the words about it changes nothing.
        try:
            body = await _read(response, min(kind.max_bytes, _MAX_ERROR_BYTES))
        except httpx2.TransportError:
            body = None
    return Received(
        status=response.status_code,
        content_type=response.headers.get("content-type", ""),
        is_encoded=is_encoded(response),
        body=body,
    )


async def _read(response: httpx2.Response, most: int) -> bytes | None:
    """Return the body, or `None` as soon as it is known to be larger than `most`."""
    if _declared(response) > most:
        return None
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _declared(response: httpx2.Response) -> int:
    length = response.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdecimal() else 0


def _failed(call: ToolCall, sending: Sending, code: str, what: str) -> Refused | Unknown:
    ref = call.contract.ref
    if sending.began:
        return Unknown(code, f"{ref} {what}; it may have happened")
    return Refused("TOOL-UNREACHABLE", f"{ref} could not be reached; nothing was sent", again=True)
