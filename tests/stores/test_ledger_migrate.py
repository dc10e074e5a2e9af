"""Making and upgrading a ledger's tables."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores import database
from remit.stores import migrate as migrate_module
from remit.stores.database import database_of
from remit.stores.migrate import migrate, version
from remit.stores.schema import metadata
from remit.stores.sqlite import SQLITE
from remit.stores.version import VERSION


def test_migrations_make_the_tables_that_the_code_describes(empty_url: str) -> None:
    """From nothing the migrations lead to exactly the schema; again they change nothing."""
    migrate(empty_url)
    migrate(empty_url)
    engine = database_of(empty_url).open_engine(empty_url, 1000)
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


async def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    """Several starters at once all succeed, where no ledger was."""
    await asyncio.gather(*[asyncio.to_thread(migrate, empty_url) for _ in range(4)])

    engine = database_of(empty_url).open_engine(empty_url, 1000)
    with engine.connect() as connection:
        assert version(connection) == VERSION
    engine.dispose()


def test_a_file_is_written_ahead(sqlite_url: str) -> None:
    """Readers of the file do not stop its writer."""
    migrate(sqlite_url)
    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))

    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_newer_ledger_is_left_alone(empty_url: str) -> None:
    """A ledger made by a newer Remit is refused with what to do."""
    migrate(empty_url)
    engine = database_of(empty_url).open_engine(empty_url, 1000)
    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    engine.dispose()

    with pytest.raises(LedgerError) as error:
        migrate(empty_url)

    assert error.value.code == "LEDGER-TOO-NEW"


def test_a_migration_that_breaks_leaves_nothing(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a migration is none: the next start begins from the same point."""

    def broken(table: str) -> list[str]:
        return [f"CREATE TRIGGER nonsense ON {table}"]

    real = database_of(empty_url)
    with monkeypatch.context() as patched:
        patched.setattr(database, "named", lambda _: replace(SQLITE, append_only=broken))
        patched.setattr(migrate_module, "database_of", lambda _: real)
        with pytest.raises(LedgerUnavailableError, match="ledger"):
            migrate(empty_url)
    engine = database_of(empty_url).open_engine(empty_url, 1000)
    tables = inspect(engine).get_table_names()
    engine.dispose()
    migrate(empty_url)

    assert tables == []


def test_nobody_else_may_read_the_file(sqlite_url: str) -> None:
    """The ledger holds arguments and outputs: file and log belong to their owner alone."""
    migrate(sqlite_url)
    path = Path(sqlite_url.removeprefix("sqlite:///"))

    assert path.stat().st_mode & 0o077 == 0
