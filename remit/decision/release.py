"""A release: which policies shall decide from a moment on, and who says so.

A revision names what policies say, and so has no order; releases have one. Each has the serial
number behind the one before it. Going back to earlier policies is a release too: their archive
again, under a new serial. Nothing here does I/O.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from remit.canonical import Digest

CHAIN = "policy"
"""The chain of what is about policies themselves: releases and approvals. No run is called so, for
those are UUIDs."""
Origin = Literal["saved", "published", "rolled_back"]
"""`saved`: the publisher took the policy folder as it was saved. `published`: a person did.
`rolled_back`: a person went back to an earlier release."""


class Draft(BaseModel):
    """What whoever releases says; the ledger gives it its place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revision: Digest
    key: str
    """Id of the key that signed the archive."""
    origin: Origin
    author: str
    reason: str = ""
    approvals: tuple[str, ...] = ()
    """Who agreed, where somebody had to."""
    report: str = ""
    """Digest of the what-if report that it was judged by; empty when nothing was asked."""
    raises_floor: bool = False
    """Whether releases before it must not decide any more, however they come to be active."""


class Release(BaseModel):
    """One release, as the ledger holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    serial: int
    revision: Digest
    archive: Digest
    """Of the signed archive."""
    key: str
    origin: Origin
    author: str
    reason: str
    approvals: tuple[str, ...]
    report: str
    floor: int
    """Smallest serial that may still decide, as of this release."""
    published_ms: int
