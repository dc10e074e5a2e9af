"""Signs what a person says with a key, so that the run's own process can verify who said it.

Owns the clock and the randomness of tokens; what a token is stands in `remit.approval.tokens`. No
key leaves the process that reads it.
"""

import secrets
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from remit.approval.tokens import Binding, Purpose, audience_of, mint, of_message, of_start
from remit.canonical import Digest, JSONObject


@dataclass(frozen=True, slots=True)
class Signer:
    """A key, and for whom it speaks on which namespace."""

    key: Ed25519PrivateKey
    namespace: str
    issuer: str = ""
    """Whose key it is, when it is not the person's own."""

    def message(
        self, purpose: Purpose, root: str, name: str, body: JSONObject, action: str = ""
    ) -> JSONObject:
        """Return a message with a token that proves that its `by` says so.

        Args:
            purpose: `vote`, or `order` for whatever is about no gate.
            root: root chain id of the run; `stops` for an order about none.
            name: of the message.
            body: the whole message; nothing can be added to it afterwards.
            action: digest of what stands at the gate; the one in the message counts before it.
        """
        binding = of_message(audience_of(self.namespace), purpose, root, name, body, action)
        return {**body, "token": self._mint(str(body["by"]), binding)}

    def start(self, person: str, document: Digest) -> JSONObject:
        """Return what goes beside a document to prove who starts it."""
        return {"token": self._mint(person, of_start(audience_of(self.namespace), document))}

    def _mint(self, person: str, binding: Binding) -> str:
        nonce = secrets.token_urlsafe(24)
        return mint(
            self.key, person, binding, at_s=int(time.time()), nonce=nonce, issuer=self.issuer
        )


def signed(signer: Signer | None, root: str, name: str, order: JSONObject) -> JSONObject:
    """Return an order as it is sent: signed, where somebody signs."""
    return order if signer is None else signer.message("order", root, name, order)
