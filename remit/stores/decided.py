"""Records that may hold decisions, in the order of the signed log, a window at a time.

The place in that log is a cursor that never moves: whoever stops at one goes on behind it, and gets
each record once. A window is bounded by places, not by hits, so that a question about a long
ledger takes no long transaction.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from remit.canonical import JSONObject
from remit.stores.schema import leaves, records
from remit.stores.transaction import Transaction

WINDOW = 1000
"""Places of the log that are looked at in one transaction."""
MOST = 200
"""Records that are held at once; they may be large."""
_NEXT = (
    select(leaves.c.position, records.c.root, records.c.seq, records.c.at_ms, records.c.kind)
    .add_columns(records.c.body)
    .join(records, (records.c.root == leaves.c.root) & (records.c.seq == leaves.c.seq))
    .where(
        leaves.c.position >= bindparam("first"),
        leaves.c.position < bindparam("end"),
        records.c.at_ms >= bindparam("since"),
        records.c.body.contains('"effect":"', autoescape=False),
    )
    .order_by(leaves.c.position)
    .limit(bindparam("most"))
)
_SIZE = select(func.max(leaves.c.position))


@dataclass(frozen=True, slots=True)
class Window:
    """Some records, and where to go on."""

    records: Sequence[tuple[int, JSONObject]]
    """Each behind its place in the log."""
    next: int
    """First place that was not looked at."""
    is_last: bool
    """Whether the log ends there."""


def window(tx: Transaction, first: int, since: int) -> Window:
    """Return the next records from a place of the log on, of those not older than a moment."""
    row = tx.one(_SIZE)
    newest = int(str(row[0])) if row and row[0] is not None else -1
    end = min(first + WINDOW, newest + 1)
    found = tx.all(_NEXT, first=first, end=end, since=since, most=MOST)
    made = [(int(str(row[0])), _record(row[1:])) for row in found]
    after = made[-1][0] + 1 if len(made) == MOST else max(end, first)
    return Window(made, after, after > newest)


def _record(row: Sequence[object]) -> JSONObject:
    root, seq, at_ms, kind, body = map(str, row)
    return {
        "root": root,
        "seq": int(seq),
        "at_ms": int(at_ms),
        "kind": kind,
        "body": json.loads(body),
    }
