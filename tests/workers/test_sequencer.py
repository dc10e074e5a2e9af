"""The keeper's sequencer: what is signed is published, and a ledger that was swapped is refused."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from remit.evidence.checkpoint import open_note
from remit.ledger.entries import Record
from remit.stores.keyring import Keyring
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.publishing import CheckpointFolder
from tests.stores.ledger_values import ROOT, open_admitted
from tests.waiting import eventually
from workers.sequencer import LogRefusedError, Sequencer


class Stage:
    """A ledger, a key and a place for checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ledger.db"
        self.url = f"sqlite:///{self.file}"
        self.keys = Keyring(folder / "keys")
        self.keys.make("remit.example/ledger")
        self.store = CheckpointFolder(folder / "checkpoints")

    def sequencer(self, ledger: SqlLedger) -> Sequencer:
        """Return a sequencer that has just started."""
        return Sequencer(ledger.log, self.keys, self.store)

    def published(self) -> int:
        """Return the size of the newest head that was published."""
        note = self.store.newest()
        return open_note(note, self.keys.publics()).size if note else 0


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """An empty stage."""
    return Stage(tmp_path)


@pytest.fixture
async def ledger(stage: Stage) -> AsyncIterator[SqlLedger]:
    """The stage's ledger, with a run."""
    opened = await open_admitted(stage.url)
    yield opened
    await opened.close()


async def written(ledger: SqlLedger, count: int) -> None:
    """Append records."""
    await ledger.append(ROOT, [Record("decision", {"number": n}) for n in range(count)])


async def test_a_round_signs_and_publishes(stage: Stage, ledger: SqlLedger) -> None:
    """What waits is signed and published; a round with nothing to do does nothing."""
    sequencer = stage.sequencer(ledger)
    await written(ledger, 600)

    assert await sequencer.round() == 601
    assert stage.published() == 601
    assert await sequencer.round() == 0
    assert len(await ledger.log.heads(10)) == 3


async def test_a_head_that_was_not_published_is_published_later(
    stage: Stage, ledger: SqlLedger
) -> None:
    """A keeper that died between its batch and the publishing leaves nothing unpublished."""
    with stage.keys.held() as key:
        await ledger.log.sequence(key)
    assert stage.published() == 0
    await stage.sequencer(ledger).round()

    assert stage.published() == 1


async def test_it_works_until_told_to_stop_and_leaves_nothing(
    stage: Stage, ledger: SqlLedger
) -> None:
    """What is written before the stop is signed before the end."""
    stop = asyncio.Event()
    running = asyncio.create_task(stage.sequencer(ledger).run(stop, 60))

    async def is_published() -> bool:
        return stage.published() == 1

    await eventually(is_published, every_s=0.01)
    await written(ledger, 5)
    stop.set()
    await running

    assert stage.published() == 6


async def test_a_rotation_waits_for_the_batch(stage: Stage, ledger: SqlLedger) -> None:
    """While somebody changes the key nothing is signed; afterwards with the new one."""
    sequencer = stage.sequencer(ledger)
    await sequencer.round()
    await written(ledger, 1)
    stop = asyncio.Event()
    stop.set()
    with stage.keys.held():
        await sequencer.run(stop, 60)
        assert stage.published() == 1
        opened = stage.keys.rotate(1)
    await sequencer.round()

    assert stage.published() == 2
    assert open_note(stage.store.newest() or b"", [opened]).size == 2


@pytest.mark.parametrize(
    ("more", "code"), [(0, "EVIDENCE-TRUNCATED"), (3, "EVIDENCE-FORKED")], ids=["older", "another"]
)
async def test_a_swapped_ledger_gets_no_signature(
    stage: Stage, ledger: SqlLedger, more: int, code: str
) -> None:
    """An older copy of the ledger, or one that went another way, is found against the heads."""
    await stage.sequencer(ledger).round()
    await ledger.close()
    copy = stage.file.with_suffix(".copy")
    shutil.copyfile(stage.file, copy)
    first = await open_ledger(stage.url)
    await written(first, 2)
    await stage.sequencer(first).round()
    await first.close()
    for beside in stage.file.parent.glob("ledger.db-*"):
        beside.unlink()
    shutil.copyfile(copy, stage.file)

    second = await open_ledger(stage.url)
    await second.append(ROOT, [Record("decision", {"other": n}) for n in range(more)])
    if more:
        # The swap was made while no sequencer looked, by somebody with a key.
        with stage.keys.held() as key:
            await second.log.sequence(key)
    await written(second, 1)
    with pytest.raises(LogRefusedError) as error:
        await stage.sequencer(second).round()
    await second.close()

    assert error.value.code == code
    assert stage.published() == 3
