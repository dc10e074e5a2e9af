"""How an amended plan takes the place of the one admitted. Pure.

The admission of the plan that was in force keeps its row under a path of its own, so that calls
begun under it are still covered; barriers keep everything else of it from beginning.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from remit.canonical import Digest
from remit.ledger.entries import Admission


@dataclass(frozen=True, slots=True)
class Amending:
    """An amendment that was decided and is to be recorded."""

    admission: Admission
    """The one that is in force from now on."""
    base: Digest
    """The compiled plan that must be in force until then."""
    generations: Mapping[str, int]
    """Steps replaced or dropped: the lowest generation of each that may begin from now on."""


def earlier(path: str, compiled: Digest) -> str:
    """Return the path under which the admission of an amended plan is kept."""
    return f"{path}#{compiled}"
