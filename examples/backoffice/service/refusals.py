"""The answers that mean *no effect happened*: every refusal, its HTTP status and its stable code.

Owns the refusals that any operation may give; an area declares its own beside the operation
that gives them. A refusal is a 4xx and certain. A 5xx is never a refusal: the caller cannot
know what became of the request. A code, once released, is never renamed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way in which the service says no."""

    status: int
    """HTTP status, 400-499 (5xx only for the two unknown outcomes at the end of this file)."""
    code: str
    """Stable and in capitals; what a caller may branch on."""
    meaning: str
    """One sentence for the reader of the OpenAPI document."""


class RefusedError(Exception):
    """Raised to answer with `refusal`; whatever the operation had written is rolled back."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.message = message


INVALID_JSON = Refusal(400, "INVALID_JSON", "The body is not JSON.")
INVALID_KEY = Refusal(
    400, "INVALID_IDEMPOTENCY_KEY", "The Idempotency-Key is not 1 to 512 visible ASCII characters."
)
UNAUTHORIZED = Refusal(401, "UNAUTHORIZED", "The bearer token is missing or wrong.")
NOT_FOUND = Refusal(404, "NOT_FOUND", "There is no such path.")
METHOD_NOT_ALLOWED = Refusal(405, "METHOD_NOT_ALLOWED", "The path exists, the method does not.")
BODY_TIMEOUT = Refusal(408, "BODY_TIMEOUT", "The body did not arrive within the deadline.")
BODY_TOO_LARGE = Refusal(413, "BODY_TOO_LARGE", "The body is larger than 1 MiB.")
NOT_JSON = Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "The body is not sent as application/json.")
INVALID_REQUEST = Refusal(
    422, "INVALID_REQUEST", "A field of path, query or body is missing, unknown or malformed."
)
KEY_REUSED = Refusal(
    422,
    "IDEMPOTENCY_KEY_REUSED",
    "The key was used for another operation or with other fields; nothing was done.",
)

INTERNAL = Refusal(500, "INTERNAL", "The outcome is unknown: the service failed.")
UNAVAILABLE = Refusal(503, "UNAVAILABLE", "The outcome is unknown: the service did not get to it.")

READS = (INVALID_REQUEST,)
"""What every operation may answer."""
WRITES = (INVALID_JSON, INVALID_KEY, BODY_TIMEOUT, BODY_TOO_LARGE, NOT_JSON, KEY_REUSED)
"""What every operation with a body and a key may answer besides."""
UNKNOWN = (INTERNAL, UNAVAILABLE)
"""The answers after which the caller must find out what happened."""
