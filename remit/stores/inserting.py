"""What an insert does about a row that stands already; each takes the dialect's own `insert`."""

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

Insert: TypeAlias = sqlite.Insert | postgresql.Insert
Way: TypeAlias = Callable[[Insert, Table], Insert]
"""Completes the dialect's bare insert into a table."""


def bare(dialect: str, table: Table) -> Insert:
    """Return the insert of a dialect; both speak `ON CONFLICT` the same way."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_new(statement: Insert, table: Table) -> Insert:
    """Refuse a row that stands already."""
    return statement


def insert_once(statement: Insert, table: Table) -> Insert:
    """Change nothing when the row stands already."""
    return statement.on_conflict_do_nothing()


def upsert(statement: Insert, table: Table) -> Insert:
    """Replace everything but the primary key when the row stands."""
    keys = [column.name for column in table.primary_key]
    rest = {column.name: column for column in statement.excluded if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)
