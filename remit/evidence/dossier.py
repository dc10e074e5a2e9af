"""One run's records and what they name by digest, wherever they are kept: ledger or archive.

Whoever asks questions about a past run reads it through this. Every value is held against its
digest before anybody believes it, and every bundle against the seal; what does not fit, or is out
of order, is a finding and not an answer. Signatures are the verifier's business.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence

from remit.canonical import JSON, Digest, JSONObject, digest_bytes
from remit.evidence import chain
from remit.evidence.archive import Archive
from remit.evidence.fields import objects, whole
from remit.evidence.finding import Code, Found

Fetch = Callable[[Digest], Awaitable[bytes | None]]


class Dossier:
    """A run as it was recorded."""

    def __init__(self, root: str, lines: Iterable[bytes], content: Fetch, bundle: Fetch) -> None:
        """Read the records.

        Args:
            root: Root chain id of the run.
            lines: Its records as an archive holds them.
            content: Returns a value by digest, unchecked; `None` when it is absent.
            bundle: Returns a policy bundle by revision, unchecked.
        """
        read = chain.Chain(root)
        self.root = root
        self.records: Sequence[JSONObject] = [one.record for one in chain.read(lines, read)]
        self._findings = read.findings
        self._content = content
        self._bundle = bundle

    @property
    def findings(self) -> Sequence[Found]:
        """What was found to be wrong so far, with the records and with what was asked for."""
        return list(dict.fromkeys(self._findings))

    @property
    def moment(self) -> tuple[int, int]:
        """Number and time of the last record; zeros without one."""
        if not self.records:
            return 0, 0
        last = self.records[-1]
        return whole(last, "seq"), whole(last, "at_ms")

    async def content(self, digest: Digest) -> bytes | None:
        """Return a value; `None` when it is absent, or not what its digest names."""
        body = await self._content(digest)
        if body is not None and digest_bytes(body) != digest:
            message = "it is not what its digest names"
            self._findings.append(Found(Code.EDITED, f"content {digest}", message))
            return None
        return body

    async def json(self, digest: Digest) -> JSON:
        """Return a JSON value; `None` when it is absent, altered or no JSON."""
        body = await self.content(digest)
        try:
            value: JSON = None if body is None else json.loads(body)
        except (ValueError, RecursionError):
            return None
        return value

    async def bundle(self, revision: str) -> bytes | None:
        """Return the policy bundle of a revision; `None` when it is absent or was altered."""
        body = await self._bundle(revision)
        stated = self._sealed(revision)
        if body is not None and stated and digest_bytes(body) != stated:
            message = "it is not the bundle of the seal"
            self._findings.append(Found(Code.EDITED, f"policy {revision}", message))
            return None
        return body

    def _sealed(self, revision: str) -> Digest:
        """Return the digest that the last seal names for a revision's bundle; else nothing."""
        for record in reversed(self.records):
            body = record["body"]
            if record["kind"] == "seal" and isinstance(body, dict):
                for one in objects(body, "policies"):
                    if one.get("revision") == revision:
                        return str(one.get("bundle", ""))
                break
        return ""


def of_archive(archive: Archive) -> Dossier:
    """Return the run of an archive.

    Raises:
        EvidenceError: it cannot be read any further.
    """

    async def content(digest: Digest) -> bytes | None:
        return archive.content(digest)

    async def bundle(revision: str) -> bytes | None:
        return archive.content(revision, "policies")

    return Dossier(archive.manifest.root, archive.lines(), content, bundle)
