"""What the seal of a closed run says: how it ended, its history, and the rules it was under.

The history's projection and the bundles are stored before the record that names them, by digest: a
keeper that dies in between leaves values that nobody names, and does it all again.
"""

from collections.abc import AsyncIterator, Sequence

from temporalio.client import Client

from remit.canonical import JSON, JSONObject, canonical, digest_bytes
from remit.ledger.entries import Content, RunRow
from remit.ledger.protocol import Ledger
from workers.bundles import BundleShelf
from workers.projection import Histories, project

_PAGE = 1000


class Sealer:
    """Makes seals."""

    def __init__(self, client: Client, ledger: Ledger, shelf: BundleShelf) -> None:
        """Read histories by `client`, records from `ledger`, bundles from `shelf`."""
        self._client = client
        self._ledger = ledger
        self._shelf = shelf

    async def seal(
        self, run: RunRow, status: str, begin: Sequence[tuple[str, str]], *, unwound: bool
    ) -> JSONObject:
        """Return the body of a run's seal; `begin` are the executions known to be its own."""
        found = await project(self._client, *begin)
        body: JSONObject = {
            "status": status,
            "unwound": unwound,
            "history": await self._stored(found),
            "policies": await self._policies(run),
        }
        if found.absent:
            body["history_absent"] = list[JSON](found.absent)
        return body

    async def _stored(self, found: Histories) -> list[JSON]:
        digests: list[JSON] = []
        for execution in found.executions:
            content = canonical(execution.model_dump(mode="json", exclude_defaults=True))
            name = digest_bytes(content)
            await self._ledger.put([Content(name, content)])
            digests.append(name)
        return digests

    async def _policies(self, run: RunRow) -> list[JSON]:
        revisions = {
            revision
            async for body in self._bodies(run.root)
            for revision in _revisions(body)
            if revision
        }
        named = {one: await self._shelf.digest(one) for one in sorted(revisions)}
        return [{"revision": one, "bundle": digest} for one, digest in named.items() if digest]

    async def _bodies(self, root: str) -> AsyncIterator[JSONObject]:
        after = 0
        while page := await self._ledger.records(root, after, _PAGE):
            for record in page:
                body = record["body"]
                if isinstance(body, dict):
                    yield body
            after += len(page)


def _revisions(body: JSONObject) -> Sequence[str]:
    """Return the policy revisions that a record names."""
    decision = body.get("decision")
    parts = [body, decision] if isinstance(decision, dict) else [body]
    return [str(part.get("revision", "")) for part in parts]
