"""A table whose rows are the instances of one model.

Owns the mapping between a flat pydantic model and a STRICT SQLite table. Must never open,
commit or roll back a transaction: that is the store's, so that everything an operation
writes lands together.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from .contract import Missing
from .refusals import Refusal, RefusedError

M = TypeVar("M", bound=BaseModel)
Cell = str | int | None


def _column_type(schema: dict[str, Any]) -> tuple[str, str]:
    """SQL type (or `JSON`) and nullability of a column, read from its field's JSON Schema."""
    kinds = {s.get("type", "object") for s in schema.get("anyOf", [schema])}
    null = "" if "null" in kinds else " NOT NULL"
    names = {"string": "TEXT", "integer": "INTEGER", "boolean": "INTEGER"}
    (kind,) = kinds - {"null"}
    return names.get(kind, "JSON"), null


class Table(Generic[M]):
    """Rows of `model` under the primary key `id`; nested fields are kept as JSON text."""

    def __init__(
        self, name: str, model: type[M], prefix: str, *, indexes: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.model = model
        self.prefix = prefix
        self._indexes = indexes
        self._columns = tuple(model.model_fields)
        schemas = model.model_json_schema()["properties"]
        self._types = {c: _column_type(schemas[c]) for c in self._columns}
        self._nested = frozenset(c for c, (kind, _) in self._types.items() if kind == "JSON")
        marks = ", ".join(f":{c}" for c in self._columns)
        # Quoted, because a field may be called as SQL calls something: `order`, `to`.
        sets = ", ".join(f'"{c}" = :{c}' for c in self._columns)
        names = ", ".join(f'"{c}"' for c in self._columns)
        self._insert = f"INSERT INTO {name} ({names}) VALUES ({marks})"
        self._replace = f"UPDATE {name} SET {sets} WHERE id = :id"
        self._select = f"SELECT {names} FROM {name}"

    @property
    def ddl(self) -> tuple[str, ...]:
        """The statements that create the table and its indexes if they are absent."""
        parts = []
        for column in self._columns:
            kind, null = self._types[column]
            sql = "TEXT" if kind == "JSON" else kind
            primary = " PRIMARY KEY" if column == "id" else ""
            parts.append(f'"{column}" {sql}{null}{primary}')
        table = f"CREATE TABLE IF NOT EXISTS {self.name} ({', '.join(parts)}) STRICT"
        indexes = (
            f'CREATE INDEX IF NOT EXISTS {self.name}_{c} ON {self.name} ("{c}")'
            for c in self._indexes
        )
        return (table, *indexes)

    def new_id(self) -> str:
        """Return a fresh `<prefix>-<12 hex digits>`.

        Random, not counted: an answer that was a lie carries an id too, and a counter would
        give the same id to the next real thing, which an undo of the lie would then take away.
        """
        return f"{self.prefix}-{secrets.token_hex(6)}"

    def _pack(self, row: M) -> dict[str, Cell]:
        values = row.model_dump(mode="json")
        return {c: json.dumps(v) if c in self._nested else v for c, v in values.items()}

    def _unpack(self, cells: Iterable[Cell]) -> M:
        pairs = zip(self._columns, cells, strict=True)
        values = {c: json.loads(str(v)) if c in self._nested else v for c, v in pairs}
        return self.model.model_validate(values)

    def insert(self, db: sqlite3.Connection, row: M) -> M:
        """Insert `row` and return it."""
        db.execute(self._insert, self._pack(row))
        return row

    def change(self, db: sqlite3.Connection, row: M, **changes: object) -> M:
        """Write `row` with `changes` back under its key, and return it."""
        changed = self.model.model_validate({**row.model_dump(), **changes})
        db.execute(self._replace, self._pack(changed))
        return changed

    def get(self, db: sqlite3.Connection, key: str) -> M | None:
        """Return the row with this key, or None."""
        cells = db.execute(f"{self._select} WHERE id = ?", (key,)).fetchone()
        return None if cells is None else self._unpack(cells)

    def need(self, db: sqlite3.Connection, key: str, unknown: Refusal) -> M:
        """Return the row with this key, or refuse with `unknown`."""
        row = self.get(db, key)
        if row is None:
            raise RefusedError(unknown, f"{key!r} is not one of our {self.name}")
        return row

    def to_undo(
        self, db: sqlite3.Connection, key: str, missing: Missing, unknown: Refusal
    ) -> M | None:
        """Return the row to undo; None when it never was and the caller accepts that.

        An id that this table cannot have given out is refused all the same: it is a mistake
        in the caller's mapping, and `absent` would claim an undo that nobody did.
        """
        row = self.get(db, key)
        if row is None and missing == "ok" and re.fullmatch(f"{self.prefix}-[0-9a-f]{{12}}", key):
            return None
        return row or self.need(db, key, unknown)

    def where(self, db: sqlite3.Connection, **equal: Cell) -> list[M]:
        """Return the rows whose columns equal `equal` (all rows without any), oldest first."""
        unknown = equal.keys() - set(self._columns)
        if unknown:
            raise ValueError(f"{self.name} has no column {sorted(unknown)}")
        clause = " AND ".join(f'"{c}" = :{c}' for c in equal)
        sql = f"{self._select}{' WHERE ' + clause if clause else ''} ORDER BY rowid"
        return [self._unpack(cells) for cells in db.execute(sql, equal)]

    def delete(self, db: sqlite3.Connection, key: str) -> None:
        """Delete the row with this key, if it is there."""
        db.execute(f"DELETE FROM {self.name} WHERE id = ?", (key,))
