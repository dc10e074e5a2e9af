"""The one log of all runs: every record becomes a leaf, and each batch a signed tree head.

A record waits in `pending`, where a trigger puts it in the record's own transaction. Here it gets
its leaf: in one transaction a batch leaves `pending`, enters the tree, and its head is signed. So a
process that dies at any point has done all of a batch or nothing of it. Two sequencers at once
would ask for the same positions, and the tables take only one. Nothing is signed that does not
grow out of the head signed before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, literal_column, select

from remit.evidence.chain import leaf_of
from remit.evidence.checkpoint import Checkpoint, CheckpointError, SigningKey, parse_note
from remit.evidence.merkle import appended, root
from remit.ledger.errors import LedgerError
from remit.stores.inserting import insert_new
from remit.stores.schema import checkpoints, leaves, nodes, pending, records
from remit.stores.statements import Row
from remit.stores.transaction import Transaction
from remit.stores.tree import STORED_LEVEL, Tree

BATCH = 256
"""Most records of one batch: a few milliseconds, for which other writers wait."""

_WAITING = (
    select(pending.c.id, pending.c.root, pending.c.seq, pending.c.hash)
    .order_by(pending.c.id)
    .limit(bindparam("most"))
)
_ALONE = select(func.pg_advisory_xact_lock(literal_column("90457603067719")))
"""Where transactions run side by side, sequencers wait for each other, and for nobody else."""
_ANY = select(pending.c.id).limit(1)
_DONE = delete(pending).where(
    pending.c.id >= bindparam("first"),
    pending.c.id <= bindparam("last"),
    select(leaves.c.position)
    .where(leaves.c.root == pending.c.root, leaves.c.seq == pending.c.seq)
    .exists(),
)
_LAST_OF_RUN = select(func.max(leaves.c.seq)).where(leaves.c.root == bindparam("root"))
_SKIPPED = (
    select(records.c.seq, records.c.hash)
    .where(
        records.c.root == bindparam("root"),
        records.c.seq > bindparam("after"),
        records.c.seq < bindparam("before"),
    )
    .order_by(records.c.seq)
)
_NEWEST = select(checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(bindparam("most"))
_HEAD = (
    select(checkpoints.c.note)
    .where(checkpoints.c.size >= bindparam("size"))
    .order_by(checkpoints.c.size)
    .limit(1)
)
_LEAF_COLUMNS = ("position", "root", "seq", "hash")
_NODE_COLUMNS = ("level", "position", "hash")


@dataclass(frozen=True, slots=True)
class Sequenced:
    """What one batch came to."""

    leaves: int
    """Records that became leaves."""
    head: Checkpoint
    note: bytes
    """The head, signed."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    root: str
    seq: int
    hash: str


def sequence(tx: Transaction, key: SigningKey, most: int = BATCH) -> Sequenced | None:
    """Make leaves of the records that wait longest, and sign the tree; `None` if none waits.

    Raises:
        LedgerError: `LOG-BROKEN` when the tables are not the tree that was signed last,
            `LOG-OTHER-KEY` when the log has another name than the key.
    """
    tx.lock(_ALONE)
    rows = tx.all(_WAITING, most=most)
    if not rows:
        return None
    tree = Tree(tx)
    size = tree.size
    _check_last(tx, tree, size, key.public.name)
    fresh = _in_order(tx, rows)
    _append(tx, tree, size, fresh)
    head = Checkpoint(key.public.name, size + len(fresh), root(size + len(fresh), tree.node))
    note = key.sign(head)
    if fresh:
        tx.insert(
            insert_new,
            checkpoints,
            {
                "size": head.size,
                "at_ms": tx.now_ms,
                "key": key.public.text,
                "note": note.decode(),
            },
        )
    tx.run(_DONE, first=rows[0][0], last=rows[-1][0])
    return Sequenced(len(fresh), head, note)


def _check_last(tx: Transaction, tree: Tree, size: int, origin: str) -> None:
    last = newest(tx)
    if last is None:
        if size:
            raise LedgerError("LOG-BROKEN", f"{size} leaves stand, and none was ever signed")
        return
    if last.origin != origin:
        raise LedgerError(
            "LOG-OTHER-KEY", f"the log is {last.origin!r}, and the key is one of {origin!r}"
        )
    if last.size != size or root(size, tree.node) != last.root:
        raise LedgerError(
            "LOG-BROKEN",
            f"{last.size} leaves were signed, and the {size} that stand are another tree",
        )


def _in_order(tx: Transaction, rows: Sequence[Row]) -> Sequence[_Waiting]:
    """Return what becomes leaves: of each run the next ones, without a gap and once."""
    last: dict[str, int] = {}
    fresh: list[_Waiting] = []
    for _, run, number, sealed in rows:
        name, seq = str(run), int(str(number))
        if name not in last:
            found = tx.one(_LAST_OF_RUN, root=name)
            last[name] = int(str(found[0])) if found and found[0] is not None else 0
        if seq <= last[name]:
            continue
        if seq > last[name] + 1:
            # Somebody took a waiting row away; its record still stands, or the gap will show.
            between = tx.all(_SKIPPED, root=name, after=last[name], before=seq)
            fresh += [_Waiting(name, int(str(one)), str(hash_)) for one, hash_ in between]
        fresh.append(_Waiting(name, seq, str(sealed)))
        last[name] = seq
    return fresh


def _append(tx: Transaction, tree: Tree, size: int, fresh: Sequence[_Waiting]) -> None:
    hashes = [leaf_of(one.hash) for one in fresh]
    made: list[tuple[int, int, bytes]] = []
    for level, position, value in appended(size, hashes, tree.node):
        tree.add(level, position, value)
        if level >= STORED_LEVEL:
            made.append((level, position, value))
    rows = [
        (size + number, one.root, one.seq, value)
        for number, (one, value) in enumerate(zip(fresh, hashes, strict=True))
    ]
    if rows:
        tx.insert_all(insert_new, leaves, _LEAF_COLUMNS, rows)
    if made:
        tx.insert_all(insert_new, nodes, _NODE_COLUMNS, made)


def is_waiting(tx: Transaction) -> bool:
    """Say whether a record waits for its leaf."""
    return tx.one(_ANY) is not None


def newest(tx: Transaction) -> Checkpoint | None:
    """Return the head that was signed last."""
    notes = newest_notes(tx, 1)
    return _parsed(notes[0]) if notes else None


def newest_notes(tx: Transaction, most: int) -> Sequence[bytes]:
    """Return the heads signed last, newest first, as notes."""
    return [str(row[0]).encode() for row in tx.all(_NEWEST, most=most)]


def note_covering(tx: Transaction, size: int) -> bytes | None:
    """Return the oldest head of at least `size` leaves."""
    row = tx.one(_HEAD, size=size)
    return None if row is None else str(row[0]).encode()


def tree_root(tx: Transaction, size: int) -> bytes | None:
    """Return the root of the first `size` leaves; `None` when there are not so many."""
    tree = Tree(tx)
    return root(size, tree.node) if size <= tree.size else None


def _parsed(note: bytes) -> Checkpoint:
    try:
        return parse_note(note)
    except CheckpointError as error:
        raise LedgerError("LOG-BROKEN", f"the newest checkpoint is not one: {error}") from error
