"""From an HTTP request to a validated question.

Owns the bounds on what comes in: size and time of a body, the form of a key, the fields. Must
never touch the store. Messages name fields and never repeat values: they may be secret.
"""

from __future__ import annotations

import asyncio
import re

from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from .contract import Operation, Question
from .refusals import (
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    INVALID_JSON,
    INVALID_KEY,
    INVALID_REQUEST,
    NOT_JSON,
    RefusedError,
)

MAX_BODY = 1024 * 1024
"""Bytes."""
BODY_DEADLINE_S = 10.0


def read_key(request: Request, operation: Operation) -> str | None:
    """Return the idempotency key of a write, or None when there is none."""
    key = request.headers.get("idempotency-key")
    if key is None or not operation.says.writes:
        return None
    if not re.fullmatch(r"[\x21-\x7e]{1,512}", key):
        raise RefusedError(INVALID_KEY, "Idempotency-Key takes 1 to 512 visible ASCII characters")
    return key


async def _collect(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise RefusedError(BODY_TOO_LARGE, f"a body may have {MAX_BODY} bytes")
    return bytes(body)


async def _read_body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise RefusedError(BODY_TOO_LARGE, f"a body may have {MAX_BODY} bytes")
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            return await _collect(request)
    except TimeoutError:
        raise RefusedError(BODY_TIMEOUT, f"no full body within {BODY_DEADLINE_S:.0f} s") from None
    except ClientDisconnect:
        raise RefusedError(INVALID_JSON, "the body was cut off") from None


async def _read_object(request: Request) -> dict[str, object]:
    raw = await _read_body(request)
    if not raw:
        return {}
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise RefusedError(NOT_JSON, "send the body as application/json")
    try:
        body = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise RefusedError(INVALID_JSON, f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise RefusedError(INVALID_REQUEST, "the body is not a JSON object")
    return body


def _explain(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    named = (f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in found[:5])
    return "; ".join(named)


async def read_question(request: Request, operation: Operation) -> Question:
    """Read and validate path, query and body.

    Raises:
        RefusedError: Too large, too slow, not JSON, or not what the operation asks for.
    """
    path: dict[str, str] = request.path_params
    try:
        if not operation.says.has_body:
            words = {**request.query_params, **path}
            return operation.asks.model_validate_strings(words)
        body = await _read_object(request)
        if twice := sorted(path.keys() & body.keys()) + sorted(request.query_params):
            raise RefusedError(
                INVALID_REQUEST, f"not fields of the body or query: {', '.join(twice)}"
            )
        return operation.asks.model_validate({**body, **path})
    except ValidationError as error:
        raise RefusedError(INVALID_REQUEST, _explain(error)) from None
