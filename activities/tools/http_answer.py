"""What an HTTP answer means for a call: happened, refused, unknown, broken or absent.

The rule: a 2xx says that it happened, a status that the contract lists says that it certainly did
not, and everything else leaves it open. Redirects are never followed: a write that is answered by
one may have happened (303 says so, 307 says not, and neither can be trusted), while a read never
changes anything.
"""

from dataclasses import dataclass

from remit.canonical import JSON
from remit.secrets.secrets import Secrets
from remit.tool.artifact import Artifact
from remit.tool.call import Absent, Broken, Happened, Refused, ToolAnswer, ToolCall, Unknown
from remit.tool.document import DocumentError, parse_json
from remit.tool.kinds import HttpKind
from remit.tool.pointer import PointerError, follow

_LATER = frozenset({425, 429})
"""Refusals that a later attempt may not meet."""
UNHEARD = frozenset({401, 403, 407})
"""Refusals of whoever asks, whatever it is."""


@dataclass(frozen=True, slots=True)
class Received:
    """An answer, read as far as the contract allows."""

    status: int
    content_type: str = ""
    is_encoded: bool = False
    body: bytes | None = None
    """`None` when it was larger than allowed."""
    artifact: Artifact | Broken | None = None
    """What became of a body that went to the artifact store."""


def interpret(call: ToolCall, kind: HttpKind, received: Received, secrets: Secrets) -> ToolAnswer:
    """Return what `received` says about the call."""
    status, ref = received.status, call.contract.ref
    if 200 <= status < 300:
        return _happened(ref, kind, received, secrets)
    if call.purpose == "probe" and status in kind.absent:
        return Absent()
    said = _said(received, secrets)
    if status in kind.already:
        return Refused("TOOL-REFUSED", f"{ref} answered {status}{said}", already=True)
    if status in kind.refused:
        again = status in _LATER or (status == 401 and secrets.has_kept_token)
        message = f"{ref} answered {status}{said}"
        return Refused("TOOL-REFUSED", message, again=again, is_unheard=status in UNHEARD)
    if 300 <= status < 400:
        if call.contract.operation.has_effect:
            return Unknown("TOOL-REDIRECT", f"{ref} answered {status}; redirects are not followed")
        return Refused("TOOL-REDIRECT", f"{ref} answered {status}; redirects are not followed")
    return Unknown("TOOL-STATUS", f"{ref} answered {status}{said}")


def _happened(ref: str, kind: HttpKind, received: Received, secrets: Secrets) -> ToolAnswer:
    if isinstance(received.artifact, Broken):
        return received.artifact
    if received.artifact is not None:
        return Happened({"artifact": received.artifact.json()})
    if received.body is None:
        message = f"{ref} answered more than {kind.max_bytes} bytes"
        return Broken("TOOL-ANSWER-TOO-LARGE", message)
    if received.is_encoded:
        return Broken("TOOL-ANSWER-ENCODED", f"{ref} answered in an encoding nobody asked for")
    if not received.body:
        return _part(ref, kind, None, secrets)
    if not _is_json(received.content_type):
        kind_shown = secrets.shown(received.content_type, 60) or "nothing"
        return Broken("TOOL-NOT-JSON", f"{ref} answered with {kind_shown!r} in place of JSON")
    try:
        value = parse_json(received.body)
    except DocumentError as error:
        said = secrets.shown(str(error))
        return Broken("TOOL-BAD-JSON", f"{ref} answered JSON that has no single reading: {said}")
    return _part(ref, kind, value, secrets)


def _part(ref: str, kind: HttpKind, value: JSON, secrets: Secrets) -> ToolAnswer:
    try:
        return Happened(secrets.mask_json(follow(value, kind.output)))
    except PointerError:
        return Broken("TOOL-ANSWER-PART", f"{ref} answered nothing at {kind.output!r}")


def _is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or media.endswith("+json")


def _said(received: Received, secrets: Secrets) -> str:
    """Return the tool's own words about an error, if it has some; bounded, without secrets."""
    if not received.body or not _is_json(received.content_type):
        return ""
    try:
        answer = parse_json(received.body)
    except DocumentError:
        return ""
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        answer = answer["error"]
    if not isinstance(answer, dict):
        return ""
    words = [answer.get(name) for name in ("code", "title", "message", "detail")]
    text = ": ".join(word for word in words if isinstance(word, str) and word)
    return f" ({secrets.shown(text)})" if text else ""
