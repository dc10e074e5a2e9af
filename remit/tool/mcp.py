"""Tools of kind `mcp`: one tool of a server that speaks the Model Context Protocol.

A contract pins what the server listed when it was imported: name, schemas, description and
annotations, by digest. What a server says about itself is data. It is held against the pin, and
otherwise shown to nobody: neither its descriptions nor its instructions reach a planner from here.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from remit.canonical import DIGEST, JSON, Digest, digest
from remit.tool.environment import Environment
from remit.tool.model import Model

PINNED = ("name", "inputSchema", "outputSchema", "description", "annotations")
"""Members of a listed tool, as they stand on the wire, that `schema_sha256` covers."""
STEP_KEY_META = "remit/step-key"
"""Name in a request's `_meta` under which every call carries its step key."""

Argument = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]


class StdioServer(Model):
    """A server that a worker starts and talks to over its standard input and output."""

    transport: Literal["stdio"] = "stdio"
    command: Annotated[list[Argument], Field(min_length=1, max_length=64)]
    """Program and arguments, one an entry; no shell reads them. Others can see them: no secrets.
    It starts in the project's folder."""
    environment: Environment = {}
    """Variable to a secret reference. Besides these it gets `PATH` and `HOME`, and nothing else."""


class StreamableHttpServer(Model):
    """A server that is reached over streamable HTTP."""

    transport: Literal["http"] = "http"
    url: str
    """Address without arguments; `${env:NAME}` as in tools of kind `http`."""
    headers: dict[str, str] = {}
    """Header to a value or a secret reference, as in tools of kind `http`."""


McpServer = Annotated[StdioServer | StreamableHttpServer, Field(discriminator="transport")]


class McpKind(Model):
    """One tool of an MCP server."""

    kind: Literal["mcp"] = "mcp"
    server: McpServer
    tool: Annotated[str, Field(min_length=1, max_length=256)]
    """Its name on the server."""
    schema_sha256: Annotated[Digest, Field(pattern=DIGEST.pattern)]
    """Digest of what the server listed for it; see `listed_digest`. Another listing is drift, and
    the call is refused."""
    answer: Literal["structured", "json", "text"] = "structured"
    """What the output is made of: the structured content; JSON in the only text; or the texts,
    as `{"text": …}`."""
    errors: Literal["unknown", "refused"] = "unknown"
    """What an answer marked as an error says: nothing for certain, or that it had no effect. For a
    tool without effect it is the latter anyway."""
    key_argument: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    """Argument that carries the step key as well; plans cannot set it."""
    absent: Annotated[str, Field(max_length=500)] | None = None
    """JSON pointer into the output of a probe: that nothing stands there (no member, null, false,
    or an empty text, list or object) says that nothing happened. Counts in probes alone."""
    max_bytes: Annotated[int, Field(ge=1, le=4 * 1024 * 1024)] = 1024 * 1024
    """Largest output that is taken; a larger one is a failure with effect."""


def listed_digest(listed: Mapping[str, JSON]) -> Digest:
    """Return the digest of a tool as its server lists it; absent members count as absent.

    Raises:
        NotCanonicalError: it holds what has no canonical form, such as integers beyond 2^53.
    """
    pinned: dict[str, JSON] = {
        name: listed[name] for name in PINNED if listed.get(name) is not None
    }
    return digest(pinned)
