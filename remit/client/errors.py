"""What the client says when Temporal does not do what was asked: a stable code and a way out.

ClientError     the server is away, or knows no such run
RefusedError    the run, policy or the ledger said no
"""

from enum import StrEnum

from pydantic import ValidationError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from remit.canonical import JSONObject
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
    TRUST = "TEMPORAL-TRUST"
    """How the server is known, or we to it, is stated by half or cannot be read."""
    PAYLOAD_KEY = "PAYLOAD-KEY"
    """A payload is encrypted with a key that is not at hand, or a reference leads to no key."""
    PAYLOAD_ALTERED = "PAYLOAD-ALTERED"
    """An encrypted payload is not what its key encrypted."""
    PAYLOAD_READABLE = "PAYLOAD-READABLE"
    """Payloads are to be encrypted, and what would be sent can be read."""


class ClientError(Exception):
    """The client cannot go on; `diagnostic` says why and what to do."""

    def __init__(self, code: ClientCode, message: str, *, hint: str) -> None:
        self.diagnostic = Diagnostic(code=code.value, path="", message=message, hint=hint)
        super().__init__(f"{code.value}: {message}")


class RefusedError(Exception):
    """Nothing was changed, or nobody answered; `diagnostics` says why, with everything wrong."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__("; ".join(f"{found.code}: {found.message}" for found in diagnostics))


def refused(code: str, message: str, hint: str = "") -> RefusedError:
    """Return a refusal for one reason."""
    return RefusedError((Diagnostic(code=code, path="", message=message, hint=hint),))


def from_failure(cause: BaseException, otherwise: str) -> RefusedError:
    """Return the refusal that a failed update or workflow means.

    Args:
        cause: what the SDK gives as the failure's cause.
        otherwise: the code when the cause has none, e.g. `RUN-NOT-AT-WORK`.
    """
    if not isinstance(cause, ApplicationError):
        return refused(otherwise, str(cause))
    told: JSONObject = cause.details[0] if cause.details else {}
    listed = told.get("diagnostics")
    try:
        found = tuple(map(Diagnostic.model_validate, listed if isinstance(listed, list) else ()))
    except ValidationError:
        found = ()
    code = cause.type or otherwise
    return RefusedError(found) if found else refused(code, cause.message.removeprefix(f"{code}: "))


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
