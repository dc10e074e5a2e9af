"""From a call to the request that is sent for it. Nothing is sent here.

The host that the finished URL really names, as the client will read it, must be one of the
contract's destinations; where it is, is checked when the connection is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx2
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from activities.tools.egress import listed_url
from activities.tools.http_query import form, written
from remit.canonical import JSON, JSONObject, canonical
from remit.secrets.secrets import Secrets
from remit.tool.address import Address
from remit.tool.call import ToolCall
from remit.tool.kinds import FORM_TYPE, HttpKind
from remit.tool.pointer import PointerError, follow, split
from remit.tool.reach import Reach
from remit.tool.template import TemplateError, as_text, fill

_ALWAYS = {
    "accept": "application/json",
    "accept-encoding": "identity",
    "user-agent": "remit",
}
# The trace's ids and nothing else: baggage may hold what is no business of a tool's.
_TRACE = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request that may be sent."""

    method: str
    url: httpx2.URL
    headers: Mapping[str, str]
    content: bytes


def prepare(
    call: ToolCall, kind: HttpKind, environ: Mapping[str, str], secrets: Secrets
) -> Outgoing:
    """Return the request for `call`.

    Raises:
        AddressError, TemplateError, PointerError, httpx2.InvalidURL: it cannot be made of these
            arguments.
        EgressError: it would go elsewhere.
        SecretError: a secret cannot be had.
    """
    address = Address.parse(kind.base + kind.url)
    text = address.fill(call.arguments, environ) + _query(kind, call.arguments)
    content = _body(kind, address, call)
    headers = _headers(kind, call, secrets)
    _set_by_arguments(headers, kind, call.arguments)
    if content:
        headers["content-type"] = kind.media_type
    url = listed_url(text, Reach.of(call.contract))
    return Outgoing(kind.method, url, headers, content)


def _query(kind: HttpKind, arguments: JSONObject) -> str:
    parts: list[str] = []
    for name, place in kind.query.items():
        try:
            value = follow(arguments, place)
        except PointerError:
            continue
        parts += written(name, value, kind.query_styles.get(name))
    return f"?{'&'.join(parts)}" if parts else ""


def _body(kind: HttpKind, address: Address, call: ToolCall) -> bytes:
    if kind.body is None:
        return b""
    if kind.body == "*":
        places = (*kind.query.values(), *kind.header_arguments.values())
        elsewhere = {*address.arguments, *(split(place)[0] for place in places)}
        rest = {name: value for name, value in call.arguments.items() if name not in elsewhere}
        return _encoded(kind, rest)
    values: dict[str, JSON] = {"args": call.arguments, "step_key": call.step_key}
    # As the member of an object, a body that is a reference to something absent is left out.
    made = fill({"body": kind.body}, values)
    return _encoded(kind, made["body"]) if isinstance(made, dict) and "body" in made else b""


def _encoded(kind: HttpKind, body: JSON) -> bytes:
    if kind.media_type == FORM_TYPE:
        return form(body, kind.body_styles)
    return canonical(body)


def _set_by_arguments(headers: dict[str, str], kind: HttpKind, arguments: JSONObject) -> None:
    for name, place in kind.header_arguments.items():
        try:
            value = follow(arguments, place)
        except PointerError:
            continue
        text = as_text(value) if value is not None else ""
        if not text.isascii() or not text.isprintable() or text != text.strip():
            raise TemplateError(f"the header {name!r} takes one line of printable ASCII")
        if text:
            headers[name.lower()] = text


def _headers(kind: HttpKind, call: ToolCall, secrets: Secrets) -> dict[str, str]:
    headers = dict(_ALWAYS)
    if kind.artifact is not None:
        headers["accept"] = ", ".join(kind.artifact.media_types)
    _TRACE.inject(headers)
    for name, value in kind.headers.items():
        headers[name.lower()] = secrets.resolve(value)
    if kind.idempotency_header is not None:
        headers[kind.idempotency_header.lower()] = call.step_key
    return headers
