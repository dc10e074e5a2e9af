"""How the ledger's tables write what stands in many of them, and the values of a step key there."""

import sqlalchemy
from sqlalchemy import BigInteger, Column, Index, Text
from sqlalchemy.dialects import postgresql

from remit.plan.path import StepKey

TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Text that is compared byte by byte, whatever the database's language."""


def text(name: str, *, key: bool = False) -> Column[str]:
    """Return a column of text that is never absent."""
    return Column(name, TEXT, primary_key=key, nullable=False)


def number(name: str, *, key: bool = False, absent: bool = False) -> Column[int]:
    """Return a column of whole numbers."""
    return Column(name, BigInteger, primary_key=key, nullable=absent, autoincrement=False)


def step_key_columns() -> tuple[Column[str], Column[str], Column[str]]:
    """Return the columns that name a call, as a part of the primary key."""
    return text("root", key=True), text("path", key=True), text("direction", key=True)


def step_key_values(key: StepKey) -> dict[str, str]:
    """Return what stands in those columns."""
    return {"root": key.root, "path": key.path, "direction": key.direction.value}


def few(name: str, *columns: str, only: str) -> Index:
    """Return an index of the few rows for which `only` holds."""
    condition = sqlalchemy.text(only)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)
