"""Ways to write rows, named by what they do about one that stands already.

A statement takes many rows. SQLite runs it once per row; PostgreSQL gets all of them as one JSON
value, so that a group of writes costs a statement per table and not one per row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    JSON,
    ColumnClause,
    ColumnElement,
    Table,
    bindparam,
    column,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Executable


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are to be written, as the statements of one dialect speak of them."""

    table: Table
    columns: Sequence[str]
    """What they have values for."""
    insert: sqlite.Insert | postgresql.Insert
    """Adds all of them."""
    values: Mapping[str, ColumnElement[Any]]
    """How an update or a deletion names what a row has in a column."""

    @property
    def new(self) -> Sequence[str]:
        """Columns beside the primary key."""
        return [name for name in self.columns if name not in keys_of(self.table)]

    @property
    def standing(self) -> Sequence[ColumnElement[bool]]:
        """Hold for the row that stands under the primary key."""
        return [self.table.c[name] == self.values[name] for name in keys_of(self.table)]


Way: TypeAlias = Callable[[Rows], Executable]
"""Makes the statement that writes rows."""


def insert_new(rows: Rows) -> Executable:
    """Refuse a row that stands already."""
    return rows.insert


def insert_once(rows: Rows) -> Executable:
    """Change nothing when the row stands already."""
    return rows.insert.on_conflict_do_nothing()


def upsert(rows: Rows) -> Executable:
    """Replace everything but the primary key when the row stands."""
    keys = keys_of(rows.table)
    rest = {column.name: column for column in rows.insert.excluded if column.name not in keys}
    return rows.insert.on_conflict_do_update(index_elements=keys, set_=rest)


def add(rows: Rows) -> Executable:
    """Add to the numbers of the row that stands; whoever else adds is not overwritten."""
    keys = keys_of(rows.table)
    given = [column for column in rows.insert.excluded if column.name not in keys]
    sums = {column.name: rows.table.c[column.name] + column for column in given}
    return rows.insert.on_conflict_do_update(index_elements=keys, set_=sums)


def change(rows: Rows) -> Executable:
    """Change the row that stands under the primary key; nothing when there is none."""
    values = {name: rows.values[name] for name in rows.new}
    return update(rows.table).where(*rows.standing).values(values)


def remove(rows: Rows) -> Executable:
    """Take away the row that stands under the primary key."""
    return delete(rows.table).where(*rows.standing)


def keys_of(table: Table) -> Sequence[str]:
    """Return the names of a table's primary key."""
    return [column.name for column in table.primary_key]


def written(dialect: str, way: Way, table: Table, columns: Sequence[str]) -> Executable:
    """Return the statement that writes rows of these columns."""
    return way((_all_at_once if dialect == "postgresql" else _one_by_one)(table, columns))


def _one_by_one(table: Table, columns: Sequence[str]) -> Rows:
    keys = keys_of(table)
    return Rows(
        table,
        columns,
        sqlite.insert(table).values({name: bindparam(name) for name in columns}),
        {name: bindparam(name if name in keys else f"new_{name}") for name in columns},
    )


def _all_at_once(table: Table, columns: Sequence[str]) -> Rows:
    like: ColumnClause[Any] = literal_column(f"NULL::{table.name}")
    rows = func.json_populate_recordset(like, bindparam("rows", type_=JSON))
    # The columns' types are known to the database, from the table.
    given = rows.table_valued(*[column(name) for name in columns], name="given").c
    every = select(*[given[name] for name in columns])
    return Rows(
        table,
        columns,
        postgresql.insert(table).from_select(list(columns), every),
        {name: given[name] for name in columns},
    )
