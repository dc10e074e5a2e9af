"""Tokens of messages and starts: verified before anything is judged, and never recorded.

A token is judged at the moment at which Temporal scheduled the activity first: who waits for OPA or
the ledger to come back loses nothing by it, and nobody but the server says when that was.
"""

from temporalio import activity

from remit.approval.tokens import Purpose, of_message, of_start, without_token
from remit.canonical import JSON, Digest
from remit.enforcement.point import EnforcementPoint
from remit.ledger.proofs import Proof
from remit.plan.deskwire import Message


class Proving:
    """Verifies tokens for the running activity."""

    def __init__(self, point: EnforcementPoint) -> None:
        """Ask the point whom to trust."""
        self._identity = point.identity

    async def message(
        self, purpose: Purpose, root: str, message: Message, by: str, action: str = ""
    ) -> Proof | None:
        """Return the proof that `by` sent a message; nothing when it carries no token.

        Args:
            purpose: `vote` or `order`.
            root: chain of the run that it is about.
            message: as it came, with its token.
            by: whom it names.
            action: digest of what stands at the gate, where the message states none.

        Raises:
            TokenError: it carries a token that proves nothing.
        """
        body = message.payload
        if not isinstance(body, dict) or "token" not in body:
            return None
        binding = of_message(self._identity.audience, purpose, root, message.name, body, action)
        return await self._identity.verify(body["token"], binding, _at_ms(), message.event, by)

    async def start(self, root: str, document: Digest, token: JSON) -> Proof:
        """Return the proof of who started a run.

        Args:
            root: the run's chain.
            document: digest of what it was started with.
            token: as it came.

        Raises:
            TokenError: it proves nothing.
        """
        binding = of_start(self._identity.audience, document)
        return await self._identity.verify(token, binding, _at_ms(), f"start:{root}")


def recordable(message: Message) -> Message:
    """Return a message as it may be recorded: without its token."""
    return message.model_copy(update={"payload": without_token(message.payload)})


def _at_ms() -> int:
    return int(activity.info().scheduled_time.timestamp() * 1000)
