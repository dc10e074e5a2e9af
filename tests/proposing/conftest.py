"""A ledger in a file, as the stores' own tests have it."""

from tests.stores.conftest import made_url, sqlite_url, template_file

__all__ = ["made_url", "sqlite_url", "template_file"]
