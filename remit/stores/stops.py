"""Stops as rows; read in the transaction of every intent, so that one in force holds at once."""

from collections.abc import Sequence

from sqlalchemy import select

from remit.canonical import JSONObject
from remit.ledger.errors import LedgerError
from remit.ledger.stops import CHAIN, Stop
from remit.stores.chain import Chain
from remit.stores.contents import questions, shut_out
from remit.stores.inserting import upsert
from remit.stores.schema import stops
from remit.stores.statements import Row
from remit.stores.transaction import Transaction

_ON, _OFF = "on", "off"
IN_FORCE = select(stops.c.name, stops.c.undos).where(stops.c.state == _ON)
"""Returns every stop in force; see `note`."""
_SELECT = select(*[stops.c[name] for name in ("name", "by", "reason", "undos", "at_ms")])
_LISTED = _SELECT.where(stops.c.state == _ON).order_by(stops.c.name)
_KNOWN = "stops"


def note(tx: Transaction, rows: Sequence[Row]) -> None:
    """Note which stops are in force."""
    tx.note(_KNOWN, {str(name): bool(undos) for name, undos in rows})


def check(tx: Transaction, names: Sequence[str], *, is_undo: bool) -> None:
    """Refuse a call that a stop holds.

    Raises:
        LedgerError: `CALL-STOPPED`.
    """
    known: dict[str, bool] | None = tx.recall(_KNOWN)
    if known is None:
        # Where transactions run side by side, the questions before it keep out whoever stops.
        note(tx, tx.first(*questions(tx), (IN_FORCE, {})))
        known = tx.recall(_KNOWN) or {}
    held = [name for name in names if name in known and (known[name] or not is_undo)]
    if held:
        raise LedgerError("CALL-STOPPED", f"{', '.join(held)} is stopped")


def find(tx: Transaction) -> Sequence[Stop]:
    """Return the stops in force, by name."""
    return [
        Stop(str(name), str(by), str(reason), undos=bool(undos), at_ms=int(str(at_ms)))
        for name, by, reason, undos, at_ms in tx.all(_LISTED)
    ]


def write(tx: Transaction, stop: Stop) -> bool:
    """Begin or end a stop, and tell of it; return whether that changed anything.

    Side by side with it nothing begins: when this is committed, the next call is held.
    """
    shut_out(tx)
    known = {str(name): bool(undos) for name, undos in tx.all(IN_FORCE)}
    wanted = {**known, stop.name: stop.undos} if stop.in_force else dict(known)
    if not stop.in_force:
        wanted.pop(stop.name, None)
    if wanted == known:
        return False
    tx.insert(
        upsert,
        stops,
        {
            "name": stop.name,
            "state": _ON if stop.in_force else _OFF,
            "undos": int(stop.undos),
            "by": stop.by,
            "reason": stop.reason,
            "at_ms": tx.now_ms,
        },
    )
    tx.note(_KNOWN, wanted)
    body: JSONObject = {
        "name": stop.name,
        "in_force": stop.in_force,
        "undos": stop.undos,
        "by": stop.by,
        "reason": stop.reason,
    }
    chain = Chain(tx, CHAIN)
    chain.append("stop", body)
    chain.save()
    return True
