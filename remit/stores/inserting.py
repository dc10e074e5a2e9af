"""Ways to write a row, named by what they do about one that stands already.

A statement takes many rows. SQLite runs it once per row; PostgreSQL gets all of them as one JSON
value, so that a group of writes costs a statement per table and not one per row.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import (
    JSON,
    ColumnClause,
    Table,
    TableValuedAlias,
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

Insert: TypeAlias = sqlite.Insert | postgresql.Insert
Way: TypeAlias = Callable[[Insert, Table], Executable]
"""Completes the dialect's bare insert into a table."""


def insert_new(statement: Insert, table: Table) -> Executable:
    """Refuse a row that stands already."""
    return statement


def insert_once(statement: Insert, table: Table) -> Executable:
    """Change nothing when the row stands already."""
    return statement.on_conflict_do_nothing()


def upsert(statement: Insert, table: Table) -> Executable:
    """Replace everything but the primary key when the row stands."""
    keys = keys_of(table)
    rest = {column.name: column for column in statement.excluded if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


def add(statement: Insert, table: Table) -> Executable:
    """Add to the numbers of the row that stands; whoever else adds is not overwritten."""
    keys = keys_of(table)
    sums = {one.name: table.c[one.name] + one for one in statement.excluded if one.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=sums)


def change(statement: Insert, table: Table) -> Executable:
    """Change the row that stands under the primary key; nothing when there is none."""
    raise NotImplementedError("no insert")


def remove(statement: Insert, table: Table) -> Executable:
    """Take away the row that stands under the primary key."""
    raise NotImplementedError("no insert")


def keys_of(table: Table) -> Sequence[str]:
    """Return the names of a table's primary key."""
    return [column.name for column in table.primary_key]


def written(dialect: str, way: Way, table: Table, columns: Sequence[str]) -> Executable:
    """Return the statement that writes rows of these columns."""
    if dialect == "postgresql":
        return _all_at_once(way, table, columns)
    if way is change:
        at = [table.c[name] == bindparam(name) for name in keys_of(table)]
        rest = [name for name in columns if name not in keys_of(table)]
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in rest}
        return update(table).where(*at).values(values)
    if way is remove:
        return delete(table).where(*[table.c[name] == bindparam(name) for name in columns])
    return way(sqlite.insert(table).values({name: bindparam(name) for name in columns}), table)


def _all_at_once(way: Way, table: Table, columns: Sequence[str]) -> Executable:
    given = _given(table, columns)
    at = [table.c[name] == given.c[name] for name in keys_of(table)]
    if way is change:
        rest = [name for name in columns if name not in keys_of(table)]
        return update(table).where(*at).values({name: given.c[name] for name in rest})
    if way is remove:
        return delete(table).where(*at)
    rows = select(*[given.c[name] for name in columns])
    return way(postgresql.insert(table).from_select(list(columns), rows), table)


def _given(table: Table, columns: Sequence[str]) -> TableValuedAlias:
    like: ColumnClause[Any] = literal_column(f"NULL::{table.name}")
    rows = func.json_populate_recordset(like, bindparam("rows", type_=JSON))
    # The columns' types are known to the database, from the table.
    return rows.table_valued(*[column(name) for name in columns], name="given")
