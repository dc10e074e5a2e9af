"""Answers that were not good enough: kept apart under a reference until somebody decides.

The answer stays in the content store, where whatever holds for outputs holds for it too. No step
reads it. Released, the very same answer of the same tool passes in any run of the tenant;
discarded, its body goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from remit.canonical import Digest, JSONObject, digest

State = Literal["held", "released", "discarded"]
_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Why an answer goes into quarantine."""

    code: str
    owner: str
    """Who answers for the data."""
    misses: Sequence[JSONObject]
    """`{code, at, message}` of each bound that it misses; never a value."""


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """One answer in quarantine, or one that was."""

    reference: str
    root: str
    path: str
    tenant: str
    tool: str
    contract: Digest
    owner: str
    code: str
    misses: Sequence[JSONObject]
    output: Digest
    size: int
    """Bytes of its canonical JSON."""
    at_ms: int
    state: State = "held"
    by: str = ""
    reason: str = ""
    ended_ms: int = 0


def reference_of(root: str, path: str) -> str:
    """Return the name by which people speak of the answer of a call."""
    return "q-" + digest({"root": root, "path": path}).removeprefix("sha256:")[:_LENGTH]
