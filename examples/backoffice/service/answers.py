"""The JSON answers of the service, and its one form of error."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from .contract import Answer
from .refusals import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, RefusedError


class Error(Answer):
    """What every answer of 400 and above holds."""

    code: Annotated[str, Field(pattern="^[A-Z0-9_]+$")]
    """Stable: branch on this."""
    message: str
    """For people: may change."""


def as_json(body: bytes, status: int = 200) -> Response:
    """Return a JSON answer from bytes that are JSON already."""
    return Response(body, status, media_type="application/json")


def as_error(refused: RefusedError) -> Response:
    """Return the answer to a refused request."""
    error = Error(code=refused.refusal.code, message=refused.message)
    return as_json(error.model_dump_json().encode(), refused.refusal.status)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer for a path or a method that does not exist."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    refusal = METHOD_NOT_ALLOWED if status == METHOD_NOT_ALLOWED.status else NOT_FOUND
    return as_error(RefusedError(refusal, f"{request.method} {request.url.path}"))


async def on_crash(request: Request, error: Exception) -> Response:
    """Answer for a fault of our own; the log has the details, the caller gets none."""
    return as_error(
        RefusedError(INTERNAL, "the service failed; what became of the request is unknown")
    )
