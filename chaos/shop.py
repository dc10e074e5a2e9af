"""The shop that generated plans call: tools of every idempotency kind over one real journal.

It counts effects by business identity (the thing's name) and requests by step key, apart, so that
its journal can convict Remit and not only agree with it. What goes wrong is asked for by argument
(`behave`), once per name, and remembered in the journal, so that a killed shop behaves the same.
"""

import argparse
import asyncio
import hashlib
import sqlite3
import time
from pathlib import Path

from aiohttp import web

_TABLES = """
PRAGMA journal_mode=WAL;
CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, at_ms INTEGER, tool TEXT, name TEXT,
  step_key TEXT, body TEXT);
CREATE TABLE IF NOT EXISTS effects (id INTEGER PRIMARY KEY, at_ms INTEGER, request INTEGER,
  tool TEXT, name TEXT, step_key TEXT, change INTEGER);
CREATE TABLE IF NOT EXISTS behaviours (name TEXT PRIMARY KEY, behave TEXT);
CREATE INDEX IF NOT EXISTS effects_name ON effects (name);
CREATE INDEX IF NOT EXISTS requests_name ON requests (name, tool);
"""
_REMEMBERS = {"make/keyed", "make/checked", "make/burnt", "take/keyed"}
"""Tools that know a step key again."""


class Journal:
    """What was asked, and what came of it, on disk before anybody is answered."""

    def __init__(self, file: Path) -> None:
        """Open or make the journal."""
        self._db = sqlite3.connect(file, isolation_level=None, timeout=20)
        self._db.executescript(_TABLES)

    def ask(self, tool: str, name: str, key: str, body: str) -> tuple[int, bool]:
        """Note a request; return its number and whether it is this tool's first for the name."""
        known = self._db.execute(
            "SELECT 1 FROM requests WHERE name = ? AND tool = ? LIMIT 1", (name, tool)
        ).fetchone()
        noted = self._db.execute(
            "INSERT INTO requests (at_ms, tool, name, step_key, body) VALUES (?, ?, ?, ?, ?)",
            (_now_ms(), tool, name, key, body),
        )
        return int(noted.lastrowid or 0), known is None

    def standing(self, name: str) -> int:
        """Return how many things of this name there are."""
        query = "SELECT COALESCE(SUM(change), 0) FROM effects WHERE name = ?"
        (count,) = self._db.execute(query, (name,)).fetchone()
        return int(count)

    def change(self, request: int, tool: str, name: str, key: str) -> None:
        """Make or take a thing as `tool` does: by key, by name, or on every call."""
        self._db.execute("BEGIN IMMEDIATE")
        by = self._change_of(tool, name, key)
        if by:
            self._db.execute(
                "INSERT INTO effects (at_ms, request, tool, name, step_key, change)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (_now_ms(), request, tool, name, key, by),
            )
        self._db.execute("COMMIT")

    def _change_of(self, tool: str, name: str, key: str) -> int:
        if tool in _REMEMBERS:
            query = "SELECT 1 FROM effects WHERE step_key = ? AND tool = ?"
            if self._db.execute(query, (key, tool)).fetchone() is not None:
                return 0
        if tool == "make/natural":
            return 0 if self.standing(name) else 1
        if tool == "take/natural":
            return -self.standing(name)
        return 1 if tool.startswith("make/") else -1

    def behave(self, name: str, behave: str) -> None:
        """Remember how a name is to behave when it is taken away."""
        self._db.execute("INSERT OR IGNORE INTO behaviours VALUES (?, ?)", (name, behave))

    def behaviour(self, name: str) -> str:
        """Return how a name is to behave."""
        query = "SELECT behave FROM behaviours WHERE name = ?"
        found = self._db.execute(query, (name,)).fetchone()
        return str(found[0]) if found else ""


class Shop:
    """The routes."""

    def __init__(self, journal: Journal) -> None:
        """Write to `journal`."""
        self._journal = journal

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_post("/find", self._find)
        app.router.add_post("/list", self._list)
        app.router.add_post("/{verb:make|take}/{kind}", self._change)
        return app

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "up"})

    async def _find(self, request: web.Request) -> web.Response:
        name = str((await request.json())["name"])
        if self._journal.standing(name) <= 0:
            return _problem(404, "SHOP-ABSENT")
        return _thing(name)

    async def _list(self, request: web.Request) -> web.Response:
        asked = await request.json()
        names = [f"{asked['name']}-i{number}" for number in range(asked["count"])]
        return web.json_response({"items": names})

    async def _change(self, request: web.Request) -> web.StreamResponse:
        tool = f"{request.match_info['verb']}/{request.match_info['kind']}"
        body = await request.read()
        asked = await request.json()
        name, key = str(asked["name"]), request.headers.get("X-Step-Key", "")
        number, first = self._journal.ask(tool, name, key, hashlib.sha256(body).hexdigest())
        behave = str(asked.get("behave", ""))
        if tool.startswith("make/"):
            self._journal.behave(name, behave)
        else:
            behave = self._journal.behaviour(name).replace("undo_", "", 1)
            behave = behave if behave != self._journal.behaviour(name) else ""
        wait_s = int(asked.get("wait_ms", 0)) / 2000
        await asyncio.sleep(wait_s)
        refusal = _refusal(behave, first, request.headers.get("Authorization", ""))
        if refusal is not None:
            return refusal
        if behave == "drop" and first:
            return _hang_up(request)
        if behave != "lie":
            self._journal.change(number, tool, name, key)
        await asyncio.sleep(wait_s)
        if behave == "lose" and first:
            return _hang_up(request)
        if behave == "break" and first:
            return _problem(500, "SHOP-BROKEN")
        return _thing(name, "odd" if behave == "odd" else "there")


def _refusal(behave: str, first: bool, authorization: str) -> web.Response | None:
    if behave == "refuse":
        # It repeats the secret on purpose: Remit must not.
        return _problem(409, f"SHOP-REFUSED {authorization}")
    if behave == "stick" and first:
        return _problem(409, "SHOP-STUCK")
    return _problem(429, "SHOP-LATER") if behave == "later" and first else None


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def _thing(name: str, status: str = "there") -> web.Response:
    return web.json_response({"name": name, "status": status})


def _problem(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code}}, status=status)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m chaos.shop", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--db", type=Path, required=True)
    given = parser.parse_args()
    app = Shop(Journal(given.db)).app()
    web.run_app(app, host="127.0.0.1", port=given.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
