"""Making and upgrading a ledger's tables."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from remit.ledger.errors import LedgerError
from remit.stores import migrate as migrate_module
from remit.stores import sqlite
from remit.stores.migrate import VERSION, migrate
from remit.stores.schema import metadata


def test_migrations_make_the_tables_that_the_code_describes(ledger_url: str) -> None:
    """From nothing the migrations lead to exactly the schema; again they change nothing."""
    migrate(ledger_url)
    migrate(ledger_url)
    engine = sqlite.open_engine(ledger_url, busy_ms=1000)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


def test_the_version_is_the_newest_script() -> None:
    """The quick check at start compares with the newest migration."""
    config = Config()
    folder = Path(migrate_module.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))

    assert ScriptDirectory.from_config(config).get_current_head() == VERSION


async def test_processes_that_start_together_migrate_once(ledger_url: str) -> None:
    """Several starters at once all succeed, on a file that did not exist."""
    await asyncio.gather(*[asyncio.to_thread(migrate, ledger_url) for _ in range(4)])

    connection = sqlite3.connect(ledger_url.removeprefix("sqlite:///"))
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(VERSION,)]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_newer_ledger_is_left_alone(ledger_url: str) -> None:
    """A ledger made by a newer Remit is refused with what to do."""
    migrate(ledger_url)
    connection = sqlite3.connect(ledger_url.removeprefix("sqlite:///"))
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()

    with pytest.raises(LedgerError) as error:
        migrate(ledger_url)

    assert error.value.code == "LEDGER-TOO-NEW"


def test_a_migration_that_breaks_leaves_nothing(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a migration is none: the next start begins from the same point."""

    def broken(table: str) -> list[str]:
        return [f"CREATE TRIGGER nonsense ON {table}"]

    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "append_only", broken)
        with pytest.raises(Exception, match="ledger"):
            migrate(ledger_url)
    connection = sqlite3.connect(ledger_url.removeprefix("sqlite:///"))
    tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    migrate(ledger_url)

    assert tables == []


def test_nobody_else_may_read_the_file(ledger_url: str) -> None:
    """The ledger holds arguments and outputs: file and log belong to their owner alone."""
    migrate(ledger_url)
    path = Path(ledger_url.removeprefix("sqlite:///"))

    assert path.stat().st_mode & 0o077 == 0
