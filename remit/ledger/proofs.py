"""A proof of who said something, as the ledger keeps it: never the token, only what names it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

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


def is_proven(body: JSONObject) -> bool:
    """Whether a record says that a token proved the name that stands in it."""
    return isinstance(body.get("proof"), dict)


class Voted(Protocol):
    """A vote as it was recorded, whoever read it."""

    @property
    def by(self) -> str:
        """Whose it is, or says it is."""

    @property
    def counted(self) -> bool:
        """Whether it counts."""

    @property
    def is_verified(self) -> bool:
        """Whether a token proved the name."""


def proven(votes: Iterable[Voted]) -> frozenset[str]:
    """Return the people of whose votes none that counts is a mere claim."""
    counted = [(vote.by, vote.is_verified) for vote in votes if vote.counted]
    claimed = {by for by, is_verified in counted if not is_verified}
    return frozenset(by for by, _ in counted) - claimed


def named(by: str, *, is_verified: bool) -> str:
    """Return a name for a sentence, marked where nobody proved it."""
    return f"{by} (unverified)" if by and not is_verified else by


REPLAYED = "TOKEN-REPLAYED"
"""Code of a token that proved something else before."""
