"""The sequencer: puts every record into the one signed log, about a second after it was written.

Part of the keeper and of nothing else: it alone holds the signing key. It works in its own process
and its own transactions, so that no governed call waits for it longer than for another worker's
write. A head is published after its batch stands in the ledger, never before: a head without its
batch would be a second history. Before it signs, it holds the ledger against the newest head that
was published, and signs nothing that did not grow out of it.
"""

import asyncio

import structlog

from remit.evidence.checkpoint import Checkpoint, CheckpointError, open_note
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.archiving import LogStore
from remit.stores.keyring import Keyring, KeysBusyError
from remit.stores.publishing import CheckpointStore, PublishedError
from workers.rounds import pause

_BREATH_S = 0.005
"""Pause between batches, in which other processes get the ledger's lock."""

_log = structlog.get_logger("workers.sequencer")


class LogRefusedError(Exception):
    """The ledger is not the one whose heads were published; nothing more is signed."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Sequencer:
    """Keeps the log of one ledger."""

    def __init__(self, log: LogStore, keys: Keyring, store: CheckpointStore) -> None:
        """Sequence `log`, sign with `keys`, publish to `store`."""
        self._log = log
        self._keys = keys
        self._store = store
        self._published: bytes | None = None
        self._told = ""

    async def run(self, stop: asyncio.Event, every_s: float) -> None:
        """Work until `stop`, once more at the end; a fault is told once and tried again."""
        while True:
            is_last = stop.is_set()
            await self._tried()
            if is_last:
                return
            await pause(stop, every_s)

    async def _tried(self) -> None:
        try:
            await self.round()
            self._told = ""
        except KeysBusyError:
            return
        except (LedgerError, LogRefusedError, CheckpointError) as error:
            self._tell(error.code, str(error))
        except PublishedError as error:
            self._tell("EVIDENCE-FORKED", str(error))
        except (LedgerUnavailableError, OSError) as error:
            self._tell("", str(error))

    def _tell(self, code: str, reason: str) -> None:
        if self._told != code + reason:
            self._told = code + reason
            _log.error("nothing is signed", code=code, reason=reason)

    async def round(self) -> int:
        """Sequence what waits and publish the newest head; return how many leaves were added."""
        added = 0
        if await self._log.is_waiting():
            with self._keys.held() as key:
                await self._check_published()
                while made := await self._log.sequence(key):
                    added += made.leaves
                    await asyncio.sleep(_BREATH_S)
        if added or self._published is None:
            await self._publish()
        return added

    async def _publish(self) -> None:
        """Publish the newest head, also one whose process died before it could."""
        notes = await self._log.heads(1)
        if not notes:
            return
        await self._check_published()
        head = self._opened(notes[0])
        self._store.put(head.size, notes[0])
        self._published = notes[0]

    async def _check_published(self) -> None:
        note = self._store.newest()
        if note is None:
            return
        head = self._opened(note)
        standing = await self._log.root_at(head.size)
        if standing is None:
            raise LogRefusedError(
                "EVIDENCE-TRUNCATED",
                f"a tree of {head.size} records was published, and the ledger's log is shorter",
            )
        if standing != head.root:
            raise LogRefusedError(
                "EVIDENCE-FORKED",
                f"the ledger's first {head.size} records are not those that were published",
            )

    def _opened(self, note: bytes) -> Checkpoint:
        return open_note(note, self._keys.publics())
