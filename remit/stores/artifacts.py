"""The artifact store: large results by the digest of their bytes, for each tenant apart.

`ArtifactStore` is the port, `remit.stores.artifact_folder` a folder behind it. Its methods block:
whoever has an event loop calls them in a thread. Nothing here keeps an artifact in memory.

An artifact stands as a whole or not at all. It is claimed by the step key of each call that brought
it, and goes when no claim holds any more: a claim holds while its call is open, and as long as
the ledger has the output that names the artifact. So what a data class says of outputs, and an
order to forget them, holds for artifacts too (`workers.artifacts`).
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from remit.canonical import Digest

CHUNK_BYTES = 256 * 1024
"""How much of an artifact is read or written at a time."""


class ArtifactError(Exception):
    """An artifact cannot be had or kept.

    `ARTIFACT-ABSENT`, `ARTIFACT-DIFFERS`, `ARTIFACT-NO-ROOM`, `ARTIFACT-TOO-LARGE`, or
    `CONTENT-KEY` of the vault.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Incoming(Protocol):
    """An artifact on its way in."""

    def write(self, chunk: bytes) -> None:
        """Take more bytes; `ARTIFACT-TOO-LARGE` beyond what was agreed."""

    def finish(self) -> tuple[Digest, int]:
        """Keep it, durably and under its claim; return digest and length."""

    def abandon(self) -> None:
        """Let go of what was not finished; afterwards changes nothing."""


class Stored(Protocol):
    """An artifact that the store holds."""

    @property
    def digest(self) -> Digest:
        """SHA-256 of its bytes."""

    @property
    def size(self) -> int:
        """Its bytes."""

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes; `ARTIFACT-DIFFERS` or `CONTENT-KEY` when they cannot be trusted."""

    def verify(self) -> None:
        """Read it through once; `ARTIFACT-DIFFERS` when it is not what its digest names."""

    def claims(self) -> Sequence[str]:
        """Return the step keys of the calls that brought it."""


class ArtifactStore(Protocol):
    """The port to the artifacts."""

    def begin(self, tenant: str, step_key: str, most: int) -> Incoming:
        """Begin to take in at most `most` bytes; `ARTIFACT-NO-ROOM` when there is no place."""

    def find(self, tenant: str, digest: Digest) -> Stored:
        """Return a tenant's artifact; `ARTIFACT-ABSENT` when that tenant has none such."""

    def everywhere(self, digest: Digest) -> Sequence[Stored]:
        """Return an artifact as all tenants hold it: for who keeps the store."""

    def settled(self, age_s: float) -> Iterator[Stored]:
        """Yield all that nobody brought within `age_s` seconds; drops what was abandoned long
        ago."""

    def remove(self, stored: Stored, claims: Sequence[str]) -> bool:
        """Remove an artifact unless it has other claims than these by now; return whether."""
