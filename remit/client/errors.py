"""What the client says when Temporal does not do what was asked: a stable code and a way out.

ClientError    anything below
"""

from enum import StrEnum

from temporalio.service import RPCError, RPCStatusCode

from remit.diagnostic import Diagnostic


class ClientCode(StrEnum):
    """Every code that this package gives."""

    UNREACHABLE = "TEMPORAL-UNREACHABLE"
    """The server does not answer within the deadline."""
    REFUSED = "TEMPORAL-REFUSED"
    """The server answered, and said no."""
    RUN_UNKNOWN = "RUN-UNKNOWN"
    """There is no run of this id, or its history is no longer kept."""
    NOT_A_RUN = "RUN-NOT-OURS"
    """A workflow has this id, but it executes no plan."""


class ClientError(Exception):
    """The client cannot go on; `diagnostic` says why and what to do."""

    def __init__(self, code: ClientCode, message: str, *, hint: str) -> None:
        self.diagnostic = Diagnostic(code=code.value, path="", message=message, hint=hint)
        super().__init__(f"{code.value}: {message}")


_AWAY = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
)


def from_rpc(error: RPCError, about: str) -> ClientError:
    """Return what a failed call means.

    Args:
        error: as the SDK raised it.
        about: what was asked for, e.g. `run 'x'`.
    """
    if error.status == RPCStatusCode.NOT_FOUND:
        hint = "`temporal workflow list` shows those that the server keeps"
        return ClientError(ClientCode.RUN_UNKNOWN, f"the server knows no {about}", hint=hint)
    if error.status in _AWAY:
        return unreachable(about, error.message)
    hint = "see the server's log; `remit status` names it"
    return ClientError(ClientCode.REFUSED, f"{about}: {error.message}", hint=hint)


def unreachable(about: str, why: str) -> ClientError:
    """Return the error for a server that does not answer."""
    message = f"Temporal does not answer about {about}: {why}"[:500]
    return ClientError(ClientCode.UNREACHABLE, message, hint="`remit up` brings it back")
