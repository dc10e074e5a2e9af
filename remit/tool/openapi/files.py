"""Bodies and answers that are whole files: they go by the artifact store, named in JSON."""

import re

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic
from remit.tool.artifact import NAMED
from remit.tool.kinds import FORM_TYPE
from remit.tool.openapi.source import JSON_TYPE

ANSWER: JSONObject = {
    "type": "object",
    "required": ["artifact"],
    "additionalProperties": False,
    "properties": {"artifact": NAMED},
}
"""Output schema of what answers a file."""
_MEDIA = re.compile(r"[a-z0-9][a-z0-9.+-]{0,48}/(\*|[a-z0-9][a-z0-9.+-]{0,48})")
_MOST = 20


def file_types(content: JSON) -> tuple[str, ...]:
    """Return those media types of `content` that are of one whole file; none where JSON is known.

    What is in parts, a stream of events or a page is no file; the other side is told which we take.
    """
    offered = [*content] if isinstance(content, dict) else []
    if any(JSON_TYPE.fullmatch(each) or each in (FORM_TYPE, "*/*") for each in offered):
        return ()
    return tuple(filter(_is_file, offered))[:_MOST]


def _is_file(media: str) -> bool:
    # A page is for a browser, and mostly asks a person to log in.
    is_other = media.startswith("multipart/") or media in ("text/event-stream", "text/html")
    return _MEDIA.fullmatch(media) is not None and not is_other


def stored(where: str, what: str, media: tuple[str, ...]) -> Diagnostic:
    """Return what is said of an operation that takes or answers a file."""
    return Diagnostic(
        code="OPENAPI-ARTIFACT",
        path=where,
        message=f"{what} ({', '.join(media)[:120]}) goes by the artifact store",
        hint="a reference stands in its place, see docs/artifacts.md",
    )
