"""Every record becomes one leaf of one log, whatever dies when, and nothing else is signed."""

import asyncio
import hashlib
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from remit.evidence import batch, merkle
from remit.evidence.chain import leaf_of
from remit.evidence.checkpoint import SigningKey, open_note
from remit.ledger.entries import Record
from remit.ledger.errors import LedgerError
from remit.stores import log, transaction
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.migrate import migrate
from remit.stores.transaction import Transaction
from tests.stores.by_hand import REFUSED, altered, execute, is_file, rows, zeros
from tests.stores.ledger_values import ROOT, admission, chain_of, open_admitted, run_row
from tests.stores.log_process import KEY

REPOSITORY = Path(__file__).parents[2]


async def written(ledger: SqlLedger, count: int, root: str = ROOT) -> None:
    """Append records to a run."""
    await ledger.append(root, [Record("decision", {"number": n}) for n in range(count)])


async def drained(ledger: SqlLedger, most: int = log.BATCH) -> int:
    """Sequence all that waits; return how many batches it took."""
    batches = 0
    while await ledger.log.sequence(KEY, most):
        batches += 1
    return batches


def reference_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root as RFC 6962 defines it, by recursion over the leaves."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    middle = 1 << (len(hashes) - 1).bit_length() - 1
    return merkle.node_hash(reference_root(hashes[:middle]), reference_root(hashes[middle:]))


def check_log(url: str) -> int:
    """Check the whole log against its definition; return its size."""
    found = rows(url, "SELECT position, root, seq, hash FROM leaves ORDER BY position")
    assert [row[0] for row in found] == list(range(len(found)))
    hashes = [bytes(row[3]) for row in found if isinstance(row[3], bytes)]
    records = {
        (row[0], row[1]): str(row[2]) for row in rows(url, "SELECT root, seq, hash FROM records")
    }
    last: dict[object, int] = {}
    for (_, root, seq, _), leaf in zip(found, hashes, strict=True):
        assert seq == last.get(root, 0) + 1
        last[root] = seq
        assert leaf == leaf_of(records[root, seq])
    for (note,) in rows(url, "SELECT note FROM checkpoints"):
        head = open_note(str(note).encode(), [KEY.public])
        assert head.root == reference_root(hashes[: head.size])
    sizes = rows(url, "SELECT max(size) FROM checkpoints")
    assert (sizes[0][0] or 0) == len(found)
    return len(found)


async def test_every_record_becomes_a_leaf(ledger: SqlLedger, ledger_url: str) -> None:
    """Records of two runs become leaves in batches, each signed; then nothing waits."""
    await ledger.admit(run_row("0199"), admission("0199"), [], [])
    for _ in range(5):
        await written(ledger, 70)
        await written(ledger, 61, "0199")

    assert await ledger.log.is_waiting()
    assert await drained(ledger, 100) == 7
    assert not await ledger.log.is_waiting()
    assert check_log(ledger_url) == 2 + 5 * 131


async def test_proofs_of_a_run_lead_to_the_signed_root(ledger: SqlLedger) -> None:
    """Inclusion and consistency proofs made of the tables hold against the signed heads."""
    await ledger.admit(run_row("0199"), admission("0199"), [], [])
    sizes = []
    for count in (3, 300, 40, 600):
        await written(ledger, count, "0199")
        await written(ledger, 17)
        await drained(ledger, 50)
        sizes.append(open_note((await ledger.log.heads(1))[0], [KEY.public]))
    head = sizes[-1]

    stated = await ledger.log.inclusion(ROOT, head)
    assert stated is not None
    assert len(stated.indexes) == 1 + 4 * 17
    leaves = [bytes.fromhex(one) for one in stated.leaves]
    proof = [bytes.fromhex(one) for one in stated.proof]
    assert batch.rebuilt(leaves, stated.indexes, stated.size, proof) == head.root
    grown = await ledger.log.consistency([one.size for one in sizes], head)
    assert [one.size for one in grown] == [one.size for one in sizes[:-1]]
    for one, old in zip(grown, sizes, strict=False):
        path = [bytes.fromhex(text) for text in one.proof]
        assert merkle.verify_consistency(old.size, head.size, old.root, head.root, path)


