"""A shop in a real database: one set of tables in PostgreSQL and SQLite, and its contracts."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from remit.canonical import JSON, JSONObject
from remit.tool.contract import ToolContract
from remit.tool.sql import Dialect, step_keys_ddl
from tests.tool.contracts import contract

TABLES = (
    "CREATE TABLE things (id text PRIMARY KEY, name text NOT NULL, stock integer NOT NULL"
    " CHECK (stock >= 0))",
    "INSERT INTO things VALUES ('a', 'chair', 5), ('b', 'table', 2), ('c', 'lamp', 0)",
)
OPEN: JSONObject = {"type": "object", "additionalProperties": True}
SELECT = "SELECT id, name, stock FROM things WHERE id = :id"
TAKE = "UPDATE things SET stock = stock - :n WHERE id = :id"
ID: JSON = {"id": {"at": "/id"}}
ID_N: JSON = {"id": {"at": "/id"}, "n": {"at": "/n", "type": "integer"}}


@dataclass
class Shop:
    """One database."""

    dialect: Dialect
    url: str
    execute: Callable[[str], list[tuple[object, ...]]]
    """Runs a statement beside the tool, committed."""

    def contract(self, statement: str, parameters: JSON = None, **more: object) -> ToolContract:
        """Return a contract of kind `sql`; a `SELECT` reads, all else writes."""
        call: dict[str, object] = {
            "kind": "sql",
            "dialect": self.dialect,
            "database": self.url,
            "statement": statement,
            "parameters": parameters or {},
        }
        is_read = statement.startswith(("SELECT", "WITH", "VALUES"))
        call |= {} if is_read or "RETURNING" in statement else {"result": "count"}
        given = more.pop("call", {})
        call |= given if isinstance(given, dict) else {}
        document: dict[str, object] = {
            "operation": "read" if is_read else "write",
            "irreversible": not is_read,
            "idempotency": "key" if call.get("step_keys") else "natural",
            "input_schema": OPEN,
            "output_schema": {},
            "destinations": ["localhost"] if self.dialect == "postgresql" else [],
        }
        base = contract().model_dump(mode="json")
        return ToolContract.model_validate(base | document | more | {"call": call})


def of_sqlite(folder: Path) -> Shop:
    """Make the shop in a file of `folder`."""
    file = folder / "shop.db"

    def execute(statement: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(file, timeout=5) as connection:
            return connection.execute(statement).fetchall()

    for statement in (*TABLES, step_keys_ddl("remit_keys", "sqlite")):
        execute(statement)
    return Shop("sqlite", "sqlite:///shop.db", execute)


def of_postgresql(url: str) -> Shop:
    """Make the shop in the empty database of `url`."""

    def execute(statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    for statement in (*TABLES, step_keys_ddl("remit_keys", "postgresql")):
        execute(statement)
    return Shop("postgresql", url.partition("&port")[0], execute)
