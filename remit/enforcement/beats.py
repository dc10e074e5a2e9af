"""Heartbeats of one activity attempt, and what they carry: how far a long call came.

Temporal keeps what the last heartbeat carried and forgets what an earlier one did. So each of them
carries it, those that only say that the worker lives too.
"""

from collections.abc import Callable, Sequence

from remit.canonical import JSON, Digest


def _nobody(*details: object) -> None:
    return None


class Beats:
    """What one attempt tells Temporal. To be used on the event loop."""

    def __init__(self, send: Callable[..., None] = _nobody, details: Sequence[object] = ()) -> None:
        """Tell through `send`; `details` are what an earlier attempt told last."""
        self._send = send
        self._details = tuple(details)

    def __call__(self) -> None:
        """Tell that the call lives."""
        self._send(*self._details)

    def mark(self, of: Digest, value: JSON) -> None:
        """Tell how far the call with this enforced digest came."""
        self._details = ({"of": of, "value": value},)
        self()

    def last(self, of: Digest) -> JSON:
        """Return how far a call with this enforced digest came before; `None` when nobody said."""
        match self._details:
            case ({"of": str(named), "value": value},) if named == of:
                found: JSON = value
                return found
        return None

    def forget(self) -> None:
        """Let go of what was told: a call begins anew."""
        if self._details:
            self._details = ()
            self()
