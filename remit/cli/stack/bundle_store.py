"""The bundle that is served now, on disk and in memory, and what there is to say about it.

Owns `bundle/remit.tar.gz` and `bundle/status.json`. The last good bundle is replaced by a new one
only, never by an error; an error stands beside it until a bundle replaces both. Safe to use from
several threads.
"""

import threading
from datetime import UTC, datetime
from pathlib import Path

from remit.canonical import Digest, digest_bytes
from remit.cli.stack.bundle import Bundle
from remit.cli.stack.bundle_status import STATUS, BundleStatus, read_status
from remit.diagnostic import Diagnostic
from remit.stores.atomic import write_atomically

ARCHIVE = "remit.tar.gz"


class BundleStore:
    """Holds the last good bundle; waiting readers wake when it changes."""

    def __init__(self, folder: Path) -> None:
        """Take up the bundle that an earlier publisher left in `folder`, if it is whole."""
        self._folder = folder
        self._changed = threading.Condition()
        self._bundle: Bundle | None = None
        self._status = BundleStatus()
        self._closed = False
        self._recover()
        self._say(self._status)

    @property
    def status(self) -> BundleStatus:
        """The status now."""
        with self._changed:
            return self._status

    def publish(self, bundle: Bundle, serial: int) -> None:
        """Make `bundle` the one that is served, as the release `serial`."""
        with self._changed:
            status = BundleStatus(
                revision=bundle.revision,
                serial=serial,
                archive_digest=digest_bytes(bundle.content),
                activated_at=datetime.now(UTC),
            )
            write_atomically(self._folder / ARCHIVE, bundle.content)
            self._bundle = bundle
            self._say(status)
            self._changed.notify_all()

    def fail(self, error: Diagnostic) -> None:
        """Record why the sources cannot become a bundle; what is served stays."""
        with self._changed:
            self._say(
                self._status.model_copy(update={"error": error, "failed_at": datetime.now(UTC)})
            )

    def settle(self) -> None:
        """Record that the sources are again those of the bundle that is served."""
        with self._changed:
            if self._status.error is not None:
                self._say(self._status.model_copy(update={"error": None, "failed_at": None}))

    def wait(self, known: str | None, timeout_s: float) -> tuple[Bundle, Digest] | None:
        """Return the bundle and its digest, at once unless that is `known`; then when it changes.

        Returns `None` while there is none; after `timeout_s` whatever there is.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._digest() != known, timeout_s)
            digest = self._digest()
            return None if self._bundle is None or digest is None else (self._bundle, digest)

    def close(self) -> None:
        """Wake all readers, for the end of the process."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _digest(self) -> Digest | None:
        return None if self._bundle is None else self._status.archive_digest

    def _say(self, status: BundleStatus) -> None:
        self._status = status
        write_atomically(self._folder / STATUS, status.model_dump_json(indent=2).encode())

    def _recover(self) -> None:
        status = read_status(self._folder)
        try:
            content = (self._folder / ARCHIVE).read_bytes()
        except OSError:
            return
        if status.revision is not None and digest_bytes(content) == status.archive_digest:
            self._bundle = Bundle(status.revision, content)
            self._status = status
