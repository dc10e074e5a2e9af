"""What people are to be told of, and what they were told already.

Three questions, each by an index of its own: open gates, records about the end
of a gate or a notice, undos that wait for somebody. A message that was sent has a row per channel;
who asks marks with a moment up to where records were looked at, so that a restart finds its place.
"""

import json
from collections.abc import Collection, Sequence
from functools import partial

from sqlalchemy import bindparam, literal_column, select

from remit.canonical import JSONObject
from remit.evidence.fields import path_of, text
from remit.ledger.entries import Turn
from remit.ledger.notices import Asked, Broken, Ended, News, Noted, Place, Sent, State
from remit.stores.archiving import Runs
from remit.stores.inserting import upsert
from remit.stores.schema import actions, gates, records, runs, sent
from remit.stores.statements import Row, Value
from remit.stores.transaction import Transaction

MOST = 5000
"""Rows of each kind in one answer."""
_MARK = "mark"
"""Name of the row that holds how far records were looked at; no notice is called so."""
_PLACE = (runs.c.root, runs.c.workflow_id, runs.c.plan)
_GATE = (
    *(gates.c[name] for name in ("gate", "role", "tool", "proposed_digest", "opened_ms")),
    *(gates.c[name] for name in ("expires_ms", "turns", "remind_ms", "state")),
)
# A condition with a value bound to it would not use an index of those rows alone.
_OPEN = (
    select(*_PLACE, *_GATE)
    .join(runs, runs.c.root == gates.c.root)
    .where(gates.c.state == literal_column("'open'"))
    .order_by(gates.c.expires_ms, gates.c.root, gates.c.gate)
    .limit(MOST)
)
_TOLD = (
    select(*_PLACE, records.c.kind, records.c.at_ms, records.c.seq, records.c.body)
    .join(runs, runs.c.root == records.c.root)
    .where(
        records.c.kind.in_([literal_column("'gate_end'"), literal_column("'notice'")]),
        records.c.at_ms >= bindparam("since"),
    )
    .order_by(records.c.at_ms, records.c.root, records.c.seq)
    .limit(MOST)
)
_ONE = (
    select(*_PLACE, *_GATE)
    .join(runs, runs.c.root == gates.c.root)
    .where(gates.c.root == bindparam("root"), gates.c.gate == bindparam("gate"))
)
_BROKEN = (
    select(*_PLACE, actions.c.path, actions.c.tool, actions.c.attempts)
    .join(runs, runs.c.root == actions.c.root)
    .where(
        actions.c.direction == literal_column("'undo'"),
        actions.c.state.in_([literal_column("'failed'"), literal_column("'refused'")]),
        actions.c.code != literal_column("'UNDO-HANDED-OVER'"),
    )
    .order_by(actions.c.root, actions.c.path)
    .limit(MOST)
)
_SENT = select(sent.c.channel).where(sent.c.notice == bindparam("notice"))
_MARKED = select(sent.c.at_ms).where(sent.c.notice == _MARK, sent.c.channel == "")


class NoticeStore:
    """What is to be told, and what was, of one ledger."""

    def __init__(self, write: Runs, read: Runs) -> None:
        """Work through the ledger's own transactions."""
        self._write = write
        self._read = read

    async def news(self, since_ms: int) -> News:
        """Return what is open or broken, and the ends and notices of a moment and later."""
        return await self._read(partial(_news, since_ms=since_ms))

    async def sent(self, notices: Collection[str]) -> set[tuple[str, str]]:
        """Return the channels to which these messages are settled, as pairs of both."""
        return await self._read(partial(_settled, notices=notices))

    async def settle(self, done: Sequence[Sent]) -> None:
        """Remember what became of messages."""
        await self._write(partial(_settle, done=done))

    async def mark(self) -> int | None:
        """Return up to which moment records were looked at; `None`: never."""
        return await self._read(_mark)

    async def move_mark(self, at_ms: int) -> None:
        """Remember up to which moment records were looked at."""
        await self._write(partial(_move, at_ms=at_ms))


def _news(tx: Transaction, since_ms: int) -> News:
    told = tx.all(_TOLD, since=since_ms)
    ended = [found for row in told if row[3] == "gate_end" for found in _ended(tx, row)]
    return News(
        open=[_asked(row) for row in tx.all(_OPEN)],
        ended=ended,
        noted=[_noted(row) for row in told if row[3] == "notice"],
        broken=[_broken(row) for row in tx.all(_BROKEN)],
        is_all=len(told) < MOST,
    )


def _settled(tx: Transaction, notices: Collection[str]) -> set[tuple[str, str]]:
    found = ((name, tx.all(_SENT, notice=name)) for name in notices)
    return {(name, str(channel)) for name, rows in found for (channel,) in rows}


def _settle(tx: Transaction, done: Sequence[Sent]) -> None:
    for one in done:
        _put(tx, one.notice, one.channel, one.state, tx.now_ms)


def _mark(tx: Transaction) -> int | None:
    row = tx.one(_MARKED)
    return None if row is None else int(str(row[0]))


def _move(tx: Transaction, at_ms: int) -> None:
    _put(tx, _MARK, "", "", at_ms)


def _put(tx: Transaction, notice: str, channel: str, state: State | str, at_ms: int) -> None:
    row: dict[str, Value] = {"notice": notice, "channel": channel, "state": state, "at_ms": at_ms}
    tx.insert(upsert, sent, row)


def _place(row: Row) -> Place:
    root, workflow_id, plan = map(str, row[:3])
    return Place(root, workflow_id, plan)


def _asked(row: Row) -> Asked:
    gate, role, tool, digest, opened_ms, expires_ms, turns, remind_ms = row[3:11]
    return Asked(
        place=_place(row),
        gate=str(gate),
        role=str(role),
        tool=str(tool),
        digest=str(digest),
        opened_ms=int(str(opened_ms)),
        expires_ms=int(str(expires_ms)),
        then=tuple(Turn(**turn) for turn in json.loads(str(turns))),
        remind_every_ms=int(str(remind_ms)),
    )


def _ended(tx: Transaction, row: Row) -> Sequence[Ended]:
    body = _body(row)
    gate = tx.one(_ONE, root=str(row[0]), gate=text(body, "gate"))
    if gate is None:
        return ()
    return (Ended(_asked(gate), text(body, "state"), int(str(row[4])), int(str(row[5]))),)


def _noted(row: Row) -> Noted:
    body = _body(row)
    at_ms, seq = int(str(row[4])), int(str(row[5]))
    return Noted(_place(row), path_of(body), text(body, "role"), at_ms, seq)


def _broken(row: Row) -> Broken:
    return Broken(_place(row), str(row[3]), str(row[4]), int(str(row[5])))


def _body(row: Row) -> JSONObject:
    body: JSONObject = json.loads(str(row[6]))
    return body
