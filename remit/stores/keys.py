"""Whether a process may open a ledger with the keys that it was given.

The ledger knows which keys its contents are, or may be, encrypted with. Who was not given all of
them is refused at the door, so that a wrong or forgotten setting neither loses a value nor writes
one in plain text beside encrypted ones.
"""

from sqlalchemy import Connection, insert, select

from remit.ledger.errors import LedgerError
from remit.stores.database import database_of
from remit.stores.schema import content_keys
from remit.stores.vault import PLAIN, VARIABLE, Vault


def agree(url: str, vault: Vault, now_ms: int) -> None:
    """Note the vault's current key in the ledger at `url`.

    Raises:
        LedgerError: `CONTENT-KEY` when contents may be encrypted with a key that is not at hand.
    """
    database = database_of(url)
    engine = database.open_engine(url, 30_000)
    try:
        with engine.connect() as connection:
            if _is_known(connection, vault):
                return
        with database.migration_lock(url), engine.begin() as connection:
            if not _is_known(connection, vault):
                row = {"key": vault.current, "since_ms": now_ms}
                connection.execute(insert(content_keys).values(row))
    finally:
        engine.dispose()


def _is_known(connection: Connection, vault: Vault) -> bool:
    """Whether nothing is to be noted; raises when the keys do not do."""
    noted = {str(row[0]) for row in connection.execute(select(content_keys.c.key))}
    absent = sorted(noted - vault.known - {PLAIN})
    if absent:
        raise LedgerError(
            "CONTENT-KEY",
            f"the ledger's contents are encrypted with {', '.join(absent)}, and {VARIABLE} "
            "does not name that key",
        )
    return vault.current in noted or (vault.current == PLAIN and not noted)
