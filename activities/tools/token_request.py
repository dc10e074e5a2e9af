"""One question for an access token (RFC 6749 §4.4), and what its answer is good for.

Sent once, bounded, and without redirects: a redirect would hand the client's secret to somebody
else. Of what the other side says nothing is repeated but the error codes of the RFCs.
"""

import base64
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode

import httpx2

from activities.tools.egress import is_encoded, reaching
from remit.canonical import JSON, JSONObject
from remit.secrets.errors import SecretError
from remit.secrets.nearby import MAX_BYTES
from remit.secrets.secrets import Secrets
from remit.tool.document import DocumentError, parse_json
from remit.tool.oauth import LONGEST_S, OAuthClient
from remit.tool.reach import Reach

_CONNECT_S = 5.0
_MOST_BYTES = 64 * 1024
_LATER = frozenset({408, 425, 429})
_ERRORS = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
        *("unsupported_grant_type", "invalid_scope", "invalid_target"),
    }
)
"""What a refusal may say of itself (RFC 6749 §5.2, RFC 8707 §2)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and where."""

    name: str
    client: OAuthClient
    url: httpx2.URL
    reach: Reach

    def fault(self, code: str, why: str, *, again: bool = False) -> SecretError:
        """Return the error that says why there is no token."""
        said = f"the secret oauth:{self.name}: {self.url.host!r} {why}"
        return SecretError(code, said, again=again)


@dataclass(frozen=True, slots=True)
class Granted:
    """A token that may be used."""

    token: str = field(repr=False)
    behind: str = field(repr=False)
    """The secret that it was got with."""
    lasts_s: float
    """For how long, from when it was asked for, in seconds."""


async def ask(
    question: Question, secrets: Secrets, transport: httpx2.AsyncBaseTransport
) -> Granted:
    """Ask for a token; the client's credentials were `read`.

    Raises:
        SecretError: there is none.
        EgressError, ProxyRefusedError: the connection must not be made; nothing was sent.
    """
    client = question.client
    identity, secret = secrets.resolve(client.client_id), secrets.resolve(client.client_secret)
    request = _request(question, identity, secret)
    try:
        response = await transport.handle_async_request(request)
        try:
            body = b"" if is_encoded(response) else await _body(response)
        finally:
            await response.aclose()
    except (httpx2.TransportError, httpx2.StreamError, OSError) as error:
        what = type(error).__name__
        raise question.fault(
            "SECRET-UNREACHABLE", f"gives no answer ({what}); see its address", again=True
        ) from error
    if response.status_code != 200:
        raise _refusal(question, response.status_code, body)
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise _unusable(question, "is not JSON")
    answer = _parsed(body)
    return Granted(_token(question, answer), secret, _lasts(question, answer))


def _request(question: Question, identity: str, secret: str) -> httpx2.Request:
    client = question.client
    form = {"grant_type": "client_credentials"}
    more = {"scope": client.scope, "audience": client.audience, "resource": client.resource}
    form |= {name: value for name, value in more.items() if value}
    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "remit",
    }
    if client.send == "body":
        form |= {"client_id": identity, "client_secret": secret}
    else:
        # Each is encoded before it is joined (RFC 6749 §2.3.1): a colon in it would part them.
        pair = f"{quote_plus(identity)}:{quote_plus(secret)}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
    waits = {"connect": _CONNECT_S, "read": None, "write": None, "pool": None}
    return httpx2.Request(
        "POST",
        question.url,
        headers=headers,
        content=urlencode(form).encode(),
        extensions={"timeout": waits, **reaching(question.reach)},
    )


async def _body(response: httpx2.Response) -> bytes:
    """Return the body; empty as soon as it is known to be too large."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MOST_BYTES:
            return b""
    return bytes(body)


def _parsed(body: bytes) -> JSONObject:
    """Return the answer; one that is no object, cut off or packed says nothing."""
    try:
        answer = parse_json(body)
    except DocumentError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _refusal(question: Question, status: int, body: bytes) -> SecretError:
    if status >= 500 or status in _LATER:
        return question.fault("SECRET-UNREACHABLE", f"answers {status}", again=True)
    if 400 <= status < 500:
        told = _parsed(body).get("error")
        code = f" ({told})" if isinstance(told, str) and told in _ERRORS else ""
        hint = f"see client_id, client_secret and scope of [oauth.{question.name}]"
        return question.fault("SECRET-DENIED", f"answers {status}{code}; {hint}")
    return question.fault("SECRET-TOKEN", f"answers {status}; redirects are not followed")


def _token(question: Question, answer: JSONObject) -> str:
    token, kind = answer.get("access_token"), answer.get("token_type")
    if not isinstance(token, str) or not token:
        raise _unusable(question, "holds no access_token, or is larger than is read")
    if len(token) > MAX_BYTES or not token.isprintable() or not token.isascii():
        raise _unusable(question, "holds a token that is not one line of printable ASCII")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _unusable(question, "holds a token of another type than Bearer")
    return token


def _lasts(question: Question, answer: JSONObject) -> float:
    told: JSON = answer.get("expires_in", question.client.lifetime_s)
    if told is None:
        hint = f"say how long: lifetime_s of [oauth.{question.name}]"
        raise _unusable(question, f"does not say when its token ends; {hint}")
    if isinstance(told, bool) or not isinstance(told, int | float) or told <= 0:
        raise _unusable(question, "says an expires_in that is no number of seconds")
    return min(float(told), LONGEST_S)


def _unusable(question: Question, why: str) -> SecretError:
    return question.fault("SECRET-TOKEN", f"gives no token that can be used: its answer {why}")
