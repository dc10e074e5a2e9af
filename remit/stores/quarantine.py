"""Answers in quarantine as rows; their chain tells of each, and of what became of it."""

import json
from collections.abc import Sequence

from sqlalchemy import bindparam, select

from remit.canonical import JSONObject, canonical
from remit.ledger.entries import Content
from remit.ledger.errors import LedgerError
from remit.ledger.quarantine import Quarantined, QuarantineRow, State, reference_of
from remit.plan.path import StepKey
from remit.stores import runs
from remit.stores.chain import Chain
from remit.stores.inserting import insert_new
from remit.stores.schema import quarantine
from remit.stores.statements import Row, Value
from remit.stores.transaction import Transaction

_NAMES = (
    *("reference", "root", "path", "tenant", "tool", "contract", "owner", "code", "misses"),
    *("output", "size", "at_ms", "state", "by", "reason", "ended_ms"),
)
_SELECT = select(*[quarantine.c[name] for name in _NAMES])
_FIND = _SELECT.where(quarantine.c.reference == bindparam("reference"))
_LIST = (
    _SELECT.where(quarantine.c.state == bindparam("state"))
    .order_by(quarantine.c.at_ms.desc(), quarantine.c.reference)
    .limit(bindparam("most"))
)
_RELEASED = (
    select(quarantine.c.reference)
    .where(
        quarantine.c.output == bindparam("output"),
        quarantine.c.tenant == bindparam("tenant"),
        quarantine.c.tool == bindparam("tool"),
        quarantine.c.state == "released",
    )
    .order_by(quarantine.c.reference)
    .limit(1)
)


def hold(
    tx: Transaction, chain: Chain, key: StepKey, tool: str, contract: str,
    output: Content, why: Quarantined,
) -> None:  # fmt: skip
    """Put an answer into quarantine, together with its outcome."""
    run = runs.find(tx, key.root)
    reference = reference_of(key.root, key.path)
    row: dict[str, Value] = {
        "reference": reference,
        "root": key.root,
        "path": key.path,
        "tenant": run.tenant if run else "",
        "tool": tool,
        "contract": contract,
        "owner": why.owner,
        "code": why.code,
        "misses": canonical(list(why.misses)).decode(),
        "output": output.digest,
        "size": len(output.body),
        "at_ms": tx.now_ms,
        **_ending("held", "", "", 0),
    }
    tx.insert(insert_new, quarantine, row)
    body: JSONObject = {
        "path": key.path,
        "direction": key.direction.value,
        "reference": reference,
        "tool": tool,
        "contract": contract,
        "owner": why.owner,
        "code": why.code,
        "misses": list(why.misses),
        "output": output.digest,
    }
    chain.append("quarantine", body)


def released(tx: Transaction, tenant: str, tool: str, output: str) -> str:
    """Return by which release this very answer of a tool passes; empty for none."""
    row = tx.one(_RELEASED, output=output, tenant=tenant, tool=tool)
    return "" if row is None else str(row[0])


def find(tx: Transaction, reference: str) -> QuarantineRow | None:
    """Return an answer that is or was in quarantine."""
    row = tx.one(_FIND, reference=reference)
    return None if row is None else _row(row)


def find_all(tx: Transaction, state: str, most: int) -> Sequence[QuarantineRow]:
    """Return the answers in a state, the newest first."""
    return [_row(row) for row in tx.all(_LIST, state=state, most=most)]


def ending(
    tx: Transaction, reference: str, root: str, state: State, by: str, reason: str
) -> QuarantineRow | None:
    """Return an answer that is to be ended so; `None` when this very order did that already.

    Raises:
        LedgerError: `QUARANTINE-ABSENT`, `QUARANTINE-ENDED`.
    """
    row = find(tx, reference)
    if row is None or row.root != root:
        raise LedgerError("QUARANTINE-ABSENT", f"nothing of this run is called {reference!r}")
    if (row.state, row.by, row.reason) == (state, by, reason):
        return None
    if row.state != "held":
        raise LedgerError("QUARANTINE-ENDED", f"{reference} was {row.state} by {row.by}")
    return row


def end(tx: Transaction, row: QuarantineRow, state: State, by: str, reason: str) -> None:
    """Write what became of an answer."""
    tx.change(quarantine, {"reference": row.reference, **_ending(state, by, reason, tx.now_ms)})
    chain = Chain(tx, row.root)
    body: JSONObject = {
        "path": row.path,
        "reference": row.reference,
        "state": state,
        "by": by,
        "reason": reason,
    }
    chain.append("quarantine_end", body)
    chain.save()


def release(tx: Transaction, reference: str, root: str, by: str, reason: str) -> None:
    """Let the very same answer pass from now on."""
    row = ending(tx, reference, root, "released", by, reason)
    if row is not None:
        end(tx, row, "released", by, reason)


def _ending(state: State, by: str, reason: str, ended_ms: int) -> dict[str, Value]:
    return {"state": state, "by": by, "reason": reason, "ended_ms": ended_ms}


def _row(row: Row) -> QuarantineRow:
    found = dict(zip(_NAMES, row, strict=True))
    found["misses"] = json.loads(str(found["misses"]))
    return QuarantineRow(**found)  # type: ignore[arg-type]  # the table's own types
