"""What was found in a value: where, of which class, how surely; never the value itself.

What a further reader found goes by the text that it read, and nobody is told of that: it serves to
take out what was found, as long as the call lasts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

SURE = 50
"""From this confidence (of 100) on a class counts as there: it flows on, and rules see it."""
MOST_LISTED = 64
"""Findings that are told one by one; their classes are told all."""
FAMILIES = {
    "email": "pii",
    "phone": "pii",
    "iban": "pii",
    "payment_card": "pii",
    "national_id": "pii",
    "ip_address": "pii",
    "secret": "secret",
    "marking": "confidential",
    "person": "pii",
    "location": "pii",
}
"""Classes that may be found, and the data class that each belongs to."""
CLASSES = tuple(FAMILIES)
FURTHER = frozenset({"person", "location"})
"""Those that only a further reader finds (`remit.enforcement.presidio`)."""


@dataclass(frozen=True, slots=True)
class Match:
    """One place in a text."""

    begin: int
    end: int
    data_class: str
    confidence: int


Read = Mapping[str, Sequence[Match]]
"""What a further reader found in texts, by the text; one that is not in it was not read."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One class at one place."""

    at: str
    """JSON pointer. Where a member's name holds it, the object that has the member."""
    data_class: str
    confidence: int
    """Of 100."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found in one value."""

    findings: Sequence[Finding] = ()
    """By place and class, each with its highest confidence."""
    is_whole: bool = True
    """Whether everything was looked through; if not, anything may be in the rest."""
    read: Read | None = field(default=None, compare=False, repr=False)
    """What a further reader found in the texts, for taking it out; `None`: there is none."""

    @property
    def classes(self) -> list[str]:
        """Classes that are there for all we know; sorted."""
        return sorted({one.data_class for one in self.findings if one.confidence >= SURE})


NOTHING = Detection()


def joined(classes: Iterable[str]) -> set[str]:
    """Return found classes together with the data classes that they belong to."""
    found = set(classes)
    return found | {FAMILIES[one] for one in found if one in FAMILIES}


def families(classes: Iterable[str]) -> frozenset[str]:
    """Return the data classes that found and declared classes belong to."""
    return frozenset(FAMILIES.get(one, one) for one in classes)
