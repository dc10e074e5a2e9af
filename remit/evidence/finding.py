"""What a verification can find: stable codes, each with the exact place it speaks of."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """What is wrong, or worth knowing."""

    FORMAT = "EVIDENCE-FORMAT"
    """It is no such archive, or a part of it is malformed."""
    VERSION = "EVIDENCE-VERSION"
    """It has a format that this verifier does not know."""
    TOO_LARGE = "EVIDENCE-TOO-LARGE"
    """It is beyond the verifier's bounds."""
    EDITED = "EVIDENCE-EDITED"
    """A record or a content is not what its hash names."""
    MISSING = "EVIDENCE-MISSING"
    """Records between others are not there."""
    REORDERED = "EVIDENCE-REORDERED"
    """Records stand in another order than they were written in, or twice."""
    CHAIN = "EVIDENCE-CHAIN"
    """A record does not follow the one before it."""
    TRUNCATED = "EVIDENCE-TRUNCATED"
    """The tail was cut: of the run's chain, or of the whole log since a kept checkpoint."""
    FORKED = "EVIDENCE-FORKED"
    """It is not the history that was signed: written anew, or different for different readers."""
    SIGNATURE = "EVIDENCE-SIGNATURE"
    """A checkpoint is not signed by a known key."""
    KEY = "EVIDENCE-KEY"
    """A key is malformed, or signed what it may not sign."""
    PROOF = "EVIDENCE-PROOF"
    """A proof does not lead to the signed root."""
    UNPROVEN = "EVIDENCE-UNPROVEN"
    """What is needed to prove it is not in the archive."""
    ACTION_UNRECORDED = "EVIDENCE-ACTION-UNRECORDED"
    """An action is in the workflow's history and not in the ledger."""
    ACTION_UNKNOWN = "EVIDENCE-ACTION-UNKNOWN"
    """An action is in the ledger and not in the workflow's history."""
    UNCOVERED = "EVIDENCE-UNCOVERED"
    """The newest records are not in the signed tree yet."""
    UNSEALED = "EVIDENCE-UNSEALED"
    """The run has no seal: it was open, or nobody closed it."""
    CONTENT_ABSENT = "EVIDENCE-CONTENT-ABSENT"
    """A content that records name is not in the archive; it may have been forgotten."""
    HISTORY_ABSENT = "EVIDENCE-HISTORY-ABSENT"
    """There is no projection of the workflow's history to compare with."""


NOTES = frozenset({Code.UNCOVERED, Code.UNSEALED, Code.CONTENT_ABSENT, Code.HISTORY_ABSENT})
"""Findings that say what is not proved, and refute nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """One finding."""

    code: Code
    place: str
    """`record 17`, `content sha256:…`, `checkpoint`, …: what it speaks of."""
    message: str

    @property
    def is_note(self) -> bool:
        """Whether it refutes nothing."""
        return self.code in NOTES


class EvidenceError(ValueError):
    """Evidence that cannot be read any further; `found` says why."""

    def __init__(self, code: Code, place: str, message: str) -> None:
        self.found = Found(code, place, message)
        super().__init__(f"{code} at {place}: {message}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification came to."""

    root: str
    """Root chain id of the run; empty when the archive could not be read so far."""
    records: int
    covered: int
    """Records that a signed tree head covers."""
    size: int
    """Leaves of the signed tree; 0 without one."""
    findings: Sequence[Found]

    @property
    def holds(self) -> bool:
        """Whether nothing was refuted."""
        return all(found.is_note for found in self.findings)
