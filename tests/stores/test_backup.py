"""A backup is whole, fits together, and nothing else passes for one."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from remit.ledger.entries import Record
from remit.ledger.records import verify_chain
from remit.stores import log
from remit.stores.backup import (
    LEDGER,
    TEMPORAL,
    BackupError,
    back_up,
    begin_new_log,
    checked,
    tally,
)
from remit.stores.ledger import SqlLedger, open_ledger
from tests.stores.ledger_values import ROOT, chain_of
from tests.stores.log_process import KEY

WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE IF NOT EXISTS pairs (a INTEGER, b INTEGER)")
print("ready", flush=True)
for number in range(1_000_000):
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO pairs VALUES (?, ?)", (number, 0))
    connection.execute("UPDATE pairs SET b = 1 WHERE a = ?", (number,))
    connection.execute("COMMIT")
"""


@pytest.fixture
def ledger_url(made_url: str) -> str:
    """What is copied here is a file; a server has tools of its own."""
    return made_url


@pytest.fixture
def temporal(tmp_path: Path) -> Path:
    """A database that stands in for Temporal's: what is in it is nobody's business here."""
    file = tmp_path / "temporal.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE executions (id TEXT)")
    connection.close()
    return file


async def grown(ledger: SqlLedger, count: int = 5) -> None:
    """Append records to the run."""
    await ledger.append(ROOT, [Record("decision", {"number": n}) for n in range(count)])


async def test_a_used_ledger_is_copied_whole(
    ledger: SqlLedger, ledger_url: str, temporal: Path, tmp_path: Path
) -> None:
    """What stands in the write-ahead log is in the copy, and what comes later is not."""
    await grown(ledger)
    standing = len(await chain_of(ledger))

    manifest = back_up(temporal, Path(ledger_url.removeprefix("sqlite:///")), tmp_path / "saved")
    await grown(ledger)

    assert manifest.ledger.records == standing
    assert manifest.ledger.open == [f"workflow-{ROOT}"]
    assert checked(tmp_path / "saved") == manifest
    copy = await open_ledger(f"sqlite:///{tmp_path / 'saved' / LEDGER}")
    assert len(await chain_of(copy)) == standing
    await copy.close()


def test_a_copy_under_writes_is_one_moment(tmp_path: Path, ledger: SqlLedger) -> None:
    """A copy taken while another process writes holds whole transactions alone."""
    busy, saved = tmp_path / "busy.db", tmp_path / "copy"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(busy)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        back_up(busy, tmp_path / "ledger.db", saved)
    finally:
        writer.kill()
        writer.wait()

    with sqlite3.connect(saved / TEMPORAL) as connection:
        assert connection.execute("SELECT COUNT(*) FROM pairs WHERE b = 0").fetchone() == (0,)
    connection.close()


async def test_a_restored_ledger_begins_a_log_with_every_record(
    ledger: SqlLedger, ledger_url: str, temporal: Path, tmp_path: Path
) -> None:
    """Records of before the backup are leaves of the new log, and the guards stand again."""
    await grown(ledger)
    while await ledger.log.sequence(KEY, log.BATCH):
        pass
    back_up(temporal, Path(ledger_url.removeprefix("sqlite:///")), tmp_path / "saved")
    restored = tmp_path / "saved" / LEDGER

    begin_new_log(restored)

    assert tally(restored).records == len(await chain_of(ledger))
    opened = await open_ledger(f"sqlite:///{restored}")
    made = await opened.log.sequence(KEY, log.BATCH)
    assert made is not None
    assert made.leaves == tally(restored).records
    assert verify_chain(await chain_of(opened)) is None
    await opened.close()
    with (
        sqlite3.connect(restored) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute("DELETE FROM leaves")
    connection.close()


@pytest.mark.parametrize("name", [TEMPORAL, LEDGER])
async def test_an_altered_backup_is_refused(
    ledger: SqlLedger, ledger_url: str, temporal: Path, tmp_path: Path, name: str
) -> None:
    """One flipped byte, or a file that is gone, and nothing is restored from it."""
    saved = tmp_path / "saved"
    back_up(temporal, Path(ledger_url.removeprefix("sqlite:///")), saved)
    content = bytearray((saved / name).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / name).write_bytes(content)

    with pytest.raises(BackupError, match=name) as altered:
        checked(saved)
    (saved / name).unlink()
    with pytest.raises(BackupError, match=name) as gone:
        checked(saved)

    assert {altered.value.code, gone.value.code} == {"BACKUP-ALTERED"}


async def test_what_is_no_backup_is_refused(
    ledger: SqlLedger, ledger_url: str, temporal: Path, tmp_path: Path
) -> None:
    """No folder is written over, no missing database passed over, no other folder read."""
    file = Path(ledger_url.removeprefix("sqlite:///"))
    full = tmp_path / "full"
    full.mkdir()
    (full / "something").touch()

    for code, attempt in (
        ("BACKUP-FOLDER", lambda: back_up(temporal, file, full)),
        ("BACKUP-NOTHING", lambda: back_up(tmp_path / "none.db", file, tmp_path / "new")),
        ("BACKUP-FORMAT", lambda: checked(full)),
    ):
        with pytest.raises(BackupError) as refused:
            attempt()
        assert refused.value.code == code
