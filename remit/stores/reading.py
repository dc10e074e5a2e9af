"""Questions about a run that change nothing; each is answered from one snapshot."""

import json
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, select

from remit.canonical import JSONObject
from remit.ledger.entries import Action, Situation, State
from remit.plan.path import StepKey
from remit.stores import actions, chain, deeds, detected, gates, runs
from remit.stores.schema import records
from remit.stores.statements import Row
from remit.stores.transaction import Transaction

_RECORDS = (
    select(
        records.c.root,
        records.c.seq,
        records.c.at_ms,
        records.c.kind,
        records.c.body,
        records.c.prev,
        records.c.hash,
    )
    .where(records.c.root == bindparam("root"), records.c.seq > bindparam("after"))
    .order_by(records.c.seq)
    .limit(bindparam("most"))
)


def look(tx: Transaction, key: StepKey) -> Situation:
    """Return all that one call's pipeline needs to know."""
    tx.expect(
        actions.about(key),
        chain.about(key.root),
        runs.about_admission(key.root, key.parent),
        runs.about(key.root),
        gates.about(key),
        deeds.about(key.root),
        detected.about(key.root),
    )
    own, other, skipped = actions.find(tx, key)
    totals = chain.find_totals(tx, key.root)
    if own is not None and own.reserved_micros:
        left = totals.reserved_micros - own.reserved_micros
        totals = replace(totals, reserved_micros=left)
    return Situation(
        action=own,
        undo=other,
        admission=runs.find_admission(tx, key.root, key.parent),
        run=runs.find(tx, key.root),
        totals=totals,
        gates=gates.find_of_key(tx, key),
        skipped=skipped,
        tools=deeds.find(tx, key.root),
        detected=detected.find(tx, key.root),
    )


def outputs(tx: Transaction, root: str, parent: str, step: str) -> Sequence[Action]:
    """Return the happened calls of a step, of each item's newest generation."""
    rows = actions.find_step(tx, root, parent, step, State.HAPPENED.value)
    found = [actions.action_of(row) for row in rows]
    newest: dict[int | None, int] = {}
    for action in found:
        segment = action.key.segment
        newest[segment.item] = max(segment.generation, newest.get(segment.item, 0))
    return [one for one in found if one.key.segment.generation == newest[one.key.segment.item]]


def skipped(tx: Transaction, root: str, parent: str, step: str) -> Sequence[StepKey]:
    """Return the skipped calls of a step."""
    rows = actions.find_step(tx, root, parent, step, actions.SKIPPED)
    return [actions.key_of(row) for row in rows]


def begun(tx: Transaction, root: str, parent: str, step: str) -> Sequence[Action]:
    """Return what was begun in a path and below it, or only in one step, by effect order."""
    level = actions.find_level(tx, root, parent)
    prefix = f"{parent}/{step}" if parent and step else parent or step
    # Whatever lies below goes on behind the prefix with one of "/@[~", bytewise less than DEL.
    below = actions.find_below(tx, root, prefix, f"{prefix}\x7f")
    marks = "/@[~" if step else "/"
    rows = [row for row in level if not step or row[2] == step]
    rows += [row for row in below if _is_below(str(row[1]), parent, prefix, marks)]
    begun_ = [actions.action_of(row) for row in rows if row[7] != actions.SKIPPED]
    return sorted(begun_, key=_order)


def _is_below(path: str, level: str, prefix: str, marks: str) -> bool:
    """Whether calls in `path` lie below `prefix` and are not of `level` itself."""
    if path == level:
        return False
    return not prefix or path == prefix or path[len(prefix)] in marks


def _order(action: Action) -> tuple[int, int, str]:
    return action.effect_order, action.begun_ms, str(action.key)


def chain_records(tx: Transaction, root: str, after: int, limit: int) -> Sequence[JSONObject]:
    """Return records of a run's chain, in the form that `remit.ledger.records` describes."""
    return [record_of(row) for row in tx.all(_RECORDS, root=root, after=after, most=limit)]


def record_of(row: Row) -> JSONObject:
    """Return a row of `records` in the form that `remit.ledger.records` describes."""
    root, seq, at_ms, kind, body, prev, sealed = row
    return {
        "root": str(root),
        "seq": int(str(seq)),
        "at_ms": int(str(at_ms)),
        "kind": str(kind),
        "body": json.loads(str(body)),
        "prev": str(prev),
        "hash": str(sealed),
    }