async def test_lines_are_what_the_hash_was_made_of(ledger: SqlLedger) -> None:
    """An archive's lines hold exactly the bytes that each record's hash names."""
    await ledger.append(ROOT, [Record("decision", {"text": 'ä "quoted" \\ \n', "number": 1.5})])

    for _, text in await ledger.log.lines(ROOT, 0, 100):
        stated, _, content = text.removesuffix(b"}").partition(b',"record":')
        digest = hashlib.sha256(content).hexdigest()
        assert stated == b'{"hash":"sha256:%b"' % digest.encode()
    assert len(await ledger.log.lines(ROOT, 1, 100)) == 1


async def test_a_ledger_of_before_is_taken_up(ledger: SqlLedger, ledger_url: str) -> None:
    """Records that were written before there was a log wait for their leaves after the upgrade."""
    await written(ledger, 9)
    await ledger.close()
    altered(
        ledger_url,
        f"DROP TRIGGER records_pending{'' if is_file(ledger_url) else ' ON records'}",
        *(f"DROP TABLE {name}" for name in ("pending", "leaves", "nodes", "checkpoints")),
        "DROP TABLE bundles",
        "DROP TABLE releases",
        "DROP TABLE unsealed",
        "DROP INDEX runs_workflow",
        *(f"DROP TABLE {name}" for name in ("unindexed", "holdings", "tombstones", "retained")),
        "DROP TABLE content_keys",
        "DROP TABLE deeds",
        "DROP TABLE stops",
        "DROP TABLE nonces",
        "DROP TABLE sent",
        *(f"DROP TABLE {name}" for name in ("slots", "breakers", "detected", "quarantine")),
        *(f"DROP INDEX {name}" for name in ("records_told", "actions_broken")),
        "ALTER TABLE gates DROP COLUMN remind_ms",
        "ALTER TABLE runs DROP COLUMN starter",
        *(f"DROP INDEX {name}" for name in ("gates_state", "gates_tool", "runs_started")),
        "ALTER TABLE gates DROP COLUMN turns",
        "ALTER TABLE votes DROP COLUMN at_ms",
        "ALTER TABLE actions DROP COLUMN resource",
        "ALTER TABLE contents DROP COLUMN key",
        "UPDATE alembic_version SET version_num = '0001'",
    )
    migrate(ledger_url)
    opened = await open_ledger(ledger_url)
    await written(opened, 2)
    await drained(opened)
    await opened.close()

    assert check_log(ledger_url) == 12


class BrokenOffError(Exception):
    """The process ends here."""


