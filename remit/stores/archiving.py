"""What evidence is made of, as the ledger holds it: the log's heads and proofs, a run's lines.

`LogStore` is the door for who keeps the log and who exports from it; the governed call never comes
here. Proofs are made from the tables for one signed head, and whoever gets them checks them.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import bindparam, delete, select

from remit.canonical import Digest, canonical, digest_bytes
from remit.evidence import batch, merkle
from remit.evidence.archive import Consistency, Inclusion
from remit.evidence.chain import line
from remit.evidence.checkpoint import Checkpoint, SigningKey
from remit.ledger.entries import RunRow
from remit.ledger.errors import LedgerError
from remit.stores import log, runs
from remit.stores.agents import Deeds, deeds
from remit.stores.decided import Window, window
from remit.stores.inserting import insert_once
from remit.stores.schema import bundles, chains, contents, leaves, records, tombstones, unsealed
from remit.stores.schema import runs as run_table
from remit.stores.statements import Value
from remit.stores.transaction import Transaction
from remit.stores.tree import Tree

R = TypeVar("R")


class Runs(Protocol):
    """Runs work in a transaction."""

    def __call__(self, work: Callable[[Transaction], R]) -> Awaitable[R]:
        """Return what `work` returns."""


_LINES = (
    select(records.c.seq, records.c.at_ms, records.c.kind, records.c.body, records.c.prev)
    .add_columns(records.c.hash)
    .where(records.c.root == bindparam("root"), records.c.seq > bindparam("after"))
    .order_by(records.c.seq)
    .limit(bindparam("most"))
)
_PLACES = (
    select(leaves.c.position, leaves.c.hash, leaves.c.seq)
    .where(leaves.c.root == bindparam("root"), leaves.c.position < bindparam("size"))
    .order_by(leaves.c.seq)
)
_RUN_OF = (
    select(run_table.c.root)
    .where(run_table.c.workflow_id == bindparam("name"))
    .order_by(run_table.c.started_ms.desc())
    .limit(1)
)
_CONTENT = select(contents.c.body, contents.c.key).where(
    contents.c.digest == bindparam("digest"),
    ~select(tombstones.c.digest).where(tombstones.c.digest == contents.c.digest).exists(),
)
_REVISIONS = select(bundles.c.revision)
_BUNDLE = select(bundles.c.digest, bundles.c.body).where(
    bundles.c.revision == bindparam("revision")
)
_NAMING = (
    select(records.c.root)
    .where(records.c.body.contains(bindparam("text"), autoescape=False))
    .group_by(records.c.root)
    .order_by(records.c.root)
)
_SINCE = (
    select(chains.c.root)
    .join(records, (records.c.root == chains.c.root) & (records.c.seq == chains.c.length))
    .where(chains.c.root > bindparam("after"), records.c.at_ms >= bindparam("since"))
    .order_by(chains.c.root)
    .limit(bindparam("most"))
)
_UNSEALED = select(unsealed.c.root).order_by(unsealed.c.root).limit(bindparam("most"))
_SEALED = delete(unsealed).where(unsealed.c.root == bindparam("of"))


class LogStore:
    """The log and what belongs to it, of one ledger."""

    def __init__(self, write: Runs, read: Runs) -> None:
        """Work through the ledger's own transactions."""
        self._write = write
        self._read = read

    async def sequence(self, key: SigningKey, most: int = log.BATCH) -> log.Sequenced | None:
        """Make leaves of waiting records and sign the tree; see `remit.stores.log.sequence`."""
        return await self._write(partial(log.sequence, key=key, most=most))

    async def is_waiting(self) -> bool:
        """Say whether a record waits for its leaf; locks nothing."""
        return await self._read(log.is_waiting)

    async def heads(self, most: int) -> Sequence[bytes]:
        """Return the heads signed last, newest first."""
        return await self._read(partial(log.newest_notes, most=most))

    async def root_at(self, size: int) -> bytes | None:
        """Return the root of the first `size` leaves; `None` when there are not so many."""
        return await self._read(partial(log.tree_root, size=size))

    async def run_of(self, name: str) -> RunRow | None:
        """Return a run by its root chain id, or the newest one of a workflow id."""
        return await self._read(partial(_run_of, name=name))

    async def lines(self, root: str, after: int, most: int) -> Sequence[tuple[int, bytes]]:
        """Return records of a run as an archive holds them, each behind its number."""
        return await self._read(partial(_lines, root=root, after=after, most=most))

    async def inclusion(self, root: str, head: Checkpoint) -> Inclusion | None:
        """Return the proof of a run's records in the tree of `head`; `None` if it has none."""
        return await self._read(partial(_inclusion, root=root, size=head.size))

    async def consistency(self, old: Sequence[int], head: Checkpoint) -> Sequence[Consistency]:
        """Return proofs that the trees of these sizes are beginnings of the tree of `head`."""
        return await self._read(partial(_consistency, old=old, size=head.size))

    async def find_content(self, digest: Digest) -> bytes | None:
        """Return a value if the ledger has it, unchecked: the verifier is to see what stands."""
        return await self._read(partial(_content, digest=digest))

    async def naming(self, text: str) -> Sequence[RunRow]:
        """Return the runs whose records name a digest or a revision; reads every record."""
        return await self._read(partial(_naming, text=text))

    async def deeds(self) -> Sequence[Deeds]:
        """Return what each agent's runs amount to."""
        return await self._read(deeds)

    async def decided(self, first: int, since_ms: int) -> Window:
        """Return records that may hold decisions, from a place of the log on."""
        return await self._read(partial(window, first=first, since=since_ms))

    async def roots_since(self, since_ms: int, after: str, most: int) -> Sequence[str]:
        """Return chains whose last record is not older, by name, those behind `after`."""
        return await self._read(partial(_since, since=since_ms, after=after, most=most))

    async def keep_bundle(self, revision: str, body: bytes) -> None:
        """Keep a policy bundle; the one that stands under a revision stays."""
        await self._write(partial(_keep_bundle, revision=revision, body=body))

    async def revisions(self) -> Sequence[str]:
        """Return the revisions whose bundles are kept."""
        return await self._read(_revisions)

    async def bundle(self, revision: str) -> tuple[Digest, bytes] | None:
        """Return a policy bundle and its digest."""
        return await self._read(partial(_bundle, revision=revision))

    async def await_repair(self, run: RunRow) -> None:
        """Note that a run is to be sealed again when its repair is over."""
        await self._write(partial(_await_repair, run=run))

    async def unsealed(self, most: int) -> Sequence[RunRow]:
        """Return runs whose repair was not sealed yet."""
        return await self._read(partial(_unsealed, most=most))

    async def sealed(self, root: str) -> None:
        """Note that a run's repair is sealed."""
        await self._write(partial(_sealed, root=root))


