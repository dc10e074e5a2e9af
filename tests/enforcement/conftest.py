"""The ledgers on each real database, as the stores' own tests have them."""

from tests.stores.conftest import cluster, ledger_url, postgres_url, sqlite_url, template

__all__ = ["cluster", "ledger_url", "postgres_url", "sqlite_url", "template"]
