"""Artifacts that nothing names any more go, and the run that brought them tells of it.

An artifact stays as long as one call that brought it is open or in doubt, or its output stands in
the ledger and names the artifact. Outputs go by data class or by order (`workers.forgetter`); what
they named goes behind them. The record is written first: a process that dies in between leaves an
artifact that the next round finds again, and a second record.
"""

import asyncio
import json

import structlog

from remit.canonical import Digest, JSONObject
from remit.ledger.entries import Record, State
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.ledger.protocol import Ledger
from remit.ledger.references import digests_in
from remit.plan.path import StepKey
from remit.stores.artifacts import ArtifactError, ArtifactStore, Stored
from workers.rounds import repeat

SETTLED_S = 3600.0
"""An artifact is left alone for this long after a call brought it, in seconds."""
_log = structlog.get_logger("workers.artifacts")


class ArtifactKeeper:
    """Keeps one store of artifacts in step with one ledger."""

    def __init__(self, store: ArtifactStore, ledger: Ledger, settled_s: float = SETTLED_S) -> None:
        """Look at artifacts that nobody brought within `settled_s` seconds."""
        self._store = store
        self._ledger = ledger
        self._settled_s = settled_s

    async def run(self, stop: asyncio.Event, every_s: float) -> None:
        """Work until `stop`; a fault of one round is logged and the next one tries again."""
        faults = (LedgerError, LedgerUnavailableError, ArtifactError, OSError)
        await repeat(self.round, stop, every_s, faults, _log)

    async def round(self) -> int:
        """Remove what nothing names any more; return how many artifacts."""
        removed = 0
        for stored in await asyncio.to_thread(lambda: list(self._store.settled(self._settled_s))):
            removed += await self._look(stored)
        return removed

    async def _look(self, stored: Stored) -> bool:
        claims = await asyncio.to_thread(stored.claims)
        gone: list[StepKey] = []
        for claim in claims:
            try:
                key = StepKey.parse(claim)
            except ValueError:
                _log.warning("not a step key", artifact=stored.digest)
                return False
            if await self._holds(key, stored.digest):
                return False
            gone.append(key)
        for key in gone:
            body: JSONObject = {"artifact": stored.digest, "step_key": str(key)}
            if await self._ledger.run(key.root) is not None:
                await self._ledger.append(key.root, [Record("artifact_forgotten", body)])
        if not await asyncio.to_thread(self._store.remove, stored, claims):
            return False
        _log.info("artifact forgotten", artifact=stored.digest)
        return True

    async def _holds(self, key: StepKey, digest: Digest) -> bool:
        action = (await self._ledger.look(key)).action
        if action is None:
            return False
        if action.state in (State.OPEN, State.IN_DOUBT):
            return True
        if action.output is None:
            return False
        try:
            output = json.loads(await self._ledger.get(action.output))
        except LedgerError as error:
            if error.code == "CONTENT-FORGOTTEN":
                return False
            raise
        return digest in digests_in(output)
