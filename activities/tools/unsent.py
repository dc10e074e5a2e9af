"""Why a call is not even sent: one code for each reason, whatever kind of tool it is of."""

from time import monotonic

import httpx2

from activities.tools.egress import EgressError
from activities.tools.extra import ExtraError
from activities.tools.tunnel import ProxyRefusedError
from remit.secrets.errors import SecretError
from remit.tool.address import AddressError
from remit.tool.call import Refused, ToolCall, withheld
from remit.tool.pointer import PointerError
from remit.tool.template import TemplateError

UNSENT = (
    *(AddressError, EgressError, ExtraError, PointerError, ProxyRefusedError),
    *(SecretError, TemplateError, httpx2.InvalidURL),
)
"""What keeps a call from being sent; see `unsent`."""


def unsent(call: ToolCall, error: Exception) -> Refused:
    """Return the refusal of a call that could not be sent because of `error`."""
    ref = call.contract.ref
    match error:
        case SecretError():
            return withheld("TOOL-SECRET", f"{ref}: {error.code}: {error}", again=error.again)
        case EgressError() | ProxyRefusedError():
            return withheld("TOOL-EGRESS", f"{ref}: {error}")
        case ExtraError():
            return withheld("TOOL-EXTRA", f"{ref}: {error}")
    return withheld("TOOL-REQUEST", f"{ref}: no request can be made: {error}")


def too_late(call: ToolCall) -> Refused | None:
    """Return the refusal of a call whose deadline is over before it is sent."""
    if monotonic() < call.deadline:
        return None
    message = f"{call.contract.ref}: its deadline is over; nothing was called"
    return withheld("TOOL-DEADLINE", message, again=True)
