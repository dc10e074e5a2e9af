"""Artifacts: results and request bodies that go by reference, never into a ledger or a history.

A contract of kind `http` says so with `artifact` (its answer is one) or `upload` (its request body
is one). What stands in outputs and arguments then is `{digest, bytes, media_type}`; the bytes lie
in the artifact store (`remit.stores.artifacts`), under the tenant of the run that they came by.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from remit.canonical import DIGEST, JSON, Digest, JSONObject
from remit.tool.model import Model

MediaType = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*/(\*|[a-z0-9][a-z0-9.+-]*)$", max_length=100)
]
"""`text/csv`, or `text/*`."""
Bytes = Annotated[int, Field(ge=1, le=64 * 1024**3)]


class ArtifactAnswer(Model):
    """The answer's body becomes an artifact; the output is `{artifact: {…}}`."""

    media_types: Annotated[list[MediaType], Field(min_length=1, max_length=20)]
    """What the answer may be; anything else is a failure with effect."""
    max_bytes: Bytes = 1024**3


class ArtifactBody(Model):
    """The request's body is an artifact that an earlier step brought."""

    argument: str
    """JSON pointer to the argument that names it."""
    media_types: Annotated[list[MediaType], Field(min_length=1, max_length=20)]
    max_bytes: Bytes = 1024**3


NAMED: JSONObject = {
    "type": "object",
    "required": ["digest", "bytes", "media_type"],
    "additionalProperties": False,
    "properties": {
        "digest": {"type": "string"},
        "bytes": {"type": "integer"},
        "media_type": {"type": "string"},
    },
}
"""Schema of what names an artifact."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """What names an artifact."""

    digest: Digest
    """SHA-256 of its bytes."""
    size: int
    media_type: str

    def json(self) -> JSONObject:
        """Return what stands in an output or in arguments."""
        return {"digest": self.digest, "bytes": self.size, "media_type": self.media_type}

    @classmethod
    def of(cls, value: JSON) -> "Artifact | None":
        """Return the artifact that a value names, if it names one."""
        match value:
            case {"digest": str(digest), "bytes": int(size), "media_type": str(media), **more}:
                if more or isinstance(size, bool) or size < 0 or not DIGEST.match(digest):
                    return None
                return cls(digest, size, media)
        return None


def is_among(media_type: str, listed: list[str]) -> bool:
    """Whether a media type is one of a list; `text/*` stands for all that begin with `text/`."""
    return any(
        media_type == one or (one.endswith("/*") and media_type.startswith(one[:-1]))
        for one in listed
    )
