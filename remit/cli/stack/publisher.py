"""The process that serves policies to OPA; `publisher_start` starts it.

It serves the ledger's newest release, whoever made it. It makes releases itself too: it polls the
policy folders by content, waits until an edit has settled, builds, signs, and releases what differs
from the last release that went forward, so that a rollback is not undone by what still stands in
the folder. Where policies are reviewed it does so for the very first release alone, which no
policies could judge. A broken edit is reported in the log and in `status.json`; the last good
bundle stays. Only without any good bundle, at the very first start, a broken policy ends the
process. Without the ledger it serves on what it has. It never evaluates a policy and holds no
secret but the signing key's file name. Being the one process of our own that always runs, it also
keeps the stack's logs within their bounds.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from remit.canonical import Digest
from remit.cli.stack.bundle import Bundle, BundleBuilder
from remit.cli.stack.bundle_server import BundleServer
from remit.cli.stack.bundle_store import BundleStore
from remit.cli.stack.errors import PolicyError, StackError
from remit.cli.stack.logs import bound
from remit.cli.stack.publisher_settings import PublisherSettings
from remit.cli.stack.releasing import Releases
from remit.cli.stack.signing import read_key
from remit.cli.stack.sources import CORE, PROJECT, PolicyRoot, PolicySources
from remit.cli.stack.watching import WatchedSources
from remit.decision.release import Release
from remit.ledger.errors import LedgerError, LedgerUnavailableError

_POLL_S = 0.3
_AGAIN_S = 1.0
_LOGS_S = 15.0
_SETTLE_S = 0.1
"""An editor that truncates and writes is seen half way; half a policy may be valid, and weaker."""


class Publisher:
    """Follows the releases and the sources step by step."""

    def __init__(self, settings: PublisherSettings, store: BundleStore, releases: Releases) -> None:
        """Prepare; nothing is read yet."""
        roots = (PolicyRoot(CORE, settings.core), PolicyRoot(PROJECT, settings.project))
        self._watched = WatchedSources(roots)
        self._settings = settings
        self._store = store
        self._releases = releases
        self._seen: Digest | None = None
        self._tried: str | None = None
        self._problem = ""

    def step(self) -> float:
        """Look at releases and sources once; return the next pause, in seconds.

        An edit is taken when two readings in a row are equal.
        """
        try:
            newest = self._follow()
            pause = _POLL_S
            if newest is None or not self._settings.reviewed:
                pause = self._watch()
            self._problem = ""
            return pause
        except (LedgerError, LedgerUnavailableError, OSError) as error:
            # A ledger that is away, or a full disk, is no fault of the policy: try again.
            self._tried = None
            if str(error) != self._problem:
                self._problem = str(error)
                _log("not released or not served", reason=self._problem)
            return _AGAIN_S

    def _follow(self) -> Release | None:
        """Serve the newest release, and return it."""
        newest = self._releases.newest()
        served = self._store.status
        if newest and (newest.serial, newest.archive) != (served.serial, served.archive_digest):
            self._serve(self._releases.bundle(newest), newest)
        return newest

    def _watch(self) -> float:
        """Look at the sources once, release them if they have settled; return the next pause."""
        try:
            sources = self._watched.read()
        except PolicyError as error:
            self._refuse(error, error.diagnostic.message)
            return _POLL_S
        if sources.digest == self._tried:
            return _POLL_S
        if sources.digest != self._seen:
            self._seen = sources.digest
            return _SETTLE_S
        self._release(sources)
        return _POLL_S

    def _release(self, sources: PolicySources) -> None:
        self._tried = sources.digest
        try:
            key = read_key(self._settings.key_file, self._settings.scope)
            bundle = BundleBuilder(self._settings.opa, key).build(sources)
            last = self._releases.newest_forward()
            if last and (last.revision, last.key) == (bundle.revision, bundle.key):
                self._store.settle()
                return
            newest = self._releases.newest()
            made = self._releases.save(bundle, newest.serial if newest else 0)
            self._serve(bundle, made)
        except StackError as error:
            self._refuse(error, sources.digest)

    def _serve(self, bundle: Bundle, release: Release) -> None:
        self._store.publish(bundle, release.serial)
        _log("published", serial=release.serial, revision=release.revision, author=release.author)

    def _refuse(self, error: StackError, cause: str) -> None:
        """Report `error`, once as long as it stays the same."""
        self._tried = cause
        if self._store.status.error != error.diagnostic:
            self._store.fail(error.diagnostic)
            _log("refused", **error.diagnostic.model_dump())


def run(settings: PublisherSettings) -> int:
    """Publish until SIGTERM or SIGINT; return the exit status."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    store = BundleStore(settings.folder)
    try:
        server = BundleServer(settings.port, store, settings.host)
    except OSError as error:
        _log("cannot listen", port=settings.port, reason=error.strerror or str(error))
        return 1
    threading.Thread(target=server.serve_forever, daemon=True).start()
    releases = Releases(settings.ledger)
    publisher = Publisher(settings, store, releases)
    looked_at_logs = 0.0
    while not stopping.wait(publisher.step()) and not _is_hopeless(store):
        if time.monotonic() - looked_at_logs > _LOGS_S:
            looked_at_logs = time.monotonic()
            _bound_logs(settings.logs)
    releases.close()
    store.close()  # readers that wait are answered; the server's threads end with the process
    return 1 if _is_hopeless(store) else 0


def _is_hopeless(store: BundleStore) -> bool:
    """Say whether the first build failed and no earlier bundle can stand in: nothing to serve."""
    return store.status.revision is None and store.status.error is not None


def _bound_logs(folder: Path) -> None:
    try:
        bound(folder)
    except OSError as error:
        _log("logs not bounded", reason=str(error))


def main(arguments: Sequence[str]) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="remit.cli.stack.publisher", description=__doc__)
    for name in ("opa", "key-file", "folder", "core", "project", "logs"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("scope", "ledger", "host"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--reviewed", action="store_true")
    parser.add_argument("--port", type=int, required=True)
    return run(PublisherSettings(**vars(parser.parse_args(arguments))))


def _log(event: str, **fields: str | int) -> None:
    line = {"time": datetime.now(UTC).isoformat(), "event": event, **fields}
    os.write(sys.stdout.fileno(), (json.dumps(line) + "\n").encode())