def breaking_after(allowed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every transaction's later statements fail."""
    left = [allowed]

    def counted(work: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise BrokenOffError
            return work(*arguments, **named)

        return run

    for name in ("all", "run", "insert", "insert_all"):
        monkeypatch.setattr(Transaction, name, counted(getattr(transaction.Transaction, name)))


async def test_a_batch_is_done_wholly_or_not_at_all(ledger: SqlLedger, ledger_url: str) -> None:
    """Whatever statement is the last, nothing of the batch stands, and the next try is whole."""
    await written(ledger, 300)
    await drained(ledger, 200)
    await written(ledger, 200)
    before = rows(ledger_url, "SELECT count(*) FROM leaves")
    waiting = rows(ledger_url, "SELECT count(*) FROM pending")
    broken = 0
    while True:
        with pytest.MonkeyPatch.context() as patch:
            breaking_after(broken, patch)
            try:
                await ledger.log.sequence(KEY)
                break
            except BrokenOffError:
                broken += 1
        assert rows(ledger_url, "SELECT count(*) FROM leaves") == before
        assert rows(ledger_url, "SELECT count(*) FROM pending") == waiting

    assert broken >= 8
    assert check_log(ledger_url) == 501


async def test_a_killed_sequencer_loses_and_doubles_nothing(ledger_url: str) -> None:
    """`kill -9` amid batches, again and again: the log holds, each told head is in it."""
    first = await open_admitted(ledger_url)
    await first.close()
    told: list[tuple[int, str]] = []
    for turn in range(4):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.stores.log_process", ledger_url, f"k{turn}"),
            cwd=REPOSITORY,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        for _ in range(7 + 11 * turn):
            size, root = (await asyncio.wait_for(process.stdout.readline(), 60)).split()
            told.append((int(size), root.decode()))
        process.send_signal(signal.SIGKILL)
        await process.wait()
        check_log(ledger_url)
    ledger = await open_ledger(ledger_url)
    await drained(ledger)
    roots = [await ledger.log.root_at(size) for size, _ in told]
    records = await chain_of(ledger)
    await ledger.close()

    assert [root.hex() if root else "" for root in roots] == [root for _, root in told]
    assert check_log(ledger_url) == len(records)


async def test_two_sequencers_make_one_log(ledger: SqlLedger, ledger_url: str) -> None:
    """Two at once share the work; every record has one leaf, every head is of one tree."""
    other = await open_ledger(ledger_url)
    await written(ledger, 400)
    both = await asyncio.gather(drained(ledger, 13), drained(other, 13))
    await other.close()

    assert sum(both) == 31
    assert check_log(ledger_url) == 401


async def test_a_record_taken_out_of_the_outbox_is_found(
    ledger: SqlLedger, ledger_url: str
) -> None:
    """Who deletes a waiting row hides no record: the next one of its run brings it along."""
    await written(ledger, 5)
    altered(ledger_url, "DELETE FROM pending WHERE seq IN (2, 3)")
    await drained(ledger)

    assert check_log(ledger_url) == 6


@pytest.mark.parametrize(
    "order",
    [
        "UPDATE leaves SET hash = {zeros} WHERE position = 299",
        "UPDATE nodes SET hash = {zeros}",
        "DELETE FROM leaves WHERE position = 299",
        "DELETE FROM checkpoints",
    ],
)
async def test_an_altered_tree_is_not_signed(
    ledger: SqlLedger, ledger_url: str, order: str
) -> None:
    """Who alters leaves, nodes or heads gets no further signature."""
    await written(ledger, 299)
    await drained(ledger)
    altered(ledger_url, order.format(zeros=zeros(ledger_url, 32)))
    await written(ledger, 1)

    with pytest.raises(LedgerError) as error:
        await ledger.log.sequence(KEY)
    assert error.value.code == "LOG-BROKEN"


async def test_the_key_of_another_log_signs_nothing(ledger: SqlLedger) -> None:
    """A log keeps its name for its whole life."""
    await drained(ledger)
    await written(ledger, 1)

    with pytest.raises(LedgerError) as error:
        await ledger.log.sequence(SigningKey("remit.example/other", bytes(32)))
    assert error.value.code == "LOG-OTHER-KEY"


@pytest.mark.parametrize(
    "orders",
    [
        ("DELETE FROM leaves", "UPDATE leaves SET hash = 'x'"),
        ("DELETE FROM nodes", "UPDATE nodes SET hash = 'x'"),
        ("DELETE FROM checkpoints", "UPDATE checkpoints SET note = 'x'"),
        ("DELETE FROM bundles", "UPDATE bundles SET body = 'x'"),
    ],
    ids=lambda orders: orders[0].split()[-1],
)
async def test_the_log_is_only_appended_to(
    ledger: SqlLedger, ledger_url: str, orders: tuple[str, str]
) -> None:
    """The database itself refuses to change or delete what stands."""
    await written(ledger, 300)
    await drained(ledger)
    await ledger.log.keep_bundle("revision-1", b"bundle")
    for order in orders:
        with pytest.raises(REFUSED, match="append-only"):
            execute(ledger_url, order)
