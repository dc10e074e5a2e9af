"""The one place where the console vouches for a vote or an order.

Where names need no proof nobody does: they are claims, and words travel without a token. Elsewhere
the console is an issuer that the deployment trusts (`issuers` of `identity.yaml`), and signs each
word with a key of its own, once it has seen the login. For orders the issuer must be trusted with
them too (`purposes`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from remit.canonical import JSONObject
from remit.client.signing import Signer, load_key

ISSUER = "console"
"""Under which name the file of whom to trust knows the console's key."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a token is bound to besides the message itself."""

    root: str
    """Root chain id of the run."""
    verb: str
    body: JSONObject
    """The whole message, without a token."""
    verified: bool
    """Whether the console's own login proved the name."""
    purpose: Literal["vote", "order"] = "vote"


def signer_of(file: Path | None, namespace: str) -> Signer | None:
    """Return who vouches for logins; without a key nobody does.

    Raises:
        KeyFileError: the file holds no key that may be used.
    """
    return None if file is None else Signer(load_key(file).key, namespace, ISSUER)


def signed(signer: Signer | None, binding: Binding) -> JSONObject:
    """Return a message as it is sent: signed only for a name that a login proved."""
    if signer is None or not binding.verified:
        return binding.body
    return signer.message(binding.purpose, binding.root, binding.verb, binding.body)