def _run_of(tx: Transaction, name: str) -> RunRow | None:
    found = runs.find(tx, name)
    if found is not None:
        return found
    row = tx.one(_RUN_OF, name=name)
    return None if row is None else runs.find(tx, str(row[0]))


def _lines(tx: Transaction, root: str, after: int, most: int) -> Sequence[tuple[int, bytes]]:
    name = canonical(root)
    made = []
    for row in tx.all(_LINES, root=root, after=after, most=most):
        seq, at_ms, kind, body, prev, sealed = map(str, row)
        head = f'{{"at_ms":{at_ms},"body":{body},"kind":"{kind}","prev":"{prev}","root":'
        content = head.encode() + name + f',"seq":{seq}}}'.encode()
        made.append((int(seq), line(sealed, content)))
    return made


def _inclusion(tx: Transaction, root: str, size: int) -> Inclusion | None:
    rows = tx.all(_PLACES, root=root, size=size)
    if not rows:
        return None
    if [row[2] for row in rows] != list(range(1, len(rows) + 1)):
        raise LedgerError("LOG-BROKEN", f"the leaves of {root!r} are not those of its records")
    indexes = [row[0] for row in rows if isinstance(row[0], int)]
    hashes = [row[1] for row in rows if isinstance(row[1], bytes)]
    try:
        proof = batch.prove(indexes, size, Tree(tx).node)
    except merkle.ProofError as error:
        raise LedgerError("LOG-BROKEN", f"the leaves of {root!r}: {error}") from error
    return Inclusion(
        size=size,
        indexes=indexes,
        leaves=[one.hex() for one in hashes],
        proof=[one.hex() for one in proof],
    )


def _consistency(tx: Transaction, old: Sequence[int], size: int) -> Sequence[Consistency]:
    tree = Tree(tx)
    wanted = sorted({one for one in old if 0 < one < size})
    return [
        Consistency(
            size=one, proof=[hash_.hex() for hash_ in merkle.consistency(one, size, tree.node)]
        )
        for one in wanted
    ]


def _content(tx: Transaction, digest: Digest) -> bytes | None:
    row = tx.one(_CONTENT, digest=digest)
    if row is None or not isinstance(row[0], bytes):
        return None
    try:
        return tx.vault.open(digest, str(row[1]), row[0])
    except LedgerError as error:
        if error.code != "CONTENT-DIFFERS":
            raise
        # Altered: what stands goes along as it is, and is not what its digest names.
        return row[0]


def _naming(tx: Transaction, text: str) -> Sequence[RunRow]:
    found = [runs.find(tx, str(row[0])) for row in tx.all(_NAMING, text=text)]
    return [run for run in found if run is not None]


def _since(tx: Transaction, since: int, after: str, most: int) -> Sequence[str]:
    return [str(row[0]) for row in tx.all(_SINCE, since=since, after=after, most=most)]


def _keep_bundle(tx: Transaction, revision: str, body: bytes) -> None:
    row: dict[str, Value] = {
        "revision": revision,
        "digest": digest_bytes(body),
        "at_ms": tx.now_ms,
        "body": body,
    }
    tx.insert(insert_once, bundles, row)


def _revisions(tx: Transaction) -> Sequence[str]:
    return [str(row[0]) for row in tx.all(_REVISIONS)]


def _bundle(tx: Transaction, revision: str) -> tuple[Digest, bytes] | None:
    row = tx.one(_BUNDLE, revision=revision)
    return (str(row[0]), row[1]) if row and isinstance(row[1], bytes) else None


def _await_repair(tx: Transaction, run: RunRow) -> None:
    row = {"root": run.root, "workflow_id": run.workflow_id}
    tx.insert(insert_once, unsealed, row)


def _unsealed(tx: Transaction, most: int) -> Sequence[RunRow]:
    found = [runs.find(tx, str(row[0])) for row in tx.all(_UNSEALED, most=most)]
    return [run for run in found if run is not None and run.closed]


def _sealed(tx: Transaction, root: str) -> None:
    tx.run(_SEALED, of=root)
