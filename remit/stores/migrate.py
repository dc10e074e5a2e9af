"""Bringing a ledger's tables to the version that this code needs.

The migrations are part of the package, so a wheel carries them. Several processes may start at
once: a lock lets one migrate, and the others find the work done. A ledger that is newer than the
code is refused, never touched.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.database import Database, database_of
from remit.stores.version import VERSION


def migrate(url: str) -> None:
    """Create or upgrade the ledger at `url`.

    Raises:
        LedgerError: `LEDGER-TOO-NEW` when a newer Remit made it.
        LedgerUnavailableError: when it cannot be opened, or is something else.
    """
    try:
        _migrate(url)
    except OSError as error:
        raise LedgerUnavailableError(f"the ledger cannot be opened: {error}") from error
    except DBAPIError as error:
        raise LedgerUnavailableError(f"the ledger cannot be upgraded: {error.orig}") from error


def _migrate(url: str) -> None:
    database = database_of(url)
    with database.migration_lock(url):
        engine = database.open_engine(url, 30_000)
        try:
            with engine.connect() as connection:
                found = version(connection)
            if found == VERSION:
                return
            if found is not None and found > VERSION:
                raise LedgerError(
                    "LEDGER-TOO-NEW",
                    f"the ledger has version {found}; this Remit knows {VERSION}: upgrade it",
                )
            _upgrade(engine, database)
        finally:
            engine.dispose()


def version(connection: Connection) -> str | None:
    """Return the version of the tables, or `None` when there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return found


def _upgrade(engine: Engine, database: Database) -> None:
    # Alembic takes a third of a second to import; an up-to-date ledger does not need it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        connection.exec_driver_sql(database.begin_write)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
