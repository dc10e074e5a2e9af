"""How a long function says how far it came, and learns how far a lost attempt did.

    @tool(domain="crm", operation="write", idempotency="natural", heartbeat_s=10, …)
    def load(rows: list[Row], progress: Progress) -> Loaded:
        for number in range(progress.resume or 0, len(rows)):
            store(rows[number])
            progress.checkpoint(number + 1)

What is told travels with the heartbeat: a position, nothing that must not be seen in Temporal. Only
an attempt that takes over from a lost one, with the same arguments under the same step key, gets
it; a tool must be right without it.
"""

from collections.abc import Callable

from remit.canonical import JSON, canonical

MAX_BYTES = 2048
"""Largest value that may be told."""


class CallEndedError(Exception):
    """Raised in a function whose call is over: at its deadline, or because it was given up."""


class Progress:
    """What one call of a function has of it. Threads may use it."""

    def __init__(self, resume: JSON = None, tell: Callable[[JSON], None] | None = None) -> None:
        """Begin at `resume`; `tell` takes what the function says."""
        self.resume = resume
        """What the lost attempt told last; `None`: begin at the beginning."""
        self._tell = tell
        self._over = False

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for the call any more."""
        return self._over

    def checkpoint(self, value: JSON) -> None:
        """Tell that all up to `value` is done.

        Raises:
            CallEndedError: nobody waits any more; leave.
            ValueError: it has more than 2 KiB as JSON, or is no JSON.
        """
        if self.is_over:
            raise CallEndedError("the call is over")
        size = len(canonical(value))
        if size > MAX_BYTES:
            raise ValueError(f"{size} bytes; tell a position, at most {MAX_BYTES} bytes")
        if self._tell is not None:
            self._tell(value)

    def end(self) -> None:
        """Have the function leave at its next checkpoint."""
        self._over = True
