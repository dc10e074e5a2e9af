"""Digests of the policy bundles that the ledger holds, for the seals of runs."""

from remit.stores.archiving import LogStore


class BundleShelf:
    """Looks bundles up; what was found once is kept."""

    def __init__(self, log: LogStore) -> None:
        """Look in `log`."""
        self._log = log
        self._digests: dict[str, str] = {}

    async def digest(self, revision: str) -> str:
        """Return the digest of a revision's bundle; empty when the ledger has none."""
        if revision not in self._digests:
            found = await self._log.bundle(revision)
            if found is None:
                return ""
            self._digests[revision] = found[0]
        return self._digests[revision]
