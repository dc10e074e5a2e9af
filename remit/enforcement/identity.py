"""Verifies who said something, and turns a token into a proof that counts once.

Fails closed: without a readable file of whom to trust, nothing is verified. What a token proves is
who and what; whether that person may is policy's. No token enters a record, a log or a message.
"""

from collections.abc import Callable
from pathlib import Path

from remit.approval import tokens
from remit.approval.tokens import ALGORITHM, Binding, Envelope, TokenError
from remit.approval.trust import Trust, check_speaks
from remit.canonical import JSON
from remit.diagnostic import InvalidDocumentError
from remit.enforcement.keysets import KeySets
from remit.ledger.proofs import Proof
from remit.stores.identity import Watched, load_trust


class Identity:
    """What a deployment knows of who may say what they are."""

    def __init__(self, file: Path | None, namespace: str, clock: Callable[[], int]) -> None:
        """Trust whom `file` lists; without one, nobody."""
        self.audience = tokens.audience_of(namespace)
        self._trust = None if file is None else Watched(file, load_trust)
        self._keys = KeySets(file.parent if file else Path(), clock)

    async def verify(
        self, token: JSON, binding: Binding, at_ms: int, event: str, person: str = ""
    ) -> Proof:
        """Return the proof that a token is.

        Args:
            token: as it came.
            binding: what it must say.
            at_ms: when it was handed over, by Temporal's clock.
            event: what it is used for; used for another, it is refused when that is recorded.
            person: whom the message names; without one, whoever the token names.

        Raises:
            TokenError: it proves nothing.
        """
        trust = self._trusted()
        envelope = tokens.read_token(token)
        if envelope.is_ours:
            expires_ms = self._check_ours(trust, envelope, binding, at_ms)
            named = tokens.person_of(envelope)
        else:
            expires_ms, named = await self._check_oidc(trust, envelope, binding, at_ms)
        if person and named != person:
            told = f"the token names {named[:80]!r}, the message {person[:80]!r}"
            raise TokenError("TOKEN-PERSON", told)
        nonce = tokens.nonce_of(envelope)
        return Proof(named, envelope.issuer, envelope.key, nonce, expires_ms, event)

    def _trusted(self) -> Trust:
        if self._trust is None:
            told = "a token came, and nobody told this deployment whom to trust (REMIT_IDENTITY)"
            raise TokenError("TOKEN-UNTRUSTED", told)
        try:
            return self._trust.get()
        except InvalidDocumentError as error:
            code = error.diagnostics[0].code if error.diagnostics else "IDENTITY-UNREADABLE"
            told = f"the file of whom to trust cannot be used ({code}); nobody is believed"
            raise TokenError("TOKEN-UNTRUSTED", told) from error

    def _check_ours(self, trust: Trust, envelope: Envelope, binding: Binding, at_ms: int) -> int:
        key = trust.key(envelope.key, envelope.issuer, at_ms)
        tokens.check_signature(envelope, key.public, ALGORITHM)
        expires_ms = tokens.check_times(envelope, at_ms)
        person = tokens.person_of(envelope)
        check_speaks(key.issuer, key.speaks_for, key.purposes, person, binding.purpose)
        tokens.check_binding(envelope, binding)
        return expires_ms

    async def _check_oidc(
        self, trust: Trust, envelope: Envelope, binding: Binding, at_ms: int
    ) -> tuple[int, str]:
        issuer = trust.oidc.get(envelope.issuer)
        if issuer is None:
            raise TokenError("TOKEN-KEY-UNKNOWN", f"no issuer {envelope.issuer[:80]!r} is known")
        trust.check_revoked(envelope.key)
        algorithm = str(envelope.header["alg"])
        key = await self._keys.key(issuer, envelope.key, algorithm)
        tokens.check_signature(envelope, key, algorithm)
        expires_ms = tokens.check_times(envelope, at_ms)
        if not _is_for(envelope.claims.get("aud"), issuer.audience):
            raise TokenError("TOKEN-AUDIENCE", "the ID token is for another client")
        person = tokens.person_of(envelope, issuer.person)
        check_speaks(envelope.issuer, issuer.speaks_for, issuer.purposes, person, binding.purpose)
        tokens.check_nonce(envelope, binding)
        return expires_ms, person


def _is_for(audience: JSON, wanted: str) -> bool:
    # Several audiences are several clients that could hand each other's tokens on.
    return audience in (wanted, [wanted])
