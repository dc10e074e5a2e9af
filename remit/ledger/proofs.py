"""A proof of who said something, as the ledger keeps it: never the token, only what names it."""

from dataclasses import dataclass

from remit.canonical import JSONObject


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified token; it counts once, for one message or start."""

    person: str
    issuer: str
    key: str
    """Id of the key that signed it."""
    nonce: str
    expires_ms: int
    event: str
    """The message or start that it proves; the same may come again, another may not."""

    def recorded(self) -> JSONObject:
        """Return what a record says of it."""
        return {"issuer": self.issuer, "key": self.key, "nonce": self.nonce}


REPLAYED = "TOKEN-REPLAYED"
"""Code of a token that proved something else before."""
