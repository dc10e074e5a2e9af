"""What a reader asks about many runs at once: open gates, earlier grants, latest runs.

Reads only, each from one snapshot; `open_readonly` opens a ledger for somebody who may do nothing
else, and the database itself refuses whatever he might write.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from sqlalchemy import and_, bindparam, event, func, or_, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from remit.canonical import JSON, JSONObject
from remit.ledger.entries import GateRow, RunRow, VoteRow
from remit.ledger.errors import LedgerError
from remit.stores import gates, reading, runs
from remit.stores.database import Database, database_of
from remit.stores.ledger import SqlLedger, wall_ms
from remit.stores.migrate import version
from remit.stores.schema import chains, records, votes
from remit.stores.schema import gates as gates_table
from remit.stores.schema import runs as run_table
from remit.stores.session import Clock
from remit.stores.transaction import Transaction
from remit.stores.vault import VARIABLE, load_vault
from remit.stores.version import VERSION

MOST_GATES = 2000
"""Open gates that are read at most; beyond that nobody reads a list."""
_MOST_VOTES = 5000

_RUN = [run_table.c[one.name] for one in fields(RunRow)]
_LATEST = (
    select(*_RUN)
    .where(
        run_table.c.plan.like(bindparam("text"), escape="\\"),
        run_table.c.started_ms < bindparam("before"),
    )
    .order_by(run_table.c.started_ms.desc(), run_table.c.root)
    .limit(bindparam("most"))
)
_BY_NAME = (
    select(*_RUN)
    .where(run_table.c.workflow_id == bindparam("name"))
    .order_by(run_table.c.started_ms.desc())
    .limit(bindparam("most"))
)
_VOTED = (
    select(records.c.root, records.c.seq, records.c.at_ms, records.c.kind, records.c.body)
    .add_columns(records.c.prev, records.c.hash)
    .where(
        records.c.root == bindparam("root"),
        or_(records.c.kind == "gate", records.c.kind == "vote", records.c.kind == "gate_end"),
    )
    .order_by(records.c.seq)
    .limit(bindparam("most"))
)
_PULSE = (
    select(gates_table.c.root, gates_table.c.gate, func.count(votes.c.event))
    .select_from(
        gates_table.outerjoin(
            votes, and_(votes.c.root == gates_table.c.root, votes.c.gate == gates_table.c.gate)
        )
    )
    .where(gates_table.c.state == "open")
    .group_by(gates_table.c.root, gates_table.c.gate)
    .order_by(gates_table.c.root, gates_table.c.gate)
)
_LENGTH = select(chains.c.length).where(chains.c.root == bindparam("root"))
_make_run: Callable[..., RunRow] = RunRow


@dataclass(frozen=True, slots=True)
class Open:
    """Every open gate, with its run and the votes that count there."""

    gates: Sequence[GateRow]
    runs: Mapping[str, RunRow]
    """By root chain id."""
    votes: Mapping[tuple[str, str], Sequence[VoteRow]] = field(default_factory=dict)
    """By root chain id and gate."""


class InboxStore:
    """Questions about all runs of one ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        """Ask through the ledger's own snapshots."""
        self._ledger = ledger

    async def open(self, most: int = MOST_GATES) -> Open:
        """Return the open gates, the ones that expire first before the others."""
        return await self._ledger.ask(lambda tx: _open(tx, most))

    async def granted(self, tool: str, most: int) -> Sequence[tuple[GateRow, RunRow]]:
        """Return a tool's latest granted gates, each with its run."""
        return await self._ledger.ask(lambda tx: _granted(tx, tool, most))

    async def latest(
        self, text: str = "", most: int = 50, before_ms: int = 2**62
    ) -> Sequence[RunRow]:
        """Return the latest runs whose plan has `text` in its name, or that are called so."""
        return await self._ledger.ask(lambda tx: _latest(tx, text, most, before_ms))

    async def asked(self, root: str, most: int = 5000) -> Sequence[JSONObject]:
        """Return a run's records of gates and votes, in order."""
        return await self._ledger.ask(
            lambda tx: [reading.record_of(row) for row in tx.all(_VOTED, root=root, most=most)]
        )

    async def pulse(self) -> list[JSON]:
        """Return the open gates, each with how many votes it has had: what differs, happened."""
        return await self._ledger.ask(_pulse)

    async def lengths(self, roots: Sequence[str]) -> Mapping[str, int]:
        """Return how many records each of these runs has: it grows with whatever happens."""
        return await self._ledger.ask(lambda tx: _lengths(tx, roots))


