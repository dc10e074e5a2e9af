"""Releases for who lives without an event loop: the publisher follows them, and adds saved ones.

The ledger may come later than the publisher, and may go: each call opens it when it is not open,
and a failed one lets go of it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from remit.cli.stack.bundle import Bundle
from remit.decision.release import Draft, Release
from remit.ledger.errors import LedgerUnavailableError
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.releases import ReleaseStore

R = TypeVar("R")

SAVED_BY = "policy folder"
"""Author of releases that nobody made but by saving a file."""


class Releases:
    """The releases of the ledger at one address. Every call may raise `LedgerUnavailableError`."""

    def __init__(self, url: str) -> None:
        """Open nothing yet."""
        self._url = url
        self._runner = asyncio.Runner()
        self._ledger: SqlLedger | None = None

    def newest(self) -> Release | None:
        """Return the newest release."""
        return self._run(lambda store: store.newest())

    def newest_forward(self) -> Release | None:
        """Return the newest release that does not go back to an earlier one."""
        return self._run(lambda store: store.newest_forward())

    def bundle(self, release: Release) -> Bundle:
        """Return what a release put in force."""
        content = self._run(lambda store: store.archive(release))
        return Bundle(release.revision, content, release.key)

    def save(self, bundle: Bundle, after: int) -> Release:
        """Release what stands in the policy folder."""
        draft = Draft(revision=bundle.revision, key=bundle.key, origin="saved", author=SAVED_BY)
        return self._run(lambda store: store.publish(draft, bundle.content, after))

    def close(self) -> None:
        """Let go of the ledger."""
        self._drop()
        self._runner.close()

    def _run(self, ask: Callable[[ReleaseStore], Coroutine[None, None, R]]) -> R:
        try:
            if self._ledger is None:
                self._ledger = self._runner.run(open_ledger(self._url))
            return self._runner.run(ask(self._ledger.releases))
        except LedgerUnavailableError:
            self._drop()
            raise

    def _drop(self) -> None:
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            self._runner.run(ledger.close())
