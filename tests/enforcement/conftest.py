"""The ledgers on each real database, as the stores' own tests have them."""

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
    "ledger_url",
    "made_url",
    "postgres_url",
    "sqlite_url",
    "template",
    "template_file",
]
