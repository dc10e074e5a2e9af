"""The kinds of tools: what a contract says of how its tool is called."""

from typing import Annotated, Literal

from pydantic import Field

from remit.canonical import JSON
from remit.tool.artifact import ArtifactAnswer, ArtifactBody
from remit.tool.human import HumanKind
from remit.tool.language_model import ModelKind
from remit.tool.mcp import McpKind
from remit.tool.model import Model
from remit.tool.process import FunctionAddress, ProcessKind
from remit.tool.sql import SqlKind


class PythonKind(Model):
    """A decorated function, found by import path."""

    kind: Literal["python"] = "python"
    function: FunctionAddress


QueryStyle = Literal["comma", "space", "pipe", "members", "deep", "json"]
"""How an argument stands in the query when it is not simply itself (OpenAPI's `style`): a list as
one parameter with a separator; an object as a parameter for each member, called by the member's
name or `name[member]`; anything as JSON. Without a style a list is the parameter repeated."""

FORM_TYPE = "application/x-www-form-urlencoded"
MediaTypeSent = Annotated[
    str, Field(pattern=rf"^(application/([a-z0-9.+-]+\+)?json|{FORM_TYPE})$", max_length=200)
]


class HttpKind(Model):
    """One HTTP operation."""

    kind: Literal["http"] = "http"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    base: str = ""
    """What `url` is appended to; saves saying scheme and host in every contract of a service."""
    url: str
    """URL template; `{name}` takes an argument, percent-encoded; `${env:NAME}` stands for a base
    URL, or for part of host and port; see `remit.tool.address`."""
    query: dict[str, str] = {}
    """Query parameter to JSON pointer into the arguments."""
    query_styles: dict[str, QueryStyle] = Field(default={}, exclude_if=lambda value: not value)
    """Query parameter to how its argument is written. This and the next two are left out while they
    say nothing, so that a contract keeps its digest."""
    header_arguments: dict[str, str] = Field(default={}, exclude_if=lambda value: not value)
    """Header to JSON pointer into the arguments; an argument is never read as a reference."""
    media_type: MediaTypeSent = Field(
        default="application/json", exclude_if=lambda value: value == "application/json"
    )
    """What the body is sent as; a form is an object, whose members are its fields."""
    body_styles: dict[str, QueryStyle] = Field(default={}, exclude_if=lambda value: not value)
    """Member of a form to how it is written, as in the query."""
    headers: dict[str, str] = {}
    """Header to a value or a secret reference, see `remit.tool.secret`: `env:NAME`, `file:PATH`,
    `keyring:SERVICE/USER`, `vault:MOUNT/PATH#FIELD` or `oauth:NAME` as the whole value, `${…}`
    around it inside one; resolved inside the activity."""
    body: JSON = None
    """`None`: no body; `"*"`: all arguments that URL, query and headers do not take; else a
    template over `${args...}` and `${step_key}`, where a reference to an absent argument, as the
    whole of it, is no body."""
    output: str = ""
    """JSON pointer into the response body; empty for the whole of it."""
    idempotency_header: str | None = None
    """Header that carries the step key."""
    refused: list[int] = [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429]
    """Statuses that certainly had no effect."""
    already: list[int] = []
    """Statuses that refuse because it is done already, such as 404 to a deletion; behind a lost
    attempt they say that it happened, with the output `null`."""
    absent: list[int] = []
    """Statuses by which a probe says that nothing happened; they count in probes alone."""
    max_bytes: Annotated[int, Field(ge=1, le=64 * 1024 * 1024)] = 1024 * 1024
    """Largest response body read; a larger one is a failure."""
    artifact: ArtifactAnswer | None = Field(default=None, exclude_if=lambda value: value is None)
    """The answer's body goes to the artifact store, and the output names it; for what is too large,
    or not JSON. This and the next one are left out while they say nothing."""
    upload: ArtifactBody | None = Field(default=None, exclude_if=lambda value: value is None)
    """The request's body is an artifact, in place of `body`."""


ToolKind = Annotated[
    PythonKind | ProcessKind | HttpKind | McpKind | ModelKind | SqlKind | HumanKind,
    Field(discriminator="kind"),
]
"""The one place where a new kind of tool joins the contract."""
