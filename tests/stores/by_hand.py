"""A ledger's database without Remit in between: to look at it, and to do what must not be done."""

import sqlite3

import psycopg

REFUSED = (sqlite3.IntegrityError, psycopg.errors.RaiseException)
"""What the database says when it keeps a row as it is."""


def is_file(url: str) -> bool:
    """Whether the ledger is a file."""
    return url.startswith("sqlite")


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    """Ask the database itself."""
    if is_file(url):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        found = connection.execute(query).fetchall()
        connection.close()
        return found
    with psycopg.connect(url) as server:
        return server.execute(query.encode()).fetchall()


def execute(url: str, *orders: str) -> None:
    """Change the database as its owner."""
    if is_file(url):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        try:
            for order in orders:
                connection.execute(order)
            connection.commit()
        finally:
            connection.close()
        return
    with psycopg.connect(url) as server:
        for order in orders:
            server.execute(order.encode())


def altered(url: str, *orders: str) -> None:
    """Change it as somebody who has all of it can: without its triggers."""
    if is_file(url):
        kept = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%#_no#_%' "
        names = [str(row[0]) for row in rows(url, kept + "ESCAPE '#'")]
        execute(url, *[f"DROP TRIGGER {name}" for name in names], *orders)
        return
    execute(url, "SET session_replication_role = replica", *orders)


def zeros(url: str, count: int) -> str:
    """Return the database's word for so many bytes of nothing."""
    return f"zeroblob({count})" if is_file(url) else f"decode(repeat('00', {count}), 'hex')"
