"""What Alembic runs: the migrations, on the connection and in the transaction it is given."""

from alembic import context
from sqlalchemy import Connection

from remit.stores.schema import metadata


def run() -> None:
    """Run the migrations; `remit.stores.migrate` holds the lock and commits."""
    connection = context.config.attributes["connection"]
    if not isinstance(connection, Connection):
        raise TypeError("migrations run through remit.stores.migrate")
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
    context.run_migrations()


run()
