"""Policy bundles on their way into the ledger, so that evidence holds the rules themselves.

The publisher leaves each bundle in a folder before it serves it; the keeper takes it from there.
"""

from pathlib import Path

from remit.stores.archiving import LogStore

_SUFFIX = ".tar.gz"


class BundleShelf:
    """The folder and the ledger, compared."""

    def __init__(self, log: LogStore, folder: Path | None) -> None:
        """Take bundles of `folder`; without one there are none."""
        self._log = log
        self._folder = folder
        self._taken: set[str] | None = None
        self._digests: dict[str, str] = {}

    async def take(self) -> None:
        """Put every bundle that the ledger does not have into it."""
        if self._folder is None or not self._folder.is_dir():
            return
        if self._taken is None:
            self._taken = set(await self._log.revisions())
        for file in sorted(self._folder.glob(f"*{_SUFFIX}")):
            revision = f"sha256:{file.name.removesuffix(_SUFFIX)}"
            if revision not in self._taken:
                await self._log.keep_bundle(revision, file.read_bytes())
                self._taken.add(revision)

    async def digest(self, revision: str) -> str:
        """Return the digest of a revision's bundle; empty when the ledger has none."""
        if revision not in self._digests:
            found = await self._log.bundle(revision)
            if found is None:
                return ""
            self._digests[revision] = found[0]
        return self._digests[revision]
