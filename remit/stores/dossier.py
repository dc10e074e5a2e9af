"""A run's dossier out of the ledger, as `remit.evidence.dossier` wants it. Reads, never writes."""

from remit.canonical import Digest, digest_bytes
from remit.evidence.dossier import Dossier
from remit.stores.archiving import LogStore

_PAGE = 2000


async def dossier_of(log: LogStore, root: str) -> Dossier:
    """Return a run's records, and ways to what they name."""
    lines: list[bytes] = []
    last = 0
    # By number, not by count: a record that somebody deleted leaves a gap, and is to be found.
    while page := await log.lines(root, last, _PAGE):
        lines += [text for _, text in page]
        last = page[-1][0]

    async def bundle(revision: str) -> bytes | None:
        found = await log.bundle(revision)
        # The ledger's own digest counts until a seal names one.
        return None if found is None or digest_bytes(found[1]) != found[0] else found[1]

    async def content(digest: Digest) -> bytes | None:
        return await log.find_content(digest)

    return Dossier(root, lines, content, bundle)