def _open(tx: Transaction, most: int) -> Open:
    found = gates.find_open(tx, most)
    votes: dict[tuple[str, str], list[VoteRow]] = {}
    for root, vote in gates.find_open_votes(tx, _MOST_VOTES):
        votes.setdefault((root, vote.gate), []).append(vote)
    return Open(found, _runs_of(tx, found), votes)


def _runs_of(tx: Transaction, found: Sequence[GateRow]) -> dict[str, RunRow]:
    roots = sorted({gate.root for gate in found})
    if roots:
        tx.expect(*[runs.about(root) for root in roots])
    rows = {root: runs.find(tx, root) for root in roots}
    return {root: row for root, row in rows.items() if row is not None}


def _granted(tx: Transaction, tool: str, most: int) -> Sequence[tuple[GateRow, RunRow]]:
    found = gates.find_granted(tx, tool, most)
    of = _runs_of(tx, found)
    return [(gate, of[gate.root]) for gate in found if gate.root in of]


def _latest(tx: Transaction, text: str, most: int, before_ms: int) -> Sequence[RunRow]:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = tx.all(_LATEST, text=f"%{escaped}%", before=before_ms, most=most)
    named = tx.all(_BY_NAME, name=text, most=most) if text else []
    return [_make_run(*row) for row in (*named, *rows)]


def _pulse(tx: Transaction) -> list[JSON]:
    return [[str(root), str(gate), int(str(votes))] for root, gate, votes in tx.all(_PULSE)]


def _lengths(tx: Transaction, roots: Sequence[str]) -> Mapping[str, int]:
    if not roots:
        return {}
    answers = tx.ask(*[(_LENGTH, {"root": root}) for root in roots])
    return {root: int(str(rows[0][0])) for root, rows in zip(roots, answers, strict=True) if rows}


async def open_readonly(url: str, *, deadline_s: float = 5.0, clock: Clock = wall_ms) -> SqlLedger:
    """Open a ledger that stands already, for reading alone.

    Nothing is made or upgraded, and the database refuses every write of these connections.

    Raises:
        LedgerError: `LEDGER-TOO-NEW` or `LEDGER-TOO-OLD`: another version of Remit made it.
        LedgerUnavailableError: it cannot be opened.
        ValueError: `url` is not one that a ledger can live at.
    """
    vault = load_vault(os.environ.get(VARIABLE, ""), os.environ)
    database = database_of(url)
    engine = database.open_engine(url, 0)

    def forbid(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(_forbids_writes(database))
        cursor.close()

    event.listen(engine, "connect", forbid)
    ledger = SqlLedger(
        engine,
        database,
        deadline_s=deadline_s,
        clock=clock,
        bound=256,
        cache_bytes=16 * 1024 * 1024,
        vault=vault,
    )
    try:
        await asyncio.to_thread(_check_version, url)
    except BaseException:
        await ledger.close()
        raise
    return ledger


def _forbids_writes(database: Database) -> str:
    if database.name == "sqlite":
        return "PRAGMA query_only=ON"
    return "SET default_transaction_read_only = on"


def _check_version(url: str) -> None:
    engine = database_of(url).open_engine(url, 1000)
    try:
        with engine.connect() as connection:
            found = version(connection)
    finally:
        engine.dispose()
    if found != VERSION:
        older = found is None or found < VERSION
        code = "LEDGER-TOO-OLD" if older else "LEDGER-TOO-NEW"
        way = "start its workers with this Remit first" if older else "upgrade this Remit"
        raise LedgerError(code, f"the ledger has version {found}; this reads {VERSION}: {way}")
