"""The one place where the console vouches for a vote.

In `light` nobody does: names are claims, and votes travel without a token. In `full` the console
is a trusted issuer, and signs each vote with a key of its own, after it has seen the login.
"""

from dataclasses import dataclass
from typing import Protocol

from remit.canonical import JSONObject


@dataclass(frozen=True, slots=True)
class Binding:
    """What a token is bound to besides the message itself."""

    root: str
    """Root chain id of the run."""
    verb: str
    body: JSONObject
    """The whole message, without a token."""
    by: str
    verified: bool
    """Whether the console's own login proved the name."""


class Signer(Protocol):
    """Whoever vouches for votes."""

    def token(self, binding: Binding) -> JSONObject | str | None:
        """Return what goes into the message as `token`; `None` for nothing."""


class Unsigned:
    """Nobody vouches."""

    def token(self, binding: Binding) -> None:
        """Return nothing: the name stays a claim."""
        return


def signed(signer: Signer, binding: Binding) -> JSONObject:
    """Return a message as it is sent."""
    token = signer.token(binding)
    return binding.body if token is None else {**binding.body, "token": token}
