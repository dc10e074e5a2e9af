"""The ledgers on each real database, as the stores' own tests have them, and a server to call."""

from tests.activities.conftest import environ, origin, tools
from tests.stores.conftest import (
    cluster,
    ledger_url,
    made_url,
    postgres_url,
    sqlite_url,
    template,
    template_file,
)

__all__ = [
    "cluster",
    "environ",
    "ledger_url",
    "made_url",
    "origin",
    "postgres_url",
    "sqlite_url",
    "template",
    "template_file",
    "tools",
]
